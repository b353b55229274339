package coreutils

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func touch(p *proc, args []string) int {
	o, ok := parse(p, args, "acmd:r:", "no-create date= reference=")
	if !ok {
		return 1
	}
	if o.has("a") && !o.has("m") {
		return refuse(p, "-a without -m") // files have one time here
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	st, v, when := 0, p.View(), p.M.Now()
	if r, has := o.get("r", "reference"); has {
		i, err := v.Stat(r)
		if err != nil {
			return fail(p, "failed to get attributes of "+q(r), err)
		}
		when = i.ModTime()
	}
	if d, has := o.get("d", "date"); has {
		t, err := parseDate(p.M.Now(), d)
		if err != nil {
			return refuse(p, "the date "+q(d))
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
	o, ok := parse(p, clean, "R", "recursive")
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
		if octal := strings.Trim(spec, "01234567") == ""; octal && i.IsDir() && len(spec) < 5 {
			m |= i.Mode() & (fs.ModeSetuid | fs.ModeSetgid) // a number takes these from files only
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
	o, ok := parse(p, args, "RhP", "recursive no-dereference reference=")
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
		if _, named := p.LookupUser(files[0]); !named && path.Base(args[0]) == "chown" && strings.Contains(files[0], ".") && !strings.Contains(files[0], ":") {
			p.Errorf("warning: '.' should be ':': %s", q(files[0]))
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
