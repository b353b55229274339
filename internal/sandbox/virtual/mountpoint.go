package virtual

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// SaveMount moves what is in a folder of a guest to a volume.
func (d *Driver) SaveMount(_ context.Context, vmid int, folder, volume string, keep bool) error {
	to := filepath.Join(d.o.Dir, volumeDir(volume))
	return d.withFS(vmid, func(f *fsys.FS) error {
		v := &fsys.View{FS: f, Cwd: "/"}
		if _, err := v.ReadDir(folder); err != nil {
			return nil //nolint:nilerr // nobody has made it
		}
		if err := errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Join(to, rootfsDir), 0o700)); err != nil {
			return err
		}
		if err := d.openFS(to, func(into *fsys.FS) error { return copyTree(v, &fsys.View{FS: into, Cwd: "/"}, folder, "/") }); err != nil || keep {
			return err
		}
		return empty(f, []string{folder})
	})
}

// LoadMount moves what is in a volume to a folder of a guest.
func (d *Driver) LoadMount(_ context.Context, vmid int, folder, volume string) error {
	from := filepath.Join(d.o.Dir, volumeDir(volume))
	if _, err := os.Stat(filepath.Join(from, rootfsDir)); err != nil {
		return nil //nolint:nilerr // it is new, or another guest has it
	}
	err := d.withFS(vmid, func(f *fsys.FS) error {
		v := &fsys.View{FS: f, Cwd: "/"}
		if err := v.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		return d.openFS(from, func(of *fsys.FS) error { return copyTree(&fsys.View{FS: of, Cwd: "/"}, v, "/", folder) })
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(from)
}

// copyTree copies what is in a folder, as root. A file with several names becomes several files.
func copyTree(from, to *fsys.View, source, target string) error {
	list, err := from.ReadDir(source)
	if err != nil {
		return err
	}
	for _, i := range list {
		a, b := path.Join(source, i.Name()), path.Join(target, i.Name())
		mode := i.Mode()
		switch {
		case mode.IsDir():
			err = to.Mkdir(b, 0o755)
			if errors.Is(err, fs.ErrExist) {
				err = nil
			}
			if err == nil {
				err = copyTree(from, to, a, b)
			}
		case mode&fs.ModeSymlink != 0:
			var link string
			if link, err = from.Readlink(a); err == nil {
				err = to.Symlink(link, b)
			}
		case mode.IsRegular():
			err = copyFile(from, to, a, b)
		default:
			continue // a socket or pipe is nothing without its program
		}
		if err == nil {
			err = to.Chown(b, i.UID, i.GID, false)
		}
		if err == nil && mode&fs.ModeSymlink == 0 {
			err = errors.Join(to.Chmod(b, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)), to.Chtimes(b, i.ModTime(), i.ModTime()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to *fsys.View, source, target string) error {
	r, err := from.Open(source, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := to.Open(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
