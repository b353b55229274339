package coreutils

import (
	"io/fs"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

func mv(p *proc, args []string) int {
	o, ok := parse(p, args, "fnvTt:", "force no-clobber verbose no-target-directory target-directory=")
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
		if v.Abs(s) == v.Abs(d) {
			p.Errorf("%s and %s are the same file", q(s), q(d))
			st = 1
			continue
		}
		if isFolder(v, s) && isFolder(v, d) {
			_ = v.Remove(d) // an empty folder is replaced; Rename reports any other
		}
		if err := v.Rename(s, d); err != nil {
			st = fail(p, "cannot move "+q(s)+" to "+q(d), err)
		} else if o.has("v", "verbose") {
			p.Printf("renamed %s -> %s\n", q(s), q(d))
		}
	}
	return st
}

func isFolder(v *fsys.View, name string) bool {
	i, err := v.Lstat(name)
	return err == nil && i.IsDir()
}

func ln(p *proc, args []string) int {
	o, ok := parse(p, args, "sfnTrt:", "symbolic force no-dereference no-target-directory relative target-directory=")
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
				_ = v.Remove(d) // making the link reports a failure
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

func readlink(p *proc, args []string) int {
	o, ok := parse(p, args, "femnqs", "canonicalize canonicalize-existing canonicalize-missing no-newline")
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
	o, ok := parse(p, args, "ems", "canonicalize-existing canonicalize-missing no-symlinks strip")
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

func basename(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "as:", "multiple suffix=", false)
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	suffix, many := o.get("s", "suffix")
	names := o.args
	if !many && !o.has("a", "multiple") {
		if len(names) > 2 {
			return extra(p, names[2])
		}
		if len(names) == 2 {
			suffix, names = names[1], names[:1]
		}
	}
	for _, n := range names {
		b := path.Base(n)
		if n == "" {
			b = ""
		}
		if b != suffix {
			b = strings.TrimSuffix(b, suffix)
		}
		p.Printf("%s\n", b)
	}
	return 0
}

func dirname(p *proc, args []string) int {
	o, ok := parse(p, args, "", "")
	if !ok {
		return 1
	}
	if len(o.args) == 0 {
		return missing(p)
	}
	if len(o.args) > 1 && onBusybox(p) {
		return extra(p, o.args[1])
	}
	for _, n := range o.args {
		if trimmed := strings.TrimRight(n, "/"); trimmed != "" || n == "" {
			n = path.Dir(trimmed)
		} else {
			n = "/"
		}
		p.Printf("%s\n", n)
	}
	return 0
}
