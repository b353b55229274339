package ui

import (
	"io"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/event"
)

// EventWriter writes recorded events to stdout, one at a time as they are read:
// JSON lines, aligned text on a terminal, else tab-separated rows of seq, time,
// type, step, percent and message.
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
		line, err := e.Line()
		if err != nil {
			return err
		}
		_, err = w.s.Out.Write(line)
		return err
	case w.s.OutTTY:
		columns, _ := w.s.size()
		line := w.style.dim.Render(padLeft(strconv.Itoa(e.Seq), 4)) + " " + plainLine(e, w.style)
		if e.Type == event.Log { // what must be read whole is never cut
			line = cut(line, columns)
		}
		_, err := io.WriteString(w.s.Out, line+"\n")
		return err
	}
	percent := ""
	if e.Percent != nil {
		percent = strconv.Itoa(*e.Percent)
	}
	return writeRows(w.s.Out, [][]string{{strconv.Itoa(e.Seq), e.Timestamp.UTC().Format(timeFormat), string(e.Type),
		string(e.Step), percent, e.Message}})
}

// LogWriter writes a run's script output to stdout, as the scripts wrote it, a
// heading before each script on a terminal.
type LogWriter struct {
	s      *Streams
	style  styles
	script string
}

// NewLogWriter makes the writer of `logs`.
func NewLogWriter(s *Streams) *LogWriter {
	return &LogWriter{s: s, style: newStyles(s.OutColor)}
}

// Event writes a log event and passes over every other.
func (w *LogWriter) Event(e event.Event) error {
	if e.Type != event.Log {
		return nil
	}
	if !w.s.OutTTY { // a pipe gets the bytes as they came
		_, err := io.WriteString(w.s.Out, e.Message+"\n")
		return err
	}
	text := Clean(e.Message) + "\n"
	if e.Stream == event.Stderr {
		text = w.style.warn.Render(Clean(e.Message)) + "\n"
	}
	if e.ScriptName != w.script {
		w.script = e.ScriptName
		text = w.style.dim.Render("── "+Clean(e.ScriptName)+" ──") + "\n" + text
	}
	_, err := io.WriteString(w.s.Out, text)
	return err
}
