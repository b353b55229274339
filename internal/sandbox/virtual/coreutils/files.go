package coreutils

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func fileCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"cat": cat, "mkdir": mkdir, "rmdir": rmdir, "rm": rm, "cp": cp, "mv": mv, "ln": ln, "touch": touch, "chmod": chmod,
		"chown": chown, "chgrp": chown, "mktemp": mktemp, "mkfifo": mkfifo, "readlink": readlink, "realpath": realpath, "install": install,
		"truncate": truncate, "unlink": unlink, "tee": tee, "dd": dd, "sync": yesTrue, "basename": basename, "dirname": dirname,
		"du": du, "df": df, "flock": flock, "ls": ls, "stat": stat, "find": find, "tar": tarCmd, "shred": unlink,
	}
}

func yesTrue(*proc, []string) int { return 0 }

func cat(p *proc, args []string) int {
	o, ok := parse(p, args, "nuvETA", "number show-all")
	if !ok {
		return 1
	}
	n := 0
	return inputs(p, o.args, func(_ string, r io.Reader) error {
		if !o.has("n", "number") {
			_, err := io.Copy(p.Stdout, r)
			return err
		}
		b, err := io.ReadAll(r)
		for _, l := range lines(b) {
			n++
			p.Printf("%6d\t%s\n", n, l)
		}
		return err
	})
}

// fail reports an error about a file.
func fail(p *proc, what string, err error) int {
	p.Errorf("%s: %s", what, kernel.Reason(err))
	return 1
}

func mkdir(p *proc, args []string) int {
	o, ok := parse(p, args, "pvm:", "parents verbose mode=")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	st, v := 0, p.View()
	for _, d := range o.args {
		var err error
		if o.has("p", "parents") {
			err = v.MkdirAll(d, 0o777)
		} else {
			err = v.Mkdir(d, 0o777)
		}
		if m, ok := o.get("m", "mode"); ok && err == nil {
			mode, merr := kernel.ParseMode(m, 0o777, true, 0)
			if merr != nil {
				p.Errorf("invalid mode %s", q(m))
				return 1
			}
			err = v.Chmod(d, mode)
		}
		if err != nil {
			st = fail(p, "cannot create directory "+"‘"+d+"’", err)
		}
	}
	return st
}

func rmdir(p *proc, args []string) int {
	o, ok := parse(p, args, "pv", "ignore-fail-on-non-empty parents")
	if !ok {
		return 1
	}
	st := 0
	for _, d := range o.args {
		i, err := p.View().Lstat(d)
		if err == nil && !i.IsDir() {
			err = errNotDir
		}
		if err == nil {
			err = p.View().Remove(d)
		}
		for o.has("p") && err == nil && path.Dir(d) != "." && path.Dir(d) != "/" {
			d = path.Dir(d)
			err = p.View().Remove(d)
		}
		if err != nil && !o.has("ignore-fail-on-non-empty") {
			st = fail(p, "failed to remove "+q(d), err)
		}
	}
	return st
}

type plainError string

func (e plainError) Error() string { return string(e) }

const errNotDir = plainError("Not a directory")

