package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A list that is written element by element has the bytes of one that is written whole.
func TestWriteJSONList(t *testing.T) {
	for _, list := range [][]any{{}, {map[string]any{"a": []int{1, 2}, "b": map[string]any{}}}, {1, "x\u009b", map[string]string{"k": "v"}}} {
		var said [2]string
		for i, write := range []func(*Streams) error{
			func(s *Streams) error { return WriteJSON(s, list) },
			func(s *Streams) error {
				return WriteJSONList(s, func(yield func(any, error) bool) {
					for _, e := range list {
						if !yield(e, nil) {
							return
						}
					}
				})
			},
		} {
			path := filepath.Join(t.TempDir(), "out")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := write(&Streams{Out: f}); err != nil {
				t.Fatal(err)
			}
			f.Close()
			text, _ := os.ReadFile(path)
			said[i] = string(text)
		}
		if said[0] != said[1] {
			t.Errorf("%q, want %q", said[1], said[0])
		}
	}
}

// After an error in the middle, what is written is no JSON: a program behind a pipe does not
// see the exit status, and would take a closed array for the whole list.
func TestWriteJSONListFails(t *testing.T) {
	broken := errors.New("the database went away")
	for n := range 3 {
		var out bytes.Buffer
		err := WriteJSONList(&Streams{Out: &out}, func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
			yield(0, broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("after %d elements the error is %v", n, err)
		}
		if json.Valid(out.Bytes()) {
			t.Errorf("after %d elements the output is whole: %q", n, out.String())
		}
		if rest := out.String() + "\n]"; n > 0 && !json.Valid([]byte(rest)) {
			t.Errorf("after %d elements the output cannot be completed: %q", n, rest)
		}
	}
}
