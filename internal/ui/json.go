package ui

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/infrahaus/infrahaus/internal/event"
)

// jsonFace writes one event a line to stdout, each with one write, so that a
// reader sees it at once and never half of it.
type jsonFace struct{ out io.Writer }

func newJSON(out io.Writer) Display { return &jsonFace{out: out} }

func (j *jsonFace) Event(e event.Event) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	_, err = j.out.Write(line)
	return err
}

func (j *jsonFace) ShowedTail() bool { return false }
func (j *jsonFace) Close() error     { return nil }

// WriteJSON writes one document, indented, to stdout.
func WriteJSON(s *Streams, document any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return err
	}
	_, err := s.Out.Write(buf.Bytes())
	return err
}
