package system

import (
	"errors"
	"io/fs"
	"path"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// edits changes files one after the other. The first error stays in err, and
// nothing is changed after it: a full disk shows where a real one would.
type edits struct {
	v   *fsys.View
	err error
}

func (e *edits) do(f func() error) {
	if e.err == nil {
		e.err = f()
	}
}

func (e *edits) mkdir(dir string) { e.do(func() error { return e.v.MkdirAll(dir, 0o755) }) }

// write writes a file and makes the folders above it.
func (e *edits) write(name, text string, mode fs.FileMode) {
	e.mkdir(path.Dir(name))
	e.do(func() error { return e.v.WriteFile(name, []byte(text), mode) })
}

// program writes the file of an implemented program.
func (e *edits) program(name, text string) {
	e.write(name, text, 0o755)
	e.do(func() error { return e.v.Chmod(name, 0o755) })
}

// link makes a link in place of whatever is there.
func (e *edits) link(target, name string) {
	e.mkdir(path.Dir(name))
	e.remove(name)
	e.do(func() error { return e.v.Symlink(target, name) })
}

// remove removes a file; one that is not there is no error.
func (e *edits) remove(name string) {
	e.do(func() error {
		if err := e.v.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}