func rm(p *proc, args []string) int {
	o, ok := parse(p, args, "rRfdvi", "recursive force verbose one-file-system no-preserve-root dir")
	if !ok {
		return 1
	}
	force := o.has("f", "force")
	if len(o.args) == 0 {
		if force {
			return 0
		}
		return missing(p)
	}
	st, v := 0, p.View()
	for _, f := range o.args {
		if b := path.Base(f); b == "." || b == ".." || f == "/" {
			p.Errorf("refusing to remove '.' or '..' or '/' directory: skipping %s", q(f))
			st = 1
			continue
		}
		i, err := v.Lstat(f)
		switch {
		case err != nil:
			if force && (errors.Is(err, fs.ErrNotExist) || kernel.Reason(err) == "Not a directory") {
				continue
			}
		case i.IsDir() && o.has("r", "R", "recursive"):
			err = v.RemoveAll(f)
		case i.IsDir() && !o.has("d", "dir"):
			err = errIsDir
		default:
			err = v.Remove(f)
		}
		if err != nil {
			st = fail(p, "cannot remove "+q(f), err)
		} else if o.has("v", "verbose") {
			p.Printf("removed %s\n", q(f))
		}
	}
	return st
}

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
	o, ok := parse(p, args, "rRafpPdLHTnuvlst:bxi", "recursive archive force preserve? no-dereference dereference no-target-directory no-clobber update verbose target-directory= reflink? parents remove-destination")
	if !ok {
		return 1
	}
	src, dst, ok := operands(p, o)
	if !ok {
		return 1
	}
	c := &copier{p: p, v: p.View(), rec: o.has("r", "R", "a", "recursive", "archive"), keep: o.has("a", "p", "archive", "preserve"),
		links: o.has("a", "d", "P", "archive", "no-dereference"), noClobber: o.has("n", "no-clobber"), hard: o.has("l"), sym: o.has("s"), update: o.has("u", "update")}
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
	if oerr == nil && fsys.SameFile(i, old) && !i.IsDir() {
		return plainError(fmt.Sprintf("%s and %s are the same file", q(src), q(dst)))
	}
	if oerr == nil && !i.IsDir() && (c.noClobber || c.update && !i.ModTime().After(old.ModTime())) {
		return nil
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
			c.v.Remove(dst)
		}
		return c.v.Symlink(t, dst)
	case c.hard:
		return c.v.Link(src, dst)
	case c.sym:
		return c.v.Symlink(src, dst)
	}
	return c.file(src, dst, i)
}

func (c *copier) dir(src, dst string, i *fsys.Info) error {
	if !c.rec {
		return plainError("-r not specified; omitting directory " + q(src))
	}
	if s, err := c.v.Resolve(src, true); err == nil {
		if d, err := c.v.Resolve(dst, true); err == nil && (d == s || strings.HasPrefix(d, s+"/")) {
			return plainError(fmt.Sprintf("cannot copy a directory, %s, into itself, %s", q(src), q(dst)))
		}
	}
	if err := c.v.Mkdir(dst, i.Mode().Perm()|0o700); err != nil && !errors.Is(err, fs.ErrExist) {
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
		c.v.Chown(dst, i.UID, i.GID, false)
	}
	if err := c.v.Chmod(dst, i.Mode()); err != nil {
		return err
	}
	return c.v.Chtimes(dst, i.ModTime(), i.ModTime())
}

func mv(p *proc, args []string) int {
	o, ok := parse(p, args, "fnvTuit:b", "force no-clobber verbose no-target-directory target-directory= update backup?")
	if !ok {
		return 1
	}
	src, dst, ok := operands(p, o)
	if !ok {
		return 1
	}
	st, v := 0, p.View()
	for _, s := range src {
		d := into(v, s, dst, o.has("T", "no-target-directory"))
		if _, err := v.Lstat(s); err != nil {
			st = fail(p, "cannot stat "+q(s), err)
			continue
		}
		if _, err := v.Lstat(d); err == nil && o.has("n", "no-clobber") {
			continue
		}
		if err := v.Rename(s, d); err != nil {
			st = fail(p, "cannot move "+q(s)+" to "+q(d), err)
		}
	}
	return st
}

