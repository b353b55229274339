package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

// timeFormat is RFC 3339 in UTC with exactly three decimals.
const timeFormat = "2006-01-02T15:04:05.000Z"

// plainEvent is Event without its methods.
type plainEvent Event

// MarshalJSON writes the event in its wire form: one flat object without absent fields.
func (e Event) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Seq       int    `json:"seq,omitempty"`
		Timestamp string `json:"timestamp"`
		plainEvent
		Hints []string `json:"hints,omitempty"`
	}{e.Seq, e.Timestamp.UTC().Format(timeFormat), plainEvent(e), e.Hints()})
	return bytes.TrimRight(buf.Bytes(), "\n"), err
}

// Hints are the lines of Hint. Each is a command to run next, or advice. JSON carries
// them as hints, beside the field hint, which consumers of the original program read.
func (e Event) Hints() []string {
	if e.Hint == "" {
		return nil
	}
	return strings.Split(e.Hint, "\n")
}

// Line is the event as one line of JSON, with the line end. Unlike json.Marshal it does
// not escape <, > and &.
func (e Event) Line() ([]byte, error) {
	doc, err := e.MarshalJSON()
	return append(doc, '\n'), err
}

// maxEvent limits one event on the wire, in bytes: the longest message with every byte
// escaped, and the other fields.
const maxEvent = 8 << 20

// Parse reads one event. ok is false if the line is not a JSON object with a type and a
// time, or if it is longer than maxEvent. Rows and mirrors may have been written by
// anybody, so Parse brings numbers that no event can have into their range.
func Parse(line []byte) (e Event, ok bool) {
	if len(line) > maxEvent || json.Unmarshal(line, &e) != nil || e.Type == "" || e.Timestamp.IsZero() {
		return Event{}, false
	}
	if e.Timestamp = e.Timestamp.UTC().Truncate(time.Millisecond); e.Timestamp.Year() < 1 || e.Timestamp.Year() > 9999 {
		return Event{}, false // it could not be written again
	}
	e.Seq, e.CTID, e.ScriptTotal, e.ElapsedMs = max(e.Seq, 0), max(e.CTID, 0), max(e.ScriptTotal, 0), max(e.ElapsedMs, 0)
	if e.Percent != nil {
		*e.Percent = min(max(*e.Percent, 0), 100)
	}
	if e.ScriptIndex != nil {
		*e.ScriptIndex = max(*e.ScriptIndex, 0)
	}
	return e, true
}

// Decode reads events, one a line, and passes each to do until do fails. It skips lines
// that are not events, such as a line that was cut off at the end.
func Decode(r io.Reader, do func(Event) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(in)
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

// readLine reads to the end of the line. It keeps nothing of a line longer than any
// event.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for over := false; ; {
		part, err := in.ReadSlice('\n')
		if over = over || len(line)+len(part) > maxEvent; !over {
			line = append(line, part...)
		} else {
			line = nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
