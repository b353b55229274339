package template

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// TestCopyLeavesNothingBehind: a copy that fails removes what it has written, and nothing
// else.
func TestCopyLeavesNothingBehind(t *testing.T) {
	from := fstest.MapFS{"template.yaml": {Data: []byte("name: x\nos: y\n")}, "files/a": {Data: []byte("a")}, "files/z": {Mode: os.ModeNamedPipe}}
	above := t.TempDir()
	dir := filepath.Join(above, "new")
	if _, err := Copy(dir, from); err == nil {
		t.Error("a pipe was copied")
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", dir, err)
	}
	delete(from, "files/z")
	if files, err := Copy(dir, from); err != nil || len(files) != 2 {
		t.Errorf("%v %v", files, err)
	}
	if _, err := Copy(above, from); !errors.Is(err, ErrExists) {
		t.Errorf("copied over other files: %v", err)
	}
}