func ln(p *proc, args []string) int {
	o, ok := parse(p, args, "sfnvTrt:b", "symbolic force no-dereference verbose no-target-directory relative target-directory=")
	if !ok {
		return 1
	}
	if len(o.args) == 1 {
		o.args = append(o.args, path.Base(o.args[0]))
	}
	src, dst, ok := operands(p, o)
	if !ok {
		return 1
	}
	st, v := 0, p.View()
	for _, s := range src {
		d := dst
		i, err := v.Lstat(dst)
		link := err == nil && i.Mode()&fs.ModeSymlink != 0
		if !(link && o.has("n", "no-dereference")) {
			d = into(v, s, dst, o.has("T", "no-target-directory"))
		}
		if o.has("f", "force") {
			if j, err := v.Lstat(d); err == nil && !j.IsDir() {
				v.Remove(d)
			}
		}
		if o.has("s", "symbolic") {
			if o.has("r", "relative") {
				s = relative(path.Dir(v.Abs(d)), v.Abs(s))
			}
			err = v.Symlink(s, d)
			if err != nil {
				st = fail(p, "failed to create symbolic link "+q(d), err)
			}
		} else if err = v.Link(s, d); err != nil {
			st = fail(p, "failed to create hard link "+q(d), err)
		}
	}
	return st
}

func relative(from, to string) string {
	a, b := strings.Split(strings.Trim(from, "/"), "/"), strings.Split(strings.Trim(to, "/"), "/")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	var up []string
	for _, x := range a {
		if x != "" {
			up = append(up, "..")
		}
	}
	return strings.Join(append(up, b...), "/")
}

func touch(p *proc, args []string) int {
	o, ok := parse(p, args, "acmd:r:t:h", "no-create date= reference=")
	if !ok {
		return 1
	}
	st, v, when := 0, p.View(), time.Now()
	if r, has := o.get("r", "reference"); has {
		i, err := v.Stat(r)
		if err != nil {
			return fail(p, "failed to get attributes of "+q(r), err)
		}
		when = i.ModTime()
	}
	if d, has := o.get("d", "date"); has {
		t, err := parseDate(d)
		if err != nil {
			p.Errorf("invalid date format ‘%s’", d)
			return 1
		}
		when = t
	}
	for _, f := range o.args {
		if _, err := v.Stat(f); err != nil {
			if o.has("c", "no-create") {
				continue
			}
			h, err := v.Open(f, os.O_WRONLY|os.O_CREATE, 0o666)
			if err != nil {
				st = fail(p, "cannot touch "+q(f), err)
				continue
			}
			h.Close()
		}
		if err := v.Chtimes(f, when, when); err != nil {
			st = fail(p, "cannot touch "+q(f), err)
		}
	}
	return st
}

// walk calls f for p and everything below it, deepest last.
func walk(v *fsys.View, name string, f func(name string, i *fsys.Info) error) error {
	i, err := v.Lstat(name)
	if err != nil {
		return err
	}
	if err := f(name, i); err != nil || !i.IsDir() {
		return err
	}
	list, err := v.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := walk(v, path.Join(name, e.Name()), f); err != nil {
			return err
		}
	}
	return nil
}

func chmod(p *proc, args []string) int {
	clean := []string{args[0]}
	for i, a := range args[1:] { // -x and the like are modes, not options
		if len(a) > 1 && a[0] == '-' && strings.ContainsAny(a[1:2], "rwxXst") {
			clean = append(clean, "--")
			clean = append(clean, args[i+1:]...)
			break
		}
		clean = append(clean, a)
	}
	o, ok := parse(p, clean, "Rvfc", "recursive verbose silent quiet reference=")
	if !ok {
		return 1
	}
	if len(o.args) < 2 {
		return missing(p)
	}
	st, v, spec := 0, p.View(), o.args[0]
	one := func(name string, i *fsys.Info) error {
		if i.Mode()&fs.ModeSymlink != 0 {
			return nil
		}
		m, err := kernel.ParseMode(spec, i.Mode(), i.IsDir(), p.Umask())
		if err != nil {
			return err
		}
		return v.Chmod(name, m)
	}
	for _, f := range o.args[1:] {
		var err error
		if o.has("R", "recursive") {
			err = walk(v, f, one)
		} else if i, serr := v.Stat(f); serr != nil {
			err = serr
		} else {
			err = one(f, i)
		}
		if err != nil {
			if strings.HasPrefix(err.Error(), "invalid mode") {
				p.Errorf("%v", err)
				return 1
			}
			st = fail(p, "cannot access "+q(f), err)
		}
	}
	return st
}

