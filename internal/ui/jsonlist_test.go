package ui

import (
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
