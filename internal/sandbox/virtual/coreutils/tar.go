package coreutils

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

type tarrer struct {
	p     *proc
	v     *fsys.View
	o     *options
	strip int
	st    int
	seen  map[uint64]string // files with several links, by number
	met   map[string]bool   // operands that were found in the archive
	bare  bool              // the note about the leading / was printed
}

func tarCmd(p *proc, args []string) int {
	if len(args) > 1 && args[1] != "" && args[1][0] != '-' { // tar xf …
		args = append([]string{args[0], "-" + args[1]}, args[2:]...)
		if i := strings.IndexByte(args[1], 'f'); i > 0 && i < len(args[1])-1 {
			args[1] = args[1][:i] + args[1][i+1:] + "f"
		}
	}
	o, ok := parse(p, args, "cxtvzf:C:pkmPoOT:a", "create extract get list file= directory= strip-components= exclude= numeric-owner same-owner no-same-owner preserve-permissions same-permissions no-same-permissions gzip overwrite keep-old-files null files-from= absolute-names touch verbose skip-old-files to-stdout")
	if !ok {
		return 64
	}
	t := &tarrer{p: p, v: p.View(), o: o, seen: map[uint64]string{}, met: map[string]bool{}}
	if s, has := o.get("strip-components"); has {
		t.strip, _ = strconv.Atoi(s)
	}
	modes := 0
	for _, names := range [][]string{{"c", "create"}, {"x", "extract", "get"}, {"t", "list"}} {
		if o.has(names...) {
			modes++
		}
	}
	if modes > 1 {
		p.Errorf("You may not specify more than one of -c, -x and -t")
		return 2
	}
	if o.has("t", "list") && o.has("v", "verbose") {
		return refuse(p, "a list with -v") + 1
	}
	if s, has := o.get("f", "file"); has && o.has("a") && !strings.HasSuffix(s, ".gz") && !strings.HasSuffix(s, ".tgz") && !strings.HasSuffix(s, ".tar") {
		return refuse(p, "the compression of "+s) + 1
	}
	file, _ := o.get("f", "file")
	dir, _ := o.get("C", "directory")
	start := t.v.Cwd
	if dir != "" {
		if i, err := t.v.Stat(dir); err != nil || !i.IsDir() {
			p.Errorf("%s: Cannot open: %s", dir, kernel.Reason(errors.Join(err)))
			return 2
		}
		t.v.Cwd = t.v.Abs(dir)
	}
	if o.has("c", "create") {
		return t.create(file, start)
	}
	if !o.has("x", "extract", "get", "t", "list") {
		p.Errorf("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options")
		return 2
	}
	in := p.Stdin
	if file != "" && file != "-" {
		v := *t.v
		v.Cwd = start
		f, err := v.Open(file, os.O_RDONLY, 0)
		if err != nil {
			p.Errorf("%s: Cannot open: %s", file, kernel.Reason(err))
			return 2
		}
		defer f.Close()
		in = f
	}
	return t.read(in)
}

func (t *tarrer) read(in io.Reader) int {
	br := bufio.NewReader(in)
	b, _ := br.Peek(2)
	packed := len(b) == 2 && b[0] == 0x1f && b[1] == 0x8b
	if t.o.has("z", "gzip") && !packed {
		t.p.Errorf("gzip: stdin: not in gzip format")
		return 2
	}
	if packed {
		z, err := gzip.NewReader(br)
		if err != nil {
			t.p.Errorf("%v", err)
			return 2
		}
		br = bufio.NewReader(z)
	}
	r := tar.NewReader(br)
	type late struct {
		name string
		h    *tar.Header
	}
	var dirs []late
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.p.Errorf("This does not look like a tar archive: %v", err)
			return 2
		}
		name, ok := t.wanted(h.Name)
		if !ok {
			continue
		}
		if t.o.has("t", "list") {
			t.p.Printf("%s\n", h.Name)
			continue
		}
		if t.o.has("O", "to-stdout") {
			if _, err := io.Copy(t.p.Stdout, r); err != nil {
				return 2
			}
			continue
		}
		if t.o.has("v", "verbose") {
			t.p.Printf("%s\n", h.Name)
		}
		if err := t.extract(name, h, r); err != nil {
			t.p.Errorf("%s: Cannot open: %s", h.Name, kernel.Reason(err))
			t.st = 2
		} else if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, late{name, h})
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := t.attrs(dirs[i].name, dirs[i].h); err != nil {
			t.p.Errorf("%s: Cannot change mode: %s", dirs[i].h.Name, kernel.Reason(err))
			t.st = 2
		}
	}
	_, _ = io.Copy(io.Discard, br) // the padding behind the end
	for _, a := range t.o.args {
		if !t.met[a] {
			t.p.Errorf("%s: Not found in archive", a)
			t.st = 2
		}
	}
	if t.st != 0 {
		t.p.Errorf("Exiting with failure status due to previous errors")
	}
	return t.st
}

