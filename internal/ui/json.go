package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/infrahaus/infrahaus/internal/event"
)

// jsonFace writes one event a line to stdout, each with a single write, so that a reader
// never sees half of it.
type jsonFace struct {
	out  io.Writer
	side io.Writer // stderr
	err  error     // the first error, unless it only means that the reader is gone
}

func newJSON(s *Streams) Display { return &jsonFace{out: s.Out, side: s.Err} }

// Aside writes a line that is not an event to stderr, because stdout has only events.
func (j *jsonFace) Aside(line string) { _, _ = io.WriteString(j.side, oneLine(line)+"\n") }

func (j *jsonFace) Event(e event.Event) error {
	err := writeEvent(j.out, e)
	if j.err == nil && !IsClosed(err) {
		j.err = err
	}
	return err
}

func (j *jsonFace) ShowedTail() bool { return false }
func (j *jsonFace) Close() error     { return j.err }

// WriteJSON writes one document, indented, to stdout.
func WriteJSON(s *Streams, document any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return err
	}
	_, err := s.Out.Write(escape(buf.Bytes()))
	return err
}

// writeEvent writes one event as a line of JSON.
func writeEvent(w io.Writer, e event.Event) error {
	line, err := e.Line()
	if err != nil {
		return err
	}
	_, err = w.Write(escape(line))
	return err
}

// escape writes characters that Clean would remove as \u escapes, which have the same
// value. encoding/json leaves C1 controls and bidi overrides as they are, and a terminal
// would obey them.
func escape(doc []byte) []byte {
	hostile := func(r rune) bool { return r == 0x7f || r >= 0x80 && r < 0xa0 || invisible(r) }
	if !slices.ContainsFunc(doc, func(b byte) bool { return b >= 0x7f }) || !bytes.ContainsFunc(doc, hostile) {
		return doc
	}
	out := make([]byte, 0, len(doc)+64)
	for _, r := range string(doc) {
		switch {
		case !hostile(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
