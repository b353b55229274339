package coreutils

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func (t *tarrer) create(file, start string) int {
	if len(t.o.args) == 0 && !t.o.has("T", "files-from") {
		t.p.Errorf("Cowardly refusing to create an empty archive")
		return 2
	}
	out := t.p.Stdout
	if file != "" && file != "-" {
		v := *t.v
		v.Cwd = start
		f, err := v.Open(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			t.p.Errorf("%s: Cannot open: %s", file, kernel.Reason(err))
			return 2
		}
		defer f.Close()
		out = f
	}
	if t.o.has("z", "gzip") || t.o.has("a") && strings.HasSuffix(file, "gz") {
		z := gzip.NewWriter(out)
		defer z.Close()
		out = z
	}
	w := tar.NewWriter(out)
	defer w.Close()
	names := t.o.args
	if from, has := t.o.get("T", "files-from"); has {
		b, _ := readAll(t.p, []string{from})
		sep := "\n"
		if t.o.has("null") {
			sep = "\x00"
		}
		for _, n := range strings.Split(string(b), sep) {
			if n != "" {
				names = append(names, n)
			}
		}
	}
	for _, n := range names {
		dot := n == "." || strings.HasPrefix(n, "./")
		err := walk(t.v, n, func(name string, i *fsys.Info) error {
			if dot && name != "." && !strings.HasPrefix(name, "./") {
				name = "./" + name // walk has cleaned it
			}
			return t.add(w, name, i)
		})
		if err != nil {
			if t.p.Context().Err() != nil || kernel.Reason(err) == "Broken pipe" {
				return 2
			}
			t.p.Errorf("%s: Cannot stat: %s", n, kernel.Reason(err))
			t.st = 2
		}
	}
	return t.st
}

func (t *tarrer) add(w *tar.Writer, name string, i *fsys.Info) error {
	if t.excluded(strings.TrimPrefix(name, "./")) {
		return nil
	}
	h := &tar.Header{Name: name, Mode: int64(kernel.ToUnix(i.Mode())), Uid: i.UID, Gid: i.GID, Uname: t.p.UserName(i.UID), Gname: t.p.GroupName(i.GID),
		ModTime: i.ModTime().Truncate(time.Second), Format: tar.FormatGNU}
	if !t.o.has("P", "absolute-names") {
		if h.Name = strings.TrimLeft(name, "/"); h.Name != name && !t.bare {
			t.p.Errorf("Removing leading `/' from member names")
			t.bare = true
		}
	}
	switch {
	case i.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(h.Name, "/")+"/"
	case i.Mode()&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
		h.Linkname, _ = t.v.Readlink(name)
	case i.Mode()&fs.ModeNamedPipe != 0:
		h.Typeflag = tar.TypeFifo
	case i.Links > 1 && t.seen[i.Ino] != "":
		h.Typeflag, h.Linkname = tar.TypeLink, t.seen[i.Ino]
	default:
		h.Typeflag, h.Size = tar.TypeReg, i.Size()
		t.seen[i.Ino] = h.Name
	}
	if t.o.has("v", "verbose") {
		t.p.Printf("%s\n", h.Name)
	}
	if err := w.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	f, err := t.v.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyN(w, f, h.Size)
	return err
}
