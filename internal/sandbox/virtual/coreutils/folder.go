package coreutils

import (
	"errors"
	"io/fs"
	"path"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// fail reports an error about a file.
func fail(p *proc, what string, err error) int {
	p.Errorf("%s: %s", what, kernel.Reason(err))
	return 1
}

func mkdir(p *proc, args []string) int {
	o, ok := parse(p, args, "pm:", "parents mode=")
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
	o, ok := parse(p, args, "p", "ignore-fail-on-non-empty parents")
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
	o, ok := parse(p, args, "rRfdv", "recursive force verbose one-file-system no-preserve-root dir")
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
