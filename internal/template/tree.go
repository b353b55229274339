package template

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
)

// Limits of a folder.
const (
	maxFiles  = 20_000
	maxFile   = 256 << 20 // bytes
	maxTotal  = 1 << 30   // bytes
	maxScript = 1 << 20   // bytes; also for a package list and for a file whose ${…} is filled in
)

// leaf is one file of the folder, read once for its digest.
type leaf struct {
	size int64
	exec bool
	sum  string
	ends ends
}

// tree is the part of a folder that belongs to the template: its file, and files, scripts
// and packages. Everything else in the folder is the user's.
type tree struct {
	fsys   fs.FS
	leaves map[string]leaf
	total  int64
	report func(Problem)
	full   bool
}

func readTree(fsys fs.FS, report func(Problem), roots ...string) *tree {
	t := &tree{fsys: fsys, leaves: map[string]leaf{}, report: report}
	for _, root := range roots {
		_ = fs.WalkDir(fsys, root, t.visit) // visit records the errors
	}
	return t
}

func (t *tree) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.report(Problem{File: name, Message: "cannot be read: " + plain(err)})
		}
		return nil
	}
	if entry.IsDir() {
		if entry.Name() == ".git" {
			return fs.SkipDir
		}
		return nil
	}
	// Use Stat and not entry.Info: a link inside the folder counts as its target.
	info, err := fs.Stat(t.fsys, name)
	switch {
	case err != nil:
		t.report(Problem{File: name, Message: "cannot be read: " + plain(err), Suggestion: "a link must lead to a file in the template's folder"})
		return nil
	case !info.Mode().IsRegular():
		t.report(Problem{File: name, Message: "is not an ordinary file", Suggestion: "links to folders, pipes and devices are not shipped"})
		return nil
	case info.Size() > maxFile:
		t.report(Problem{File: name, Message: fmt.Sprintf("is larger than %d MiB", maxFile>>20)})
		return nil
	}
	if t.total += info.Size(); t.total > maxTotal || len(t.leaves) >= maxFiles {
		t.report(Problem{File: name, Message: fmt.Sprintf("the folder holds more than %d files or %d MiB", maxFiles, maxTotal>>20)})
		t.full = true
		return fs.SkipAll
	}
	sum, size, ends, err := digest(t.fsys, name)
	if err != nil {
		t.report(Problem{File: name, Message: "cannot be read: " + plain(err)})
		return nil
	}
	t.leaves[name] = leaf{size: size, exec: info.Mode()&0o111 != 0, sum: sum, ends: ends}
	return nil
}

func digest(fsys fs.FS, name string) (sum string, size int64, e ends, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", 0, e, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(io.MultiWriter(h, &e), io.LimitReader(f, maxFile+1)); err != nil {
		return "", 0, e, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, e, nil
}

// under lists all files below a folder, sorted, as full paths.
func (t *tree) under(dir string) []string {
	var out []string
	for name := range t.leaves {
		if strings.HasPrefix(name, dir+"/") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// in lists the names of the files directly in a folder, sorted.
func (t *tree) in(dir string) []string {
	var out []string
	for name := range t.leaves {
		if path.Dir(name) == dir {
			out = append(out, path.Base(name))
		}
	}
	slices.Sort(out)
	return out
}

// read returns the content of a small text file.
func (t *tree) read(name string) ([]byte, bool) {
	l, ok := t.leaves[name]
	switch {
	case !ok:
		return nil, false
	case l.size > maxScript:
		t.report(Problem{File: name, Message: fmt.Sprintf("is larger than %d KiB", maxScript>>10)})
		return nil, false
	}
	data, err := fs.ReadFile(t.fsys, name)
	if err != nil {
		t.report(Problem{File: name, Message: "cannot be read: " + plain(err)})
		return nil, false
	}
	return data, true
}

// sum is the digest over paths, executable bits and contents.
func (t *tree) sum() string {
	names := make([]string, 0, len(t.leaves))
	for name := range t.leaves {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		l := t.leaves[name]
		fmt.Fprintf(h, "%q %t %s\n", name, l.exec, l.sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// plain is an error without its operation and path, which the problem has already.
func plain(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
