package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// CheckFolder returns the error that making dir, or a file in it, would meet. It makes
// nothing: a command checks it before the first change.
func CheckFolder(dir string) error {
	if err := makeable(dir); err != nil {
		return unwritable(dir, err)
	}
	return nil
}

// makeable looks at the nearest folder above that exists.
func makeable(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "mkdir", Path: at, Err: syscall.ENOTDIR}
		default:
			if err := accessible(at); err != nil {
				return &fs.PathError{Op: "write", Path: at, Err: err}
			}
			return nil
		}
	}
}
