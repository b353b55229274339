package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	gitcache "github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// askFolder reads a repository of this machine: what is committed, not what lies in its
// working folder. It runs no hook and follows no setting of the repository.
func (f *Fetcher) askFolder(ctx context.Context, s Source) (string, error) {
	files, err := gitFiles(filepath.FromSlash(s.Path))
	if err != nil {
		e := wrong(s, "%s is no git repository", s.Path)
		if !errors.Is(err, os.ErrNotExist) {
			e.Err = err
		}
		return "", e
	}
	store := filesystem.NewStorageWithOptions(files, gitcache.NewObjectLRU(32*gitcache.MiByte), filesystem.Options{AlternatesFS: osfs.New("/")})
	id := s.ID()
	if id == "" {
		a, err := folderAdvert(store)
		if err != nil {
			return "", wrong(s, "its refs cannot be read: %v", err)
		}
		if id, err = a.find(s); err != nil {
			return "", err
		}
	}
	pinned := s.Pin(id)
	if _, there := f.cache.has(pinned); there {
		return id, nil
	}
	dir, drop, err := f.cache.aside()
	if err != nil {
		return "", err
	}
	defer drop()
	return id, f.keepCommit(ctx, pinned, store, dir)
}

// gitFiles opens the folder with a repository's objects: .git below path, path itself, or
// the one that a linked working folder names.
func gitFiles(path string) (billy.Filesystem, error) {
	own := filepath.Join(path, ".git")
	info, err := os.Stat(own)
	switch {
	case err == nil && info.IsDir():
		return osfs.New(own), nil
	case err != nil:
		for _, part := range []string{"HEAD", "objects"} {
			if _, err := os.Stat(filepath.Join(path, part)); err != nil {
				return nil, err
			}
		}
		return osfs.New(path), nil
	}
	linked, err := firstLine(own, path, "gitdir: ")
	if err != nil {
		return nil, err
	}
	common, err := firstLine(filepath.Join(linked, "commondir"), linked, "")
	if errors.Is(err, os.ErrNotExist) {
		return osfs.New(linked), nil
	} else if err != nil {
		return nil, err
	}
	return dotgit.NewRepositoryFilesystem(osfs.New(linked), osfs.New(common)), nil
}

// firstLine reads a path from a small file. A relative one starts at base.
func firstLine(file, base, mark string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	to, ok := strings.CutPrefix(strings.TrimRight(line, "\r"), mark)
	if !ok || to == "" {
		return "", errors.New(file + " names no folder")
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(base, to)
	}
	return to, nil
}

// folderAdvert lists the refs of a repository of this machine.
func folderAdvert(store *filesystem.Storage) (advert, error) {
	a := advert{refs: map[string]string{}, peeled: map[string]string{}}
	refs, err := store.IterReferences()
	if err != nil {
		return a, err
	}
	err = refs.ForEach(func(r *plumbing.Reference) error {
		if r.Type() != plumbing.HashReference {
			return nil
		}
		a.refs[r.Name().String()] = r.Hash().String()
		if tag, err := object.GetTag(store, r.Hash()); err == nil && tag.TargetType == plumbing.CommitObject {
			a.peeled[r.Name().String()] = tag.Target.String()
		}
		return nil
	})
	if head, failed := storer.ResolveReference(store, plumbing.HEAD); failed == nil {
		a.head = head.Hash().String()
	}
	return a, err
}
