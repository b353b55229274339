package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cache keeps content by what it is: a commit or a checksum. Entries never change, and many
// processes may share them: each is written aside and renamed when it is complete.
//
//	git/COMMIT/{tree/,about.json,commit}
//	sha256/SUM/{tree/,about.json,archive,archive.sig,archive.minisig}
//	refs/….json   what a branch, tag or archive was when it was last asked for
type cache struct{ dir string }

// about is what the cache notes of an entry.
type about struct {
	From       string   `json:"from"`                 // the repository or archive that it came from first
	Top        string   `json:"top,omitempty"`        // the only folder of an archive
	Submodules []string `json:"submodules,omitempty"` // paths that are other repositories, not fetched
	Pointers   []string `json:"pointers,omitempty"`   // files whose content is in Git LFS, not fetched
}

const abandoned = 24 * time.Hour // a folder written aside and left by a killed process

func (c cache) entry(s Source) string {
	kind := "git"
	if s.Kind == Archive {
		kind = "sha256"
	}
	return filepath.Join(c.dir, kind, s.ID())
}

// has reads the note of a pinned source's entry, if there is one.
func (c cache) has(s Source) (a about, ok bool) {
	if !s.Pinned() {
		return a, false
	}
	data, err := os.ReadFile(filepath.Join(c.entry(s), "about.json"))
	return a, err == nil && json.Unmarshal(data, &a) == nil
}

// aside makes a folder in which an entry is prepared. drop removes it unless it was kept.
func (c cache) aside() (dir string, drop func(), err error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", nil, c.failed(err)
	}
	c.sweep()
	dir, err = os.MkdirTemp(c.dir, "new-")
	if err != nil {
		return "", nil, c.failed(err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// sweep removes what killed processes have left.
func (c cache) sweep() {
	left, _ := filepath.Glob(filepath.Join(c.dir, "new-*"))
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandoned {
			os.RemoveAll(dir)
		}
	}
}

// keep makes the prepared folder the entry of a pinned source. Another process may have
// been faster; its entry has the same content.
func (c cache) keep(aside string, s Source, a about) error {
	data, err := json.Marshal(a)
	if err == nil {
		err = os.WriteFile(filepath.Join(aside, "about.json"), data, 0o600)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(c.entry(s)), 0o700)
	}
	if err == nil {
		err = os.Rename(aside, c.entry(s))
	}
	if _, there := c.has(s); there {
		return nil
	}
	return c.failed(err)
}

// note remembers what a source that is not pinned stands for now.
func (c cache) note(s Source, id string) error {
	dir := filepath.Join(c.dir, "refs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c.failed(err)
	}
	f, err := os.CreateTemp(dir, "new-")
	if err != nil {
		return c.failed(err)
	}
	_, err = f.WriteString(id + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.refFile(s))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return c.failed(err)
}

// noted is what note remembers, "" if nothing.
func (c cache) noted(s Source) string {
	data, err := os.ReadFile(c.refFile(s))
	if id := strings.TrimSpace(string(data)); err == nil && s.Pin(id).Pinned() {
		return id
	}
	return ""
}

func (c cache) refFile(s Source) string {
	s.Dir = ""
	sum := sha256.Sum256([]byte(s.String()))
	return filepath.Join(c.dir, "refs", hex.EncodeToString(sum[:16]))
}

// failed explains an error of this machine's file system.
func (c cache) failed(err error) error {
	if err == nil {
		return nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &Error{Message: "cannot write the cache of templates in " + c.dir, Err: err, Status: 1,
		Hints: []string{"free space there, or set XDG_CACHE_HOME to a folder that can be written"}}
}
