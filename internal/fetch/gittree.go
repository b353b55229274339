package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// commit is a commit as it is stored.
type commit struct {
	raw  []byte
	tree plumbing.Hash
}

// maxCommit bounds a commit or a tag in bytes.
const maxCommit = 1 << 20

func readCommit(store storer.EncodedObjectStorer, id string) (commit, error) {
	o, err := store.EncodedObject(plumbing.CommitObject, plumbing.NewHash(id))
	if err != nil {
		return commit{}, err
	}
	var c object.Commit
	if err := c.Decode(o); err != nil {
		return commit{}, err
	}
	r, err := o.Reader()
	if err != nil {
		return commit{}, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxCommit))
	return commit{raw, c.TreeHash}, err
}

// treeWriter writes the files of a commit.
type treeWriter struct {
	ctx      context.Context
	store    storer.EncodedObjectStorer
	unpacker *unpacker
	about    *about
}

func (t *treeWriter) write(id plumbing.Hash, dir string) error {
	if err := context.Cause(t.ctx); err != nil {
		return err
	}
	tree, err := object.GetTree(t.store, id)
	if err != nil {
		return fmt.Errorf("the folder %q is damaged or was not sent: %w", dir, err)
	}
	for _, e := range tree.Entries {
		name := path.Join(dir, e.Name)
		if name != dir+"/"+e.Name && name != e.Name || e.Name == "" {
			return refuse(e.Name, "is no name")
		}
		if err := t.entry(e, name); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeWriter) entry(e object.TreeEntry, name string) error {
	switch e.Mode {
	case filemode.Dir:
		if err := t.unpacker.folder(name); err != nil {
			return err
		}
		return t.write(e.Hash, name)
	case filemode.Submodule:
		t.about.Submodules = append(t.about.Submodules, name)
		return t.unpacker.folder(name)
	case filemode.Regular, filemode.Deprecated, filemode.Executable, filemode.Symlink:
		return t.blob(e, name)
	}
	return refuse(name, "is neither a file, a folder nor a link")
}

// pointerMark is how a file begins whose content is in Git LFS.
const pointerMark = "version https://git-lfs.github.com/spec/"

func (t *treeWriter) blob(e object.TreeEntry, name string) error {
	b, err := object.GetBlob(t.store, e.Hash)
	if err != nil {
		return fmt.Errorf("the file %q is damaged or was not sent: %w", name, err)
	}
	r, err := b.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	head := make([]byte, len(pointerMark))
	n, _ := io.ReadFull(r, head)
	head = head[:n]
	all := io.MultiReader(bytes.NewReader(head), r)
	if e.Mode == filemode.Symlink {
		target, err := io.ReadAll(io.LimitReader(all, int64(t.unpacker.limit.name)+1))
		if err != nil {
			return err
		}
		return t.unpacker.link(name, string(target))
	}
	if string(head) == pointerMark {
		t.about.Pointers = append(t.about.Pointers, name)
	}
	return t.unpacker.file(name, e.Mode == filemode.Executable, all)
}
