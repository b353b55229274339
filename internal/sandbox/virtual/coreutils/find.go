package coreutils

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// pred is one test or action of find.
type pred func(name string, i *fsys.Info) bool

type finder struct {
	p        *proc
	args     []string
	min, max int
	level    int // of the file that is examined
	root     string
	action   bool
	depth    bool
	batch    []string // of -exec … +
	batchCmd []string
	st       int
	prune    bool
	quit     bool
	err      error
}

func find(p *proc, args []string) int {
	f := &finder{p: p, max: 1 << 30}
	rest := args[1:]
	if slices.Contains(rest, "-printf") && onBusybox(p) {
		p.Errorf("unrecognized: -printf")
		return 1
	}
	for len(rest) > 0 && rest[0] == "-P" {
		rest = rest[1:]
	}
	var roots []string
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && rest[0] != "(" && rest[0] != "!" {
		roots, rest = append(roots, rest[0]), rest[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	f.args = rest
	expr := f.or()
	if f.err == nil && len(f.args) > 0 {
		f.err = lacking(f.args[0])
	}
	if f.err != nil {
		p.Errorf("%v", f.err)
		return 1
	}
	for _, r := range roots {
		if f.quit {
			break
		}
		i, err := p.View().Lstat(r)
		if err == nil && strings.HasSuffix(r, "/") && !i.IsDir() {
			if i, err = p.View().Stat(r); err == nil && !i.IsDir() {
				err = errNotDir
			} else if err == nil {
				return refuse(p, "a link to a folder as "+r)
			}
		}
		if err != nil {
			p.Errorf("%s: %s", q(r), kernel.Reason(err))
			f.st = 1
			continue
		}
		f.root = r
		f.visit(r, 0, expr)
	}
	if len(f.batch) > 0 && p.Call(append(append([]string{}, f.batchCmd...), f.batch...)...) != 0 {
		f.st = 1
	}
	return f.st
}

func (f *finder) visit(name string, level int, expr pred) {
	i, err := f.p.View().Lstat(name)
	if err != nil || f.quit || f.p.Context().Err() != nil {
		return
	}
	do := func() {
		f.level = level
		if level >= f.min && !f.quit && expr(name, i) && !f.action {
			f.p.Printf("%s\n", name)
		}
	}
	f.prune = false
	if !f.depth {
		do()
	}
	if i.IsDir() && level < f.max && !f.prune {
		list, err := f.p.View().ReadDir(name)
		if err != nil {
			f.p.Errorf("%s: %s", q(name), kernel.Reason(err))
			f.st = 1
		}
		for _, c := range list {
			f.visit(strings.TrimSuffix(name, "/")+"/"+c.Name(), level+1, expr)
		}
	}
	if f.depth {
		do()
	}
}

func (f *finder) peek() string {
	if len(f.args) == 0 {
		return ""
	}
	return f.args[0]
}

func (f *finder) next() string {
	if len(f.args) == 0 {
		f.err = fmt.Errorf("missing argument")
		return ""
	}
	s := f.args[0]
	f.args = f.args[1:]
	return s
}

func (f *finder) or() pred {
	a := f.and()
	for f.peek() == "-o" || f.peek() == "-or" {
		f.next()
		x, y := a, f.and()
		a = func(n string, i *fsys.Info) bool { return x(n, i) || y(n, i) }
	}
	return a
}

func (f *finder) and() pred {
	a := pred(func(string, *fsys.Info) bool { return true })
	for f.err == nil && f.peek() != "" && f.peek() != "-o" && f.peek() != "-or" && f.peek() != ")" {
		if f.peek() == "-a" || f.peek() == "-and" {
			f.next()
			continue
		}
		x, y := a, f.not()
		a = func(n string, i *fsys.Info) bool { return x(n, i) && y(n, i) }
	}
	return a
}

func (f *finder) not() pred {
	switch f.peek() {
	case "!", "-not":
		f.next()
		x := f.not()
		return func(n string, i *fsys.Info) bool { return !x(n, i) }
	case "(":
		f.next()
		x := f.or()
		if f.next() != ")" {
			f.err = fmt.Errorf("missing )")
		}
		return x
	}
	return f.primary()
}

func (f *finder) primary() pred {
	op := f.next()
	yes := func(string, *fsys.Info) bool { return true }
	switch op {
	case "-name", "-iname", "-path", "-wholename":
		pat := f.next()
		return func(n string, _ *fsys.Info) bool {
			s := path.Base(n)
			if op == "-path" || op == "-wholename" {
				return globPath(pat, n)
			}
			if op == "-iname" {
				s, pat = strings.ToLower(s), strings.ToLower(pat)
			}
			ok, _ := filepath.Match(pat, s)
			return ok
		}
	case "-type":
		t := strings.ReplaceAll(f.next(), ",", "")
		if t == "" || strings.Trim(t, "fdlpcs") != "" {
			f.err = lacking("-type " + t)
		}
		return func(_ string, i *fsys.Info) bool { return strings.IndexByte(t, typeLetter(i.Mode())) >= 0 }
	case "-maxdepth", "-mindepth":
		n, err := strconv.Atoi(f.next())
		if err != nil || n < 0 {
			f.err = fmt.Errorf("expected a number after %s", op)
		}
		if op == "-maxdepth" {
			f.max = n
		} else {
			f.min = n
		}
		return yes
	case "-depth", "-xdev", "-mount":
		f.depth = f.depth || op == "-depth"
		return yes
	case "-print", "-print0":
		f.action = true
		end := map[string]string{"-print": "\n", "-print0": "\x00"}[op]
		return func(n string, _ *fsys.Info) bool { f.p.Printf("%s%s", n, end); return true }
	case "-delete":
		f.action, f.depth = true, true
		return func(n string, _ *fsys.Info) bool {
			if err := f.p.View().Remove(n); err != nil {
				f.p.Errorf("cannot delete %s: %s", q(n), kernel.Reason(err))
				f.st = 1
				return false
			}
			return true
		}
	case "-prune":
		return func(string, *fsys.Info) bool { f.prune = true; return true }
	case "-quit":
		f.action = true
		return func(string, *fsys.Info) bool { f.quit = true; return true }
	case "-true":
		return yes
	case "-empty":
		return func(n string, i *fsys.Info) bool {
			if i.IsDir() {
				l, err := f.p.View().ReadDir(n)
				return err == nil && len(l) == 0
			}
			return i.Mode().IsRegular() && i.Size() == 0
		}
	case "-size", "-mtime", "-mmin", "-newer", "-perm", "-user", "-group", "-uid", "-gid":
		return f.compare(op, f.next())
	case "-exec":
		return f.exec()
	case "-printf":
		f.action = true
		format := f.next()
		if _, lacks := f.printf(format, "", nil); lacks != "" {
			f.err = lacking("-printf " + lacks)
		}
		return func(n string, i *fsys.Info) bool {
			text, _ := f.printf(format, n, i)
			f.p.Printf("%s", text)
			return true
		}
	}
	f.err = lacking(op)
	return yes
}

// lacking refuses a test or an action that the simulation does not have.
func lacking(what string) error { return fmt.Errorf("sandbox: %s"+kernel.NotHere, what) }
