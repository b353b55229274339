package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// plainFace writes one line for each event to stderr, for logs and pipes.
type plainFace struct {
	err   io.Writer
	style styles
	quiet bool

	tailOut bool // log lines were printed since the last step
}

func newPlain(s *Streams, quiet bool) Display {
	return &plainFace{err: s.Err, style: newStyles(s.ErrColor), quiet: quiet}
}

// Event skips the error that ends a run. WriteFailure prints it once at the end, with its
// hints, and with its tail if that was not shown.
func (p *plainFace) Event(e event.Event) error {
	if e.Type == event.Error || p.quiet && e.Type != event.Warning {
		return nil
	}
	switch {
	case e.Type == event.Log:
		p.tailOut = true
	case e.Type == event.Step && !e.Waiting:
		p.tailOut = false
	}
	_, err := io.WriteString(p.err, plainLine(e, p.style)+"\n")
	return err
}

// Aside prints a line that is not an event.
func (p *plainFace) Aside(line string) {
	if !p.quiet {
		_, _ = io.WriteString(p.err, p.style.dim.Render(time.Now().UTC().Format(timeFormat))+" "+oneLine(line)+"\n")
	}
}

func (p *plainFace) ShowedTail() bool { return p.tailOut }
func (p *plainFace) Close() error     { return nil }

// timeFormat is RFC 3339 with milliseconds, in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// plainLine formats an event as one line: the time, the step, and the message.
func plainLine(e event.Event, st styles) string {
	var b strings.Builder
	b.WriteString(st.dim.Render(e.Timestamp.UTC().Format(timeFormat)))
	if e.Step != "" {
		b.WriteString(" " + Clean(string(e.Step)))
	}
	if e.Percent != nil {
		fmt.Fprintf(&b, " %d%%", *e.Percent)
	}
	text := oneLine(e.Message)
	switch e.Type {
	case event.Log:
		if e.ScriptName != "" {
			b.WriteString(" " + Clean(e.ScriptName))
		}
		mark := "|"
		if e.Stream == event.Stderr {
			mark = "!"
		}
		b.WriteString(" " + st.dim.Render(mark) + " " + CleanOutput(e.Message))
	case event.Warning:
		b.WriteString(" " + st.warn.Render("warning:") + " " + text)
	case event.Error:
		b.WriteString(" " + st.bad.Render("error:") + " " + text)
	case event.Complete:
		b.WriteString(" " + st.ok.Render("complete:") + " " + text)
	case event.Service:
		b.WriteString(" service: " + serviceText(e, text))
	default:
		b.WriteString(" " + text)
	}
	if e.Hint != "" {
		b.WriteString(" (hint: " + oneLine(e.Hint) + ")")
	}
	return b.String()
}

// oneLine joins the lines of a message, each made safe.
func oneLine(text string) string {
	if isPlain(text) {
		return text
	}
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "; ")
}

func serviceText(e event.Event, text string) string {
	if e.Service == nil || text != "" {
		return text
	}
	return Clean(e.Service.Name) + " " + Clean(string(e.Service.Status))
}
