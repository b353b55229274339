package coreutils

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// gz is gzip, gunzip and zcat.
func gz(p *proc, args []string) int {
	o, ok := parse(p, args, "dckfn123456789", "decompress stdout keep force")
	if !ok {
		return 1
	}
	dec := o.has("d", "decompress") || strings.Contains(args[0], "gunzip") || strings.Contains(args[0], "zcat")
	if o.has("c", "stdout") || strings.Contains(args[0], "zcat") || len(o.args) == 0 {
		return inputs(p, o.args, func(_ string, r io.Reader) error { return gzCopy(p.Stdout, r, dec) })
	}
	st := 0
	for _, name := range o.args {
		st = max(st, gzFile(p, o, name, dec))
	}
	return st
}

func gzCopy(out io.Writer, r io.Reader, dec bool) error {
	if dec {
		z, err := gzip.NewReader(r)
		if err != nil {
			return plainError("not in gzip format")
		}
		_, err = io.Copy(out, z)
		return err
	}
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, r); err != nil {
		return err
	}
	return z.Close()
}

// gzFile replaces a file by its compressed one, or the other way round. It keeps the mode
// and the time.
func gzFile(p *proc, o *options, name string, dec bool) int {
	v := p.View()
	if _, err := v.Lstat(name); err != nil && dec && !strings.HasSuffix(name, ".gz") {
		name += ".gz"
	}
	i, err := v.Stat(name)
	plain, packed := strings.CutSuffix(name, ".gz")
	target := name + ".gz"
	if dec {
		target = plain
	}
	warn := func(format string, a ...any) int { p.Errorf(format, a...); return 2 }
	switch {
	case err != nil:
		return fail(p, name, err)
	case i.IsDir():
		return warn("%s is a directory -- ignored", name)
	case dec && !packed:
		return warn("%s: unknown suffix -- ignored", name)
	case !dec && packed && !o.has("f", "force"):
		p.Errorf("%s already has .gz suffix -- unchanged", name)
		return 0
	case !i.Mode().IsRegular() || i.Links > 1:
		return refuse(p, name+", which is a link or no file,")
	}
	if _, err := v.Lstat(target); err == nil && !o.has("f", "force") {
		return warn("%s already exists;\tnot overwritten", target)
	}
	if err := gzReplace(p, name, target, i, dec); err != nil {
		_ = v.Remove(target) // half a file would pass for a whole one
		return fail(p, name, err)
	}
	if o.has("k", "keep") {
		return 0
	}
	if err := v.Remove(name); err != nil {
		return fail(p, name, err)
	}
	return 0
}

func gzReplace(p *proc, name, target string, i *fsys.Info, dec bool) error {
	v := p.View()
	in, err := v.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := v.Open(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(gzCopy(out, in, dec), out.Close()); err != nil {
		return err
	}
	if v.UID == 0 {
		if err := v.Chown(target, i.UID, i.GID, false); err != nil {
			return err
		}
	}
	if err := v.Chmod(target, i.Mode()); err != nil {
		return err
	}
	return v.Chtimes(target, i.ModTime(), i.ModTime())
}