func chown(p *proc, args []string) int {
	o, ok := parse(p, args, "RvhfcHLP", "recursive no-dereference verbose reference= from=")
	if !ok {
		return 1
	}
	v := p.View()
	uid, gid := -1, -1
	files := o.args
	if ref, has := o.get("reference"); has {
		i, err := v.Stat(ref)
		if err != nil {
			return fail(p, q(ref), err)
		}
		uid, gid = i.UID, i.GID
	} else {
		if len(files) < 2 {
			return missing(p)
		}
		var bad string
		if uid, gid, bad = owner(p, files[0], path.Base(args[0]) == "chgrp"); bad != "" {
			p.Errorf("invalid %s: ‘%s’", bad, files[0])
			return 1
		}
		files = files[1:]
	}
	st := 0
	for _, f := range files {
		var err error
		if o.has("R", "recursive") {
			err = walk(v, f, func(n string, _ *fsys.Info) error { return v.Chown(n, uid, gid, false) })
		} else {
			err = v.Chown(f, uid, gid, !o.has("h", "no-dereference"))
		}
		if err != nil {
			st = fail(p, "changing ownership of "+q(f), err)
		}
	}
	return st
}

func owner(p *proc, spec string, groupOnly bool) (uid, gid int, bad string) {
	uid, gid = -1, -1
	user, group, both := strings.Cut(spec, ":")
	if !both && strings.Contains(spec, ".") {
		user, group, both = strings.Cut(spec, ".")
	}
	if groupOnly {
		user, group = "", spec
	}
	if user != "" {
		if u, ok := p.LookupUser(user); ok {
			uid = u.UID
			if both && group == "" {
				gid = u.GID
			}
		} else if n, err := strconv.Atoi(user); err == nil {
			uid = n
		} else {
			return 0, 0, "user"
		}
	}
	if group != "" {
		if g, ok := p.LookupGroup(group); ok {
			gid = g.GID
		} else if n, err := strconv.Atoi(group); err == nil {
			gid = n
		} else {
			return 0, 0, "group"
		}
	}
	return uid, gid, ""
}

func randomName(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

func mktemp(p *proc, args []string) int {
	o, ok := parse(p, args, "dqup:t", "directory quiet dry-run tmpdir? suffix=")
	if !ok {
		return 1
	}
	tmpl, dir := "tmp.XXXXXXXXXX", ""
	if len(o.args) > 0 {
		tmpl = o.args[0]
	}
	if len(o.args) == 0 || o.has("t", "p", "tmpdir") {
		dir = p.Getenv("TMPDIR")
		if d, has := o.get("p", "tmpdir"); has && d != "" {
			dir = d
		}
		if dir == "" {
			dir = "/tmp"
		}
	}
	suffix, _ := o.get("suffix")
	end := strings.LastIndexByte(tmpl, 'X') + 1
	start := end
	for start > 0 && tmpl[start-1] == 'X' {
		start--
	}
	if end-start < 3 {
		p.Errorf("too few X's in template ‘%s’", tmpl)
		return 1
	}
	v := p.View()
	for range 100 {
		name := tmpl[:start] + randomName(end-start) + tmpl[end:] + suffix
		if dir != "" {
			name = path.Join(dir, name)
		}
		var err error
		switch {
		case o.has("u", "dry-run"):
		case o.has("d", "directory"):
			err = v.Mkdir(name, 0o700)
		default:
			var f *fsys.File
			if f, err = v.Open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
				f.Close()
			}
		}
		if err == nil {
			p.Printf("%s\n", name)
			return 0
		}
		if !errors.Is(err, fs.ErrExist) {
			return fail(p, "failed to create file via template ‘"+tmpl+"’", err)
		}
	}
	return 1
}

