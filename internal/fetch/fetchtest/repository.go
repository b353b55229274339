// Package fetchtest makes git repositories and a server for tests of package fetch, with
// neither a git program nor a network.
package fetchtest

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// File is an entry of a commit.
type File struct {
	Mode    filemode.FileMode // 0: a regular file
	Content string            // of a link: its target; of a submodule: its commit
}

// Repository is a bare repository in a folder.
type Repository struct{ store *filesystem.Storage }

// when is the time of all commits, so that their ids are the same in each run.
var when = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// Open opens the repository in a folder, or makes an empty one whose default branch is main.
func Open(dir string) (*Repository, error) {
	r := &Repository{filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return r, nil
	}
	if err := r.store.Init(); err != nil {
		return nil, err
	}
	return r, r.store.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.NewBranchReferenceName("main")))
}

// Commit makes a commit of files, by path, the newest of a branch. sign returns the armored
// signature of the commit's bytes; nil: the commit is not signed.
func (r *Repository) Commit(branch string, files map[string]File, sign func([]byte) string) (id string, err error) {
	tree, err := r.tree(files)
	if err != nil {
		return "", err
	}
	who := object.Signature{Name: "Ada", Email: "ada@example.org", When: when}
	c := &object.Commit{Author: who, Committer: who, Message: "templates\n", TreeHash: tree}
	name := plumbing.NewBranchReferenceName(branch)
	if old, err := r.store.Reference(name); err == nil {
		c.ParentHashes = []plumbing.Hash{old.Hash()}
	}
	if sign != nil {
		o := &plumbing.MemoryObject{}
		if err := c.EncodeWithoutSignature(o); err != nil {
			return "", err
		}
		raw, err := readAll(o)
		if err != nil {
			return "", err
		}
		c.PGPSignature = sign(raw)
	}
	o := r.store.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		return "", err
	}
	h, err := r.store.SetEncodedObject(o)
	if err != nil {
		return "", err
	}
	return h.String(), r.store.SetReference(plumbing.NewHashReference(name, h))
}

// Tag makes an annotated tag of a commit.
func (r *Repository) Tag(name, commit string) error {
	t := &object.Tag{Name: name, Tagger: object.Signature{Name: "Ada", Email: "ada@example.org", When: when}, Message: name + "\n", TargetType: plumbing.CommitObject, Target: plumbing.NewHash(commit)}
	o := r.store.NewEncodedObject()
	if err := t.Encode(o); err != nil {
		return err
	}
	h, err := r.store.SetEncodedObject(o)
	if err != nil {
		return err
	}
	return r.store.SetReference(plumbing.NewHashReference(plumbing.NewTagReferenceName(name), h))
}

// tree stores files, and returns the tree with all of them.
func (r *Repository) tree(files map[string]File) (plumbing.Hash, error) {
	t := &object.Tree{}
	below := map[string]map[string]File{}
	for name, f := range files {
		if dir, rest, ok := strings.Cut(name, "/"); ok {
			if below[dir] == nil {
				below[dir] = map[string]File{}
			}
			below[dir][rest] = f
			continue
		}
		e := object.TreeEntry{Name: name, Mode: f.Mode}
		if e.Mode == 0 {
			e.Mode = filemode.Regular
		}
		var err error
		if e.Mode == filemode.Submodule {
			e.Hash = plumbing.NewHash(f.Content)
		} else if e.Hash, err = r.blob(f.Content); err != nil {
			return plumbing.ZeroHash, err
		}
		t.Entries = append(t.Entries, e)
	}
	for dir, files := range below {
		h, err := r.tree(files)
		if err != nil {
			return h, err
		}
		t.Entries = append(t.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: h})
	}
	slices.SortFunc(t.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	o := r.store.NewEncodedObject()
	if err := t.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return r.store.SetEncodedObject(o)
}

// sortName is the name by which git sorts an entry.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (r *Repository) blob(content string) (plumbing.Hash, error) {
	o := r.store.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := w.Write([]byte(content)); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := w.Close(); err != nil {
		return plumbing.ZeroHash, err
	}
	return r.store.SetEncodedObject(o)
}

// Folder reads a folder's files for Commit.
func Folder(dir string) (map[string]File, error) {
	out := map[string]File{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		f := File{Content: string(data)}
		if info.Mode()&0o111 != 0 {
			f.Mode = filemode.Executable
		}
		out[path.Clean(filepath.ToSlash(rel))] = f
		return err
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s holds no files", dir)
	}
	return out, err
}
