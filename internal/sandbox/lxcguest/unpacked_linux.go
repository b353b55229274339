package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// unpackedIn is the folder with the unpacked archives of all sandboxes that share a dir. Each has
// a file beside it, NAME.lock, with the path of its archive.
func unpackedIn(dir string) string { return filepath.Join(dir, "unpacked") }

// unpackedName is the folder's name for an archive. It holds as long as the archive does not change.
func unpackedName(archive string, fi fs.FileInfo, unprivileged bool) string {
	kind := "privileged"
	if unprivileged {
		kind = "unprivileged"
	}
	return fmt.Sprintf("%s-%s-%x-%x", tag(archive), kind, fi.Size(), fi.ModTime().UnixNano())
}

// unpacked returns a folder with the archive's contents, owned as a guest of
// that kind sees them: the lower layer of every such guest. It is made once. What was unpacked
// from archives that are gone makes room for it.
func (d *Driver) unpacked(ctx context.Context, archive string, image, unprivileged bool) (string, int64, error) {
	fi, err := os.Stat(archive)
	if err != nil {
		return "", 0, err
	}
	base := unpackedIn(d.opt.Dir)
	if err := openDir(base); err != nil {
		return "", 0, err
	}
	dir := filepath.Join(base, unpackedName(archive, fi, unprivileged))
	lock := flock.New(dir + ".lock")
	if ok, err := lock.TryLockContext(ctx, 50*time.Millisecond); !ok {
		return "", 0, err
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(dir); err == nil {
		return dir, fi.Size(), nil
	}
	if err := Prune(d.opt.Dir); err != nil {
		return "", 0, err
	}
	tmp := dir + ".tmp"
	if err := errors.Join(os.WriteFile(dir+".lock", []byte(archive), 0o600), os.RemoveAll(tmp)); err != nil {
		return "", 0, err
	}
	unpack := extract
	if image {
		unpack = extractImage
	}
	if err := unpack(ctx, archive, tmp, unprivileged); err != nil {
		return "", 0, errors.Join(err, os.RemoveAll(tmp))
	}
	return dir, fi.Size(), os.Rename(tmp, dir)
}

// Prune removes what was unpacked from archives that are gone or have changed, unless a guest or
// a volume of any sandbox lies on it. Another process may unpack or prune meanwhile. dir is
// that of Options; "" is DefaultDir.
func Prune(dir string) error {
	if dir == "" {
		dir = DefaultDir
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	base := unpackedIn(dir)
	entries, err := os.ReadDir(base)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() {
			errs = append(errs, pruneOne(dir, filepath.Join(base, strings.TrimSuffix(e.Name(), ".tmp"))))
		}
	}
	return errors.Join(errs...)
}

func pruneOne(dir, folder string) error {
	lock := flock.New(folder + ".lock")
	if mine, err := lock.TryLock(); !mine {
		return err // it is in use just now
	}
	defer func() { _ = lock.Close() }()
	archive, err := os.ReadFile(folder + ".lock")
	if err != nil {
		return err
	}
	if fi, err := os.Stat(string(archive)); err == nil {
		name := filepath.Base(folder)
		if name == unpackedName(string(archive), fi, true) || name == unpackedName(string(archive), fi, false) {
			return nil
		}
	}
	used, err := lowers(dir)
	if err != nil || used[folder] {
		return err
	}
	return errors.Join(os.RemoveAll(folder), os.RemoveAll(folder+".tmp"))
}

// lowers are the folders on which guests and volumes lie.
func lowers(dir string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, kind := range []string{"guests", "volumes"} {
		files, err := filepath.Glob(filepath.Join(dir, "sandboxes", "*", kind, "*", "lower"))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			lower, err := os.ReadFile(f)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			found[string(lower)] = true
		}
	}
	return found, nil
}
