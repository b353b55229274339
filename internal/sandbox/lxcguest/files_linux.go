package lxcguest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// openIn opens a path as the guest sees it: all links, also absolute ones, are followed
// below its root and never above.
func (d *Driver) openIn(vmid int, path string, flags int, mode uint64) (*os.File, error) {
	pid := d.Pid(vmid)
	if pid == 0 {
		return nil, driver.ErrNotRunning
	}
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, driver.ErrNotRunning
	}
	defer func() { _ = unix.Close(root) }()
	fd, err := unix.Openat2(root, path, &unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC | unix.O_NONBLOCK), Mode: mode, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Push writes a file in place, as pct push does. Errors are *fs.PathError with the
// system's error number.
func (d *Driver) Push(ctx context.Context, vmid int, path string, r io.Reader, perm, user, group string) error {
	uid, err := d.lookup(vmid, "/etc/passwd", user)
	if err != nil {
		return err
	}
	gid, err := d.lookup(vmid, "/etc/group", group)
	if err != nil {
		return err
	}
	base := d.base(vmid)
	f, err := d.openIn(vmid, path, unix.O_WRONLY|unix.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = d.openIn(vmid, path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o644); err == nil {
			err = errors.Join(f.Chown(base, base), f.Chmod(0o644))
		}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := f.Chown(shift(uid, base), shift(gid, base)); err != nil {
		return err
	}
	if perm == "" {
		return nil
	}
	mode, err := strconv.ParseUint(perm, 8, 32)
	if err != nil {
		return fmt.Errorf("bad file mode %q", perm)
	}
	return unix.Fchmod(int(f.Fd()), uint32(mode))
}

// shift maps a guest's id to the machine's; -1 means that the owner stays unchanged.
func shift(id, base int) int {
	if id < 0 {
		return -1
	}
	return id + base
}

// base is the machine's id of the guest's root.
func (d *Driver) base(vmid int) int {
	var st unix.Stat_t
	if unix.Stat(d.path(vmid, "upper"), &st) != nil {
		return 0
	}
	return int(st.Uid)
}

// lookup finds the id of a name in the guest's passwd or group file; -1 for "".
func (d *Driver) lookup(vmid int, file, name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if id, err := strconv.Atoi(name); err == nil {
		return id, nil
	}
	f, err := d.openIn(vmid, file, unix.O_RDONLY, 0)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Split(s.Text(), ":"); len(w) > 2 && w[0] == name {
			return strconv.Atoi(w[2])
		}
	}
	return -1, &UnknownNameError{Group: strings.HasSuffix(file, "group"), Name: name}
}

// UnknownNameError is the error for a user or group that the guest does not have.
type UnknownNameError struct {
	Group bool
	Name  string
}

func (e *UnknownNameError) Error() string {
	if e.Group {
		return "failed to get group id for " + e.Name
	}
	return "failed to get user id for " + e.Name
}

// Pull opens a file of the guest.
func (d *Driver) Pull(ctx context.Context, vmid int, path string) (io.ReadCloser, error) {
	return d.openIn(vmid, path, unix.O_RDONLY, 0)
}
