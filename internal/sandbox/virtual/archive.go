package virtual

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// unpackArchive makes a root file system of a .tar.gz that was packed in a virtual guest. Its
// programs are those of virtual guests already.
func unpackArchive(ctx context.Context, f *fsys.FS, archive string) error {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("cannot unpack %s: %w", path.Base(archive), err)
	}
	u := &unpacking{v: &fsys.View{FS: f, Cwd: "/"}, folders: map[string]*tar.Header{}}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && h.Typeflag == tar.TypeReg && h.Size < 256 && h.Mode&0o111 != 0 {
			err = u.small(h, r)
		} else if err == nil {
			err = u.add(h, r)
		}
		if err != nil {
			return fmt.Errorf("cannot unpack %s: %w", path.Base(archive), err)
		}
	}
}

// small unpacks a small executable: a program of a virtual guest shares its file with those of
// others.
func (u *unpacking) small(h *tar.Header, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	name := path.Join("/", h.Name)
	if string(b) == kernel.Stub+path.Base(name) {
		if err := u.v.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return u.v.WriteProgram(name, kernel.Stub)
	}
	return u.add(h, bytes.NewReader(b))
}

// fresh is what Proxmox's post_create_hook makes each container's own: it empties the machine
// id, so that the first boot makes one.
func fresh(f *fsys.FS) error {
	v := &fsys.View{FS: f, Cwd: "/"}
	if _, err := v.Stat("/etc/machine-id"); err != nil {
		return nil //nolint:nilerr // there is none
	}
	return v.WriteFile("/etc/machine-id", []byte("\n"), 0o444)
}
