package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// timeFormat is RFC 3339 in UTC with milliseconds, always three digits.
const timeFormat = "2006-01-02T15:04:05.000Z"

// plainEvent is Event without its methods.
type plainEvent Event

// MarshalJSON writes the event as it goes over the wire: one flat object without
// absent fields.
func (e Event) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Seq       int    `json:"seq,omitempty"`
		Timestamp string `json:"timestamp"`
		plainEvent
	}{e.Seq, e.Timestamp.UTC().Format(timeFormat), plainEvent(e)})
	return bytes.TrimRight(buf.Bytes(), "\n"), err
}

// Line is the event as one line of JSON, its end included. Unlike json.Marshal it
// leaves <, > and & readable.
func (e Event) Line() ([]byte, error) {
	doc, err := e.MarshalJSON()
	return append(doc, '\n'), err
}

// Parse reads one event. ok is false for what is none: something else than a
// JSON object with a type and a time.
func Parse(line []byte) (e Event, ok bool) {
	if json.Unmarshal(line, &e) != nil || e.Type == "" || e.Timestamp.IsZero() {
		return Event{}, false
	}
	e.Timestamp = e.Timestamp.UTC().Truncate(time.Millisecond)
	return e, true
}

// Decode reads events, one a line, and hands each on until do fails. Lines that
// are no events (a torn one at the end, say) are passed over.
func Decode(r io.Reader, do func(Event) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if e, ok := Parse(line); ok {
			if err := do(e); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
