package ocitest

import (
	"archive/tar"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
)

// System is a whole Debian with systemd as its init: the root file system of a virtual
// guest's OS template, as one layer.
func System() Image {
	l, err := systemLayer()
	if err != nil {
		panic(err) // a temporary folder that cannot be written
	}
	l = append(l, File{Name: "usr/lib/systemd/libsystemd-shared-252.so"})
	return Image{
		Config: v1.ImageConfig{Cmd: []string{"/sbin/init"}, Env: []string{Path}, StopSignal: "SIGRTMIN+3"},
		Layers: []Layer{l},
	}
}

func systemLayer() (Layer, error) {
	dir, err := os.MkdirTemp("", "ocitest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	f, err := fsys.Open(root, filepath.Join(dir, "owners"), 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	f.SetPool(filepath.Join(dir, "program"))
	if err := image.Layout(f, image.Spec{OS: image.Parse("debian-12"), Hostname: "localhost"}); err != nil {
		return nil, err
	}
	v := &fsys.View{FS: f, Cwd: "/"}
	var l Layer
	return l, walk(v, "/", &l)
}

func walk(v *fsys.View, dir string, l *Layer) error {
	list, err := v.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, i := range list {
		name := path.Join(dir, i.Name())
		x := File{Name: strings.TrimPrefix(name, "/"), Mode: int64(i.Mode().Perm()), UID: i.UID, GID: i.GID}
		switch {
		case i.Mode()&fs.ModeSymlink != 0:
			x.Kind = tar.TypeSymlink
			x.Link, err = v.Readlink(name)
		case i.IsDir():
			x.Name += "/"
		default:
			var b []byte
			b, err = v.ReadFile(name)
			if x.Content = string(b); strings.HasPrefix(x.Content, "\x7fELF") {
				x.Content = Program("")
			}
		}
		if err != nil {
			return err
		}
		*l = append(*l, x)
		if i.IsDir() {
			if err := walk(v, name, l); err != nil {
				return err
			}
		}
	}
	return nil
}
