package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Exists reports whether dir holds a catalogue, or something else of its name that Open
// refuses.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, FileName))
	return !errors.Is(err, fs.ErrNotExist)
}

// prepare makes the directory and an empty database with the right modes before
// SQLite sees them: SQLite gives its -wal and -shm files the database's mode.
func prepare(dir, path string) error {
	if err := prepareDir(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return unwritable(dir, err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return unwritable(dir, err)
	case !info.Mode().IsRegular():
		return &Error{Kind: Garbage, Path: path, Err: errors.New("not a regular file"),
			Hint: "move it away: mv " + word(path) + " " + word(path+".old")}
	case info.Mode().Perm()&0o200 == 0: // applies to root too, who could write it
		return readOnly(path, fmt.Errorf("mode %04o", info.Mode().Perm()))
	case info.Mode().Perm()&0o077 != 0:
		_ = os.Chmod(path, 0o600) // the directory belongs to another user; SQLite's own error says more
	}
	return nil
}

func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unwritable(dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	mode := info.Mode()
	if mode.Perm()&0o200 == 0 {
		return unwritable(dir, fmt.Errorf("mode %04o", mode.Perm()))
	}
	if mode.Perm()&0o077 != 0 && mode&fs.ModeSticky == 0 && ours(dir) {
		_ = os.Chmod(dir, 0o700) // may fail if the directory belongs to another user
	}
	return nil
}

// ours reports whether only this tool uses dir: it is empty or holds a catalogue. A
// directory that also holds other things keeps its mode; the tool's files are 0600.
func ours(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() == FileName {
			return true
		}
	}
	return len(entries) == 0
}