func mkfifo(p *proc, args []string) int {
	o, ok := parse(p, args, "m:", "mode=")
	if !ok {
		return 1
	}
	st := 0
	for _, f := range o.args {
		err := p.View().Mkfifo(f, 0o666)
		if m, has := o.get("m", "mode"); has && err == nil {
			if mode, merr := kernel.ParseMode(m, 0o666, false, 0); merr == nil {
				err = p.View().Chmod(f, mode)
			}
		}
		if err != nil {
			st = fail(p, "cannot create fifo "+q(f), err)
		}
	}
	return st
}

func readlink(p *proc, args []string) int {
	o, ok := parse(p, args, "femnqsvz", "canonicalize canonicalize-existing canonicalize-missing no-newline")
	if !ok {
		return 1
	}
	nl := "\n"
	if o.has("n", "no-newline") {
		nl = ""
	}
	st := 0
	for _, f := range o.args {
		var t string
		var err error
		if o.has("f", "e", "m", "canonicalize", "canonicalize-existing", "canonicalize-missing") {
			t, err = canonical(p, f, o.has("e", "canonicalize-existing"), o.has("m", "canonicalize-missing"))
		} else {
			t, err = p.View().Readlink(f)
		}
		if err != nil {
			st = 1
			continue
		}
		p.Printf("%s%s", t, nl)
	}
	return st
}

func canonical(p *proc, f string, exists, anyMissing bool) (string, error) {
	v := p.View()
	t, err := v.Resolve(f, true)
	if err != nil && anyMissing {
		return v.Abs(f), nil
	}
	if err == nil && exists {
		_, err = v.Lstat(t)
	}
	return t, err
}

func realpath(p *proc, args []string) int {
	o, ok := parse(p, args, "emsqz", "canonicalize-existing canonicalize-missing no-symlinks strip")
	if !ok {
		return 1
	}
	st := 0
	for _, f := range o.args {
		t, err := canonical(p, f, o.has("e", "canonicalize-existing"), o.has("m", "canonicalize-missing"))
		if o.has("s", "no-symlinks", "strip") {
			t, err = p.View().Abs(f), nil
		}
		if err != nil {
			st = fail(p, f, err)
			continue
		}
		p.Printf("%s\n", t)
	}
	return st
}

