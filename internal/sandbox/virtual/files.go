package virtual

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// view is the root user's view of a guest, running or not.
func (d *Driver) view(vmid int) (*fsys.View, func(), error) {
	if g, err := d.guest(vmid); err == nil {
		return &fsys.View{FS: g.fs, Cwd: "/", Umask: 0o022}, func() { d.flush(g) }, nil
	}
	return nil, nil, driver.ErrNotRunning
}

// Push writes a file as pct push does.
func (d *Driver) Push(ctx context.Context, vmid int, path string, r io.Reader, perm, user, group string) error {
	g, err := d.guest(vmid)
	if err != nil {
		return err
	}
	v, done, err := d.view(vmid)
	if err != nil {
		return err
	}
	defer done()
	uid, gid := -1, -1
	if user != "" {
		if uid, err = lookupID(v, "/etc/passwd", user); err != nil {
			return fmt.Errorf("no such user %q in the container", user)
		}
	}
	if group != "" {
		if gid, err = lookupID(v, "/etc/group", group); err != nil {
			return fmt.Errorf("no such group %q in the container", group)
		}
	}
	f, err := v.Open(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return clean(err)
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && perm != "" {
		n, perr := strconv.ParseUint(perm, 8, 32)
		if perr != nil {
			return fmt.Errorf("bad permissions %q", perm)
		}
		err = v.Chmod(path, kernel.FromUnix(uint32(n)))
	}
	if err == nil && (uid >= 0 || gid >= 0) {
		err = v.Chown(path, uid, gid, true)
	}
	_ = g
	return clean(err)
}

func lookupID(v *fsys.View, file, name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	b, err := v.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Split(l, ":"); len(f) > 2 && f[0] == name {
			return strconv.Atoi(f[2])
		}
	}
	return 0, errors.New("not found")
}

// clean words an error as the guest's libc does.
func clean(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %s", pe.Path, kernel.Reason(pe.Err))
	}
	return err
}

// Pull opens a file of the guest.
func (d *Driver) Pull(ctx context.Context, vmid int, path string) (io.ReadCloser, error) {
	v, _, err := d.view(vmid)
	if err != nil {
		return nil, err
	}
	f, err := v.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, clean(err)
	}
	return f, nil
}

func (d *Driver) flush(g *guest) {
	if err := g.fs.Flush(); err != nil {
		d.o.Logf("guest %d: cannot save owners and modes: %v", g.cfg.VMID, err)
	}
}
