package template

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// schemaLine tells editors with a YAML language server what template.yaml may have.
const schemaLine = "# yaml-language-server: $schema="

// ErrExists is the error of Copy and New for a folder that holds something already.
var ErrExists = errors.New("it exists already")

// CheckName returns an error for a text that cannot be a template's name.
func CheckName(name string) error {
	if !regexp.MustCompile(fieldTag(reflect.TypeFor[document](), "Name", "pattern")).MatchString(name) {
		return fmt.Errorf("%q is no name for a template: letters, digits, dots and dashes, at most 63", name)
	}
	return nil
}

// Folder returns the files of a template, which is found as Find does. The template may be
// faulty: it can be copied and mended.
func Folder(ref string, sources []Source) (fs.FS, error) {
	if f, ok, err := fetch(ref, sources, nil); err != nil {
		return nil, err
	} else if ok {
		return os.DirFS(f.Dir), f.check(sources)
	}
	if dir, ok := pathOf(ref); ok {
		return os.DirFS(dir), nil
	}
	for _, s := range sources {
		if slices.Contains(s.names(), ref) {
			return fs.Sub(s.fsys(), ref)
		}
	}
	if _, err := Find(ref, sources); err != nil {
		return nil, err
	}
	if s, name, ok := declared(ref, sources); ok { // it differs from its folder's
		return fs.Sub(s.fsys(), name)
	}
	return nil, notThere(ref)
}

// New writes a new template to dir: the starter's files, with name for the word NAME.
func New(dir, name string, starter fs.FS) ([]string, error) {
	return write(dir, starter, func(text string) string { return strings.ReplaceAll(text, "NAME", name) })
}

// Copy writes a template's files to dir. They stay as they are, but for the line in
// template.yaml that names the schema.
func Copy(dir string, from fs.FS) ([]string, error) {
	return write(dir, from, func(text string) string { return text })
}

// write writes files to dir, which it makes unless it is an empty folder. It overwrites
// nothing. If it fails, it removes the files and folders that it has made. It returns the
// files, relative to dir.
func write(dir string, from fs.FS, change func(string) string) (made []string, err error) {
	var undo []string
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- {
			_ = os.Remove(undo[i]) // a folder that holds other files stays
		}
	}()
	there, err := os.ReadDir(dir)
	if len(there) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		if _, failed := os.Stat(dir); failed == nil {
			return nil, ErrExists
		}
		return nil, err
	}
	err = fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(change(path)))
		switch {
		case d.IsDir():
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				return err
			}
			if err := os.Mkdir(target, 0o755); err == nil {
				undo = append(undo, target)
			} else if !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not an ordinary file", path)
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		if path == yamlFile && !bytes.Contains(data, []byte(schemaLine)) {
			data = append([]byte(schemaLine+SchemaID+"\n"), data...)
		}
		if err := writeNew(target, []byte(change(string(data))), modeOf(path, d)); err != nil {
			return err
		}
		undo, made = append(undo, target), append(made, change(path))
		return nil
	})
	return made, err
}

// modeOf is the mode of a copy. A template within the binary has lost its modes.
func modeOf(path string, d fs.DirEntry) fs.FileMode {
	info, err := d.Info()
	if strings.HasSuffix(path, ".sh") || err == nil && info.Mode()&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
