package coreutils

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// into is where a file goes: the folder's entry if the last operand is a folder.
func into(v *fsys.View, src, dst string, noDir bool) string {
	if i, err := v.Stat(dst); err == nil && i.IsDir() && !noDir {
		return path.Join(dst, path.Base(strings.TrimRight(src, "/")))
	}
	return dst
}

// operands splits sources and target of cp, mv, ln and install.
func operands(p *proc, o *options) (src []string, dst string, ok bool) {
	if t, has := o.get("t", "target-directory"); has {
		return o.args, t, len(o.args) > 0
	}
	if len(o.args) < 2 {
		if len(o.args) == 0 {
			p.Errorf("missing file operand")
		} else {
			p.Errorf("missing destination file operand after %s", q(o.args[0]))
		}
		return nil, "", false
	}
	src, dst = o.args[:len(o.args)-1], o.args[len(o.args)-1]
	if len(src) > 1 {
		if i, err := p.View().Stat(dst); err != nil || !i.IsDir() {
			p.Errorf("target %s: Not a directory", q(dst))
			return nil, "", false
		}
	}
	return src, dst, true
}

func cp(p *proc, args []string) int {
	o, ok := parse(p, args, "rRafpPdLHTnuvlst:", "recursive archive force preserve? no-dereference dereference no-target-directory no-clobber update verbose target-directory= reflink?")
	if !ok {
		return 1
	}
	src, dst, ok := operands(p, o)
	if !ok {
		return 1
	}
	c := &copier{p: p, v: p.View(), rec: o.has("r", "R", "a", "recursive", "archive"), keep: o.has("a", "p", "archive", "preserve"),
		links: o.has("a", "d", "P", "archive", "no-dereference"), noClobber: o.has("n", "no-clobber"), hard: o.has("l"), sym: o.has("s"), update: o.has("u", "update"), verbose: o.has("v", "verbose")}
	if c.rec && !o.has("L", "dereference", "H") {
		c.links = true
	}
	st := 0
	for _, s := range src {
		if err := c.copy(s, into(c.v, s, dst, o.has("T", "no-target-directory"))); err != nil {
			var m plainError
			if errors.As(err, &m) {
				p.Errorf("%s", m)
				st = 1
			} else {
				st = fail(p, "cannot copy "+q(s), err)
			}
		}
	}
	return st
}

type copier struct {
	p                                              *proc
	v                                              *fsys.View
	rec, keep, links, noClobber, hard, sym, update bool
	verbose                                        bool
}

func (c *copier) copy(src, dst string) error {
	i, err := c.v.Lstat(src)
	if err == nil && !c.links {
		i, err = c.v.Stat(src)
	}
	if err != nil {
		return plainError(fmt.Sprintf("cannot stat %s: %s", q(src), kernel.Reason(err)))
	}
	old, oerr := c.v.Lstat(dst)
	if at, err := c.v.Stat(dst); err == nil && fsys.SameFile(i, at) && !i.IsDir() { // perhaps through a link: opening it would empty the source
		return plainError(fmt.Sprintf("%s and %s are the same file", q(src), q(dst)))
	}
	if oerr == nil && !i.IsDir() && (c.noClobber || c.update && !i.ModTime().After(old.ModTime())) {
		return nil
	}
	if c.verbose && !i.IsDir() {
		c.say(src, dst)
	}
	switch {
	case i.IsDir():
		return c.dir(src, dst, i)
	case i.Mode()&fs.ModeSymlink != 0:
		t, err := c.v.Readlink(src)
		if err != nil {
			return err
		}
		if oerr == nil {
			if err := c.v.Remove(dst); err != nil {
				return err
			}
		}
		return c.v.Symlink(t, dst)
	case c.hard:
		return c.v.Link(src, dst)
	case c.sym:
		return c.v.Symlink(src, dst)
	}
	return c.file(src, dst, i)
}

func (c *copier) say(src, dst string) { c.p.Printf("%s -> %s\n", q(src), q(dst)) }

func (c *copier) dir(src, dst string, i *fsys.Info) error {
	if !c.rec {
		return plainError("-r not specified; omitting directory " + q(src))
	}
	if s, err := c.v.Resolve(src, true); err == nil {
		if d, err := c.v.Resolve(dst, true); err == nil && (d == s || strings.HasPrefix(d, s+"/")) {
			return plainError(fmt.Sprintf("cannot copy a directory, %s, into itself, %s", q(src), q(dst)))
		}
	}
	if err := c.v.Mkdir(dst, i.Mode().Perm()|0o700); err == nil && c.verbose {
		c.say(src, dst)
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	list, err := c.v.ReadDir(src)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := c.copy(path.Join(src, e.Name()), path.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	return c.meta(dst, i)
}

func (c *copier) file(src, dst string, i *fsys.Info) error {
	in, err := c.v.Open(src, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.v.Open(dst, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, i.Mode().Perm())
	if err != nil {
		return plainError(fmt.Sprintf("cannot create regular file %s: %s", q(dst), kernel.Reason(err)))
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return plainError(fmt.Sprintf("error writing %s: %s", q(dst), kernel.Reason(err)))
	}
	return c.meta(dst, i)
}

func (c *copier) meta(dst string, i *fsys.Info) error {
	if !c.keep {
		return nil
	}
	if c.v.UID == 0 {
		if err := c.v.Chown(dst, i.UID, i.GID, false); err != nil {
			return err
		}
	}
	if err := c.v.Chmod(dst, i.Mode()); err != nil {
		return err
	}
	return c.v.Chtimes(dst, i.ModTime(), i.ModTime())
}

func install(p *proc, args []string) int {
	o, ok := parse(p, args, "dDm:o:g:cTt:", "directory mode= owner= group= target-directory= no-target-directory")
	if !ok {
		return 1
	}
	v, mode := p.View(), fs.FileMode(0o755)
	if m, has := o.get("m", "mode"); has {
		var err error
		if mode, err = kernel.ParseMode(m, 0, false, 0); err != nil {
			p.Errorf("invalid mode %s", q(m))
			return 1
		}
	}
	spec, _ := o.get("o", "owner")
	if g, has := o.get("g", "group"); has {
		spec += ":" + g
	}
	uid, gid, bad := owner(p, spec, false)
	if bad != "" {
		p.Errorf("invalid %s %s", bad, q(spec))
		return 1
	}
	finish := func(f string) error {
		if err := v.Chmod(f, mode); err != nil {
			return err
		}
		if spec == "" {
			return nil
		}
		return v.Chown(f, uid, gid, true)
	}
	if o.has("d", "directory") {
		for _, d := range o.args {
			err := v.MkdirAll(d, 0o755)
			if err == nil {
				err = finish(d)
			}
			if err != nil {
				return fail(p, "cannot create directory "+q(d), err)
			}
		}
		return 0
	}
	src, dst, ok := operands(p, o)
	if !ok {
		return 1
	}
	if o.has("D") && o.has("t", "target-directory") {
		if err := v.MkdirAll(dst, 0o755); err != nil {
			return fail(p, "cannot create directory "+q(dst), err)
		}
	}
	for _, s := range src {
		d := into(v, s, dst, o.has("T", "no-target-directory"))
		c := &copier{p: p, v: v}
		var err error
		if o.has("D") {
			err = v.MkdirAll(path.Dir(d), 0o755)
		}
		if err == nil {
			_ = v.Remove(d) // the copy reports a failure
			err = c.copy(s, d)
		}
		if err == nil {
			err = finish(d)
		}
		if err != nil {
			return fail(p, "cannot install "+q(s), err)
		}
	}
	return 0
}