// wanted is the entry's name to extract to, after stripping; names never climb out.
func (t *tarrer) wanted(name string) (string, bool) {
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	if t.strip > 0 {
		parts := strings.Split(clean, "/")
		if len(parts) <= t.strip {
			return "", false
		}
		clean = strings.Join(parts[t.strip:], "/")
	}
	if t.excluded(clean) {
		return "", false
	}
	if len(t.o.args) > 0 {
		hit := false
		for _, a := range t.o.args {
			clean := strings.TrimPrefix(path.Clean("/"+a), "/")
			full := strings.TrimPrefix(path.Clean("/"+name), "/")
			if full == clean || strings.HasPrefix(full, clean+"/") {
				hit, t.met[a] = true, true
			}
		}
		if !hit {
			return "", false
		}
	}
	if clean == "" {
		clean = "."
	}
	if t.o.has("P", "absolute-names") && strings.HasPrefix(name, "/") {
		clean = "/" + clean
	}
	return clean, true
}

func (t *tarrer) excluded(name string) bool {
	for _, pat := range t.o.all["exclude"] {
		pat = strings.TrimPrefix(pat, "./")
		if ok, _ := filepath.Match(pat, name); ok {
			return true
		}
		if ok, _ := filepath.Match(pat, path.Base(name)); ok || strings.HasPrefix(name, strings.TrimSuffix(pat, "/*")+"/") {
			return true
		}
	}
	return false
}

func (t *tarrer) extract(name string, h *tar.Header, r io.Reader) error {
	v := t.v
	if dir := path.Dir(name); dir != "." && dir != "/" {
		if err := v.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if h.Typeflag != tar.TypeDir {
		if i, err := v.Lstat(name); err == nil {
			if t.o.has("k", "keep-old-files") {
				return plainError("File exists")
			}
			if t.o.has("skip-old-files") {
				return nil
			}
			if !i.IsDir() {
				if err := v.Remove(name); err != nil {
					return err
				}
			}
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return v.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if err := v.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return t.attrs(name, h)
	case tar.TypeLink:
		return v.Link(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"), name)
	case tar.TypeFifo:
		return v.Mkfifo(name, fs.FileMode(h.Mode).Perm())
	case tar.TypeReg:
	default:
		return nil
	}
	f, err := v.Open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return t.attrs(name, h)
}

// attrs sets mode, owner and time: root keeps the owners of the archive.
func (t *tarrer) attrs(name string, h *tar.Header) error {
	v := t.v
	if h.Typeflag != tar.TypeSymlink {
		mode := kernel.FromUnix(uint32(h.Mode))
		if v.UID != 0 && !t.o.has("p", "preserve-permissions", "same-permissions") || t.o.has("no-same-permissions") {
			mode &^= v.Umask
		}
		if err := v.Chmod(name, mode); err != nil {
			return err
		}
	}
	if v.UID == 0 && !t.o.has("o", "no-same-owner") {
		uid, gid := h.Uid, h.Gid
		if !t.o.has("numeric-owner") {
			if u, ok := t.p.LookupUser(h.Uname); ok && h.Uname != "" {
				uid = u.UID
			}
			if g, ok := t.p.LookupGroup(h.Gname); ok && h.Gname != "" {
				gid = g.GID
			}
		}
		if err := v.Chown(name, uid, gid, false); err != nil {
			return err
		}
	}
	if h.Typeflag != tar.TypeSymlink && !t.o.has("m", "touch") {
		return v.Chtimes(name, h.ModTime, h.ModTime)
	}
	return nil
}
