package ui

import (
	"io"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/event"
)

// EventWriter writes recorded events to stdout one at a time: as JSON lines, as aligned
// text on a terminal, otherwise as tab-separated rows of seq, time, type, step, percent
// and message.
type EventWriter struct {
	s     *Streams
	style styles
	json  bool
}

// NewEventWriter makes the writer of `events`.
func NewEventWriter(s *Streams, asJSON bool) *EventWriter {
	return &EventWriter{s: s, style: newStyles(s.OutColor), json: asJSON}
}

// Event writes one event.
func (w *EventWriter) Event(e event.Event) error {
	switch {
	case w.json:
		return writeEvent(w.s.Out, e)
	case w.s.OutTTY:
		columns, _ := w.s.size()
		line := w.style.dim.Render(padLeft(strconv.Itoa(e.Seq), 4)) + " " + plainLine(e, w.style)
		if by := begunBy(e); by != "" {
			line += " (" + by + ")"
		}
		if e.Type == event.Log { // never cut a text that must be read whole
			line = cut(line, columns)
		}
		_, err := io.WriteString(w.s.Out, line+"\n")
		return err
	}
	percent := ""
	if e.Percent != nil {
		percent = strconv.Itoa(*e.Percent)
	}
	cells := []string{strconv.Itoa(e.Seq), e.Timestamp.UTC().Format(timeFormat), string(e.Type), string(e.Step), percent, e.Message}
	if by := begunBy(e); by != "" {
		cells = append(cells, by)
	}
	return writeRows(w.s.Out, [][]string{cells})
}

// begunBy says on the first event of a run who began it, where, and with which version.
func begunBy(e event.Event) string {
	if e.User+e.Machine == "" {
		return ""
	}
	return Clean(e.User + " on " + e.Machine + ", infrahaus " + e.Version)
}