func install(p *proc, args []string) int {
	o, ok := parse(p, args, "dDm:o:g:vpcTt:C", "directory mode= owner= group= target-directory= no-target-directory")
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
	finish := func(f string) error {
		if err := v.Chmod(f, mode); err != nil {
			return err
		}
		u, _ := o.get("o", "owner")
		g, _ := o.get("g", "group")
		if u+g == "" {
			return nil
		}
		spec := u
		if g != "" {
			spec += ":" + g
		}
		uid, gid, bad := owner(p, spec, false)
		if bad != "" {
			return plainError("invalid " + bad)
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
	for _, s := range src {
		d := into(v, s, dst, o.has("T", "no-target-directory"))
		if o.has("D") {
			v.MkdirAll(path.Dir(d), 0o755)
		}
		v.Remove(d)
		c := &copier{p: p, v: v}
		err := c.copy(s, d)
		if err == nil {
			err = finish(d)
		}
		if err != nil {
			return fail(p, "cannot install "+q(s), err)
		}
	}
	return 0
}

func truncate(p *proc, args []string) int {
	o, ok := parse(p, args, "s:c", "size= no-create")
	if !ok {
		return 1
	}
	s, _ := o.get("s", "size")
	n, err := parseSize(s)
	if err != nil {
		p.Errorf("Invalid number: ‘%s’", s)
		return 1
	}
	for _, f := range o.args {
		if err := p.View().Truncate(f, n); err != nil {
			return fail(p, "cannot open "+q(f)+" for writing", err)
		}
	}
	return 0
}

func parseSize(s string) (int64, error) {
	mult := int64(1)
	for suffix, m := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "k": 1 << 10, "KB": 1000, "MB": 1000000, "KiB": 1 << 10, "MiB": 1 << 20} {
		if t, ok := strings.CutSuffix(s, suffix); ok {
			if _, err := strconv.Atoi(t); err == nil {
				s, mult = t, m
			}
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n * mult, err
}

func unlink(p *proc, args []string) int {
	for _, f := range args[1:] {
		if strings.HasPrefix(f, "-") {
			continue
		}
		if err := p.View().Remove(f); err != nil {
			return fail(p, "cannot unlink "+q(f), err)
		}
	}
	return 0
}

func tee(p *proc, args []string) int {
	o, ok := parse(p, args, "ai", "append ignore-interrupts")
	if !ok {
		return 1
	}
	out := []io.Writer{p.Stdout}
	st := 0
	for _, f := range o.args {
		flag := os.O_TRUNC
		if o.has("a", "append") {
			flag = os.O_APPEND
		}
		h, err := p.View().Open(f, os.O_WRONLY|os.O_CREATE|flag, 0o666)
		if err != nil {
			st = fail(p, f, err)
			continue
		}
		defer h.Close()
		out = append(out, h)
	}
	if _, err := io.Copy(io.MultiWriter(out...), p.Stdin); err != nil {
		return 1
	}
	return st
}

func basename(p *proc, args []string) int {
	o, ok := parse(p, args, "as:z", "multiple suffix=")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	suffix, many := o.get("s", "suffix")
	names := o.args
	if !many && !o.has("a", "multiple") && len(names) == 2 {
		suffix, names = names[1], names[:1]
	}
	for _, n := range names {
		b := path.Base(n)
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		p.Printf("%s\n", b)
	}
	return 0
}

func dirname(p *proc, args []string) int {
	if len(args) < 2 {
		return missing(p)
	}
	for _, n := range args[1:] {
		if n != "--" {
			n = strings.TrimRight(n, "/")
			if n == "" {
				n = "/"
			}
			p.Printf("%s\n", path.Dir(n))
		}
	}
	return 0
}

func du(p *proc, args []string) int {
	o, ok := parse(p, args, "skhmabcxd:", "summarize apparent-size bytes max-depth= human-readable")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		o.args = []string{"."}
	}
	for _, f := range o.args {
		var n int64
		if err := walk(p.View(), f, func(_ string, i *fsys.Info) error { n += i.Size(); return nil }); err != nil {
			return fail(p, "cannot access "+q(f), err)
		}
		switch {
		case o.has("b", "bytes"):
		case o.has("m"):
			n = (n + 1<<20 - 1) >> 20
		default:
			n = (n + 1023) >> 10
		}
		s := strconv.FormatInt(n, 10)
		if o.has("h", "human-readable") {
			s += "K"
		}
		p.Printf("%s\t%s\n", s, f)
	}
	return 0
}

func df(p *proc, args []string) int {
	used, quota := p.M.FS.Usage()
	if quota == 0 {
		quota = 8 << 30
	}
	k := func(n int64) int64 { return n >> 10 }
	p.Printf("Filesystem     1K-blocks    Used Available Use%% Mounted on\n")
	p.Printf("%-14s %9d %7d %9d %3d%% %s\n", "virtual", k(quota), k(used), k(quota-used), used*100/quota, "/")
	return 0
}

// locks are the files that flock holds, by machine.
type lockKey struct{}

type lockTable struct {
	mu    chan struct{}
	holds map[string]int
}

func flock(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "sxnw:E:ueoc:", "shared exclusive nonblock wait= unlock close conflict-exit-code=", false)
	if !ok {
		return 1
	}
	if len(o.args) < 2 {
		return 0 // a descriptor: nobody else is there to wait for
	}
	t := p.M.Value(lockKey{}, func() any { return &lockTable{mu: make(chan struct{}, 1), holds: map[string]int{}} }).(*lockTable)
	name := p.View().Abs(o.args[0])
	if h, err := p.View().Open(name, os.O_CREATE|os.O_RDONLY, 0o666); err == nil {
		h.Close()
	}
	deadline := time.Now().Add(time.Hour)
	if w, has := o.get("w", "wait"); has {
		if f, err := strconv.ParseFloat(w, 64); err == nil {
			deadline = time.Now().Add(time.Duration(f * float64(time.Second)))
		}
	}
	for {
		t.mu <- struct{}{}
		free := t.holds[name] == 0
		if free {
			t.holds[name] = p.Pid
		}
		<-t.mu
		if free {
			break
		}
		if o.has("n", "nonblock") || time.Now().After(deadline) || !p.Sleep(10*time.Millisecond) {
			return 1
		}
	}
	defer func() { t.mu <- struct{}{}; delete(t.holds, name); <-t.mu }()
	argv := o.args[1:]
	if argv[0] == "-c" && len(argv) > 1 {
		argv = []string{"sh", "-c", argv[1]}
	}
	return p.Call(argv...)
}

func dd(p *proc, args []string) int {
	set := map[string]string{}
	for _, a := range args[1:] {
		k, v, ok := strings.Cut(a, "=")
		if !ok || !strings.Contains(" if of bs ibs obs count skip seek conv iflag oflag status ", " "+k+" ") {
			p.Errorf("unrecognized operand ‘%s’", a)
			return 1
		}
		set[k] = v
	}
	size := func(k string, def int64) int64 {
		if s, ok := set[k]; ok {
			if n, err := parseSize(s); err == nil {
				return n
			}
		}
		return def
	}
	bs := size("bs", size("ibs", 512))
	in, out := io.Reader(p.Stdin), io.Writer(p.Stdout)
	if f := set["if"]; f != "" {
		h, err := p.View().Open(f, os.O_RDONLY, 0)
		if err != nil {
			return fail(p, "failed to open "+q(f), err)
		}
		defer h.Close()
		in = h
	}
	if f := set["of"]; f != "" {
		flag := os.O_WRONLY | os.O_CREATE
		if !strings.Contains(set["conv"], "notrunc") && !strings.Contains(set["oflag"], "append") && size("seek", 0) == 0 {
			flag |= os.O_TRUNC
		}
		if strings.Contains(set["oflag"], "append") {
			flag |= os.O_APPEND
		}
		h, err := p.View().Open(f, flag, 0o666)
		if err != nil {
			return fail(p, "failed to open "+q(f), err)
		}
		defer h.Close()
		if n := size("seek", 0) * size("obs", bs); n > 0 {
			h.Seek(n, io.SeekStart)
		}
		out = h
	}
	return ddCopy(p, in, out, bs, size("count", -1), size("skip", 0), strings.Contains(set["iflag"], "fullblock"), set["status"])
}

func ddCopy(p *proc, in io.Reader, out io.Writer, bs, count, skip int64, full bool, status string) int {
	if bs <= 0 {
		p.Errorf("invalid number: ‘0’")
		return 1
	}
	buf := make([]byte, bs)
	if s, ok := in.(io.Seeker); ok && skip > 0 {
		if _, err := s.Seek(skip*bs, io.SeekStart); err == nil {
			skip = 0
		}
	}
	var fullIn, partIn, total int64
	for n := int64(0); count < 0 || n < count+skip; n++ {
		var k int
		var err error
		if full {
			k, err = io.ReadFull(in, buf)
		} else {
			k, err = in.Read(buf)
		}
		if k > 0 && n >= skip {
			if int64(k) == bs {
				fullIn++
			} else {
				partIn++
			}
			total += int64(k)
			if _, werr := out.Write(buf[:k]); werr != nil {
				return fail(p, "error writing", werr)
			}
		}
		if err != nil {
			break
		}
	}
	if status != "none" {
		fmt.Fprintf(p.Stderr, "%d+%d records in\n%d+%d records out\n", fullIn, partIn, fullIn, partIn)
		if status != "noxfer" {
			fmt.Fprintf(p.Stderr, "%d bytes copied, 0.001 s\n", total)
		}
	}
	return 0
}
