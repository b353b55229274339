package ui

import (
	"bufio"
	"bytes"
	"encoding/json"
	"iter"
)

// WriteJSONList writes elements as one array, in the form of WriteJSON, each as soon as it is
// made. After an error of elements the array stays open, so that no reader takes it for whole.
func WriteJSONList[T any](s *Streams, elements iter.Seq2[T, error]) error {
	out := bufio.NewWriterSize(s.Out, 64<<10)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	between := "[\n  "
	for e, err := range elements {
		if err != nil {
			_ = out.Flush()
			return err
		}
		buf.Reset()
		if err := enc.Encode(e); err != nil {
			return err
		}
		_, _ = out.WriteString(between)
		if _, err := out.Write(escape(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))); err != nil {
			return err
		}
		between = ",\n  "
	}
	if between[0] == '[' {
		return WriteJSON(s, []T{})
	}
	_, _ = out.WriteString("\n]\n") // a bufio.Writer keeps its first error
	return out.Flush()
}
