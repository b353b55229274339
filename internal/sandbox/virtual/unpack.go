package virtual

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// unpack makes a root file system of an OCI archive. In the place of a real program for amd64
// is one of the virtual guest, of the same name: if it has none of that name, it says so when
// the program is run.
func unpack(ctx context.Context, f *fsys.FS, c driver.Config) error {
	a, err := oci.Open(c.Image)
	if err != nil {
		return err
	}
	defer a.Close()
	u := &unpacking{v: &fsys.View{FS: f, Cwd: "/"}, folders: map[string]*tar.Header{}}
	if err := a.Walk(ctx, u.add); err != nil {
		return err
	}
	if err := u.finish(); err != nil {
		return err
	}
	for p := range a.Image.Config.Volumes {
		if err := u.v.MkdirAll(path.Join("/", p), 0o755); err != nil {
			return unpackError(p, err)
		}
	}
	return nil
}

type unpacking struct {
	v       *fsys.View
	folders map[string]*tar.Header // their modes come last
}

func unpackError(name string, err error) error {
	var no syscall.Errno
	code := ""
	if errors.As(err, &no) {
		code = fmt.Sprintf(" (os error %d)", int(no))
	}
	return fmt.Errorf("Error while extracting OCI image: IO error: failed to unpack `%s`: %s%s", name, kernel.Reason(err), code) //nolint:staticcheck // Proxmox's words
}

func (u *unpacking) add(h *tar.Header, r io.Reader) error {
	name := path.Join("/", h.Name)
	err := u.v.MkdirAll(path.Dir(name), 0o755)
	if err == nil {
		switch h.Typeflag {
		case tar.TypeDir:
			u.folders[name] = h
			err = u.v.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			if err = u.v.Symlink(h.Linkname, name); err == nil && h.Uid+h.Gid != 0 {
				err = u.v.Chown(name, h.Uid, h.Gid, false)
			}
		case tar.TypeLink:
			err = u.link(path.Join("/", h.Linkname), name)
		default:
			err = u.file(name, h, r)
		}
	}
	if err != nil {
		return unpackError(h.Name, err)
	}
	return nil
}

// link makes a hard link. Programs of the guest's own are named by their file, so that each
// name needs a file.
func (u *unpacking) link(old, name string) error {
	i, err := u.v.Lstat(old)
	if err != nil {
		return err
	}
	if i.Size() < 256 && i.Mode()&0o111 != 0 {
		if b, err := u.v.ReadFile(old); err == nil && bytes.HasPrefix(b, []byte(kernel.Stub)) {
			return u.v.WriteProgram(name, kernel.Stub)
		}
	}
	return u.v.Link(old, name)
}

// program reports whether a file is a program for amd64, by the first bytes of it. Libraries
// have the same header.
func program(name string, head []byte) bool {
	const machine = 18 // where the ELF header names it
	return len(head) > machine && bytes.HasPrefix(head, []byte("\x7fELF")) && head[machine] == 0x3e && !strings.Contains(path.Base(name), ".so")
}

func (u *unpacking) file(name string, h *tar.Header, r io.Reader) error {
	head := make([]byte, min(h.Size, 20))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	if h.Mode&0o111 != 0 && program(name, head) {
		return u.v.WriteProgram(name, kernel.Stub)
	}
	f, err := u.v.Open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.MultiReader(bytes.NewReader(head), r))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return u.own(name, h)
}

// own gives a file the header's owner and mode.
func (u *unpacking) own(name string, h *tar.Header) error {
	if h.Uid+h.Gid != 0 {
		if err := u.v.Chown(name, h.Uid, h.Gid, false); err != nil {
			return err
		}
	}
	return u.v.Chmod(name, kernel.FromUnix(uint32(h.Mode)&0o7777))
}

func (u *unpacking) finish() error {
	for name, h := range u.folders {
		if err := u.own(name, h); err != nil {
			return unpackError(h.Name, err)
		}
	}
	return nil
}

// settle is what Proxmox does in a system that it knows after it was unpacked: root's
// password and keys, and SSH host keys where there is a folder for them.
func settle(f *fsys.FS, c driver.Config, s driver.Secrets, log func(string)) error {
	v := &fsys.View{FS: f, Cwd: "/"}
	if s.RootPassword != "" {
		pass := s.RootPassword
		if !strings.HasPrefix(pass, "$") {
			pass = image.Crypt(pass)
		}
		if _, err := v.Stat("/etc/shadow"); err == nil {
			if err := setShadow(v, 1, pass); err != nil {
				return err
			}
		}
	}
	if len(s.SSHKeys) > 0 {
		if err := v.MkdirAll("/root/.ssh", 0o700); err != nil {
			return err
		}
		if err := v.WriteFile("/root/.ssh/authorized_keys", []byte(strings.Join(s.SSHKeys, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	if _, err := v.Stat("/etc/ssh"); err != nil {
		return nil //nolint:nilerr // no sshd
	}
	return image.HostKeys(f, c.Hostname, log)
}
