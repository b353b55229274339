package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// shell is the state of one shell process around the interpreter.
type shell struct {
	p        *Proc
	r        *interp.Runner
	prog     *program
	name     string // $0
	kind     string // sh, dash, ash or bash
	jobs     map[int]*Proc
	order    []int
	steps    int64
	pipefail bool
	execing  bool // the next program replaces the shell
}

type shellKey struct{}

func shellOf(ctx context.Context) *shell { return ctx.Value(shellKey{}).(*shell) }

// nowhere is what the interpreter believes to be its folder of temporary files.
// No path of a guest can name it, and the host's kernel takes no path with a NUL.
const nowhere = "/\x00"

// bootEnv is the environment a shell starts from. While the interpreter resets
// itself, it answers for the names that the library would ask the host for.
type bootEnv struct {
	vars    map[string]expand.Variable
	booting bool
}

func (e *bootEnv) Get(name string) expand.Variable {
	if e.booting {
		switch name {
		case "TMPDIR":
			return expand.Variable{Set: true, Kind: expand.String, Str: nowhere}
		case "HOME", "UID", "EUID", "GID":
			return expand.Variable{Set: true, Kind: expand.String}
		}
	}
	return e.vars[name]
}

func (e *bootEnv) Each(f func(string, expand.Variable) bool) {
	for k, v := range e.vars {
		if !f(k, v) {
			return
		}
	}
}

func strVar(s string, exported bool) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.String, Str: s, Exported: exported}
}

func (p *Proc) shellEnv(kind string) *bootEnv {
	e := &bootEnv{vars: map[string]expand.Variable{}, booting: true}
	for _, kv := range p.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && syntax.ValidName(k) {
			e.vars[k] = strVar(v, true)
		}
	}
	if _, ok := e.vars["PATH"]; !ok {
		e.vars["PATH"] = strVar(DefaultPath, false)
	}
	if _, ok := e.vars["SHLVL"]; kind == "bash" && !ok {
		e.vars["SHLVL"] = strVar("1", true)
	}
	if kind == "bash" {
		e.vars["BASH"] = strVar("/bin/bash", false)
		e.vars["BASH_VERSION"] = strVar("5.2.15(1)-release", false)
		e.vars["HOSTNAME"] = strVar(p.M.Hostname(), false)
		for _, n := range []string{"UID", "EUID"} {
			e.vars[n] = strVar(strconv.Itoa(p.uid), false)
		}
	}
	e.vars[varPid] = strVar(strconv.Itoa(p.Pid), false)
	e.vars[varPpid] = strVar(strconv.Itoa(p.PPID()), false)
	return e
}

// runShell is the program sh (dash, ash, bash).
func (p *Proc) runShell(kind string, argv []string) int {
	o, err := parseShellArgs(argv)
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: 0: %v\n", argv[0], err)
		return 2
	}
	sh := &shell{p: p, prog: &program{}, kind: kind, name: o.name, jobs: map[int]*Proc{}}
	sh.pipefail = strings.Contains(strings.Join(o.flags, " "), "-o pipefail")
	p.traps = nil
	env := p.shellEnv(kind)
	stdin, err := p.stdinFile()
	if err != nil {
		return 126
	}
	dir := p.cwd
	sh.r, err = interp.New(
		func(r *interp.Runner) error { r.Env, r.Dir = env, dir; return nil }, // interp.Dir would ask the host
		interp.StdIO(stdin, p.Stdout, p.Stderr),
		interp.CallHandler(callHandler),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return execHandler }),
		interp.OpenHandler(openHandler),
		interp.ReadDirHandler2(readDirHandler),
		interp.StatHandler(statHandler),
		interp.AccessHandler(accessHandler),
		interp.Params(append(o.flags, append([]string{"--"}, o.args...)...)...),
	)
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: 0: %v\n", argv[0], err)
		return 2
	}
	sh.r.Reset()
	env.booting = false
	switch {
	case o.command != nil:
		return sh.run(strings.NewReader(*o.command))
	case o.script != "":
		b, err := p.View().ReadFile(o.script)
		if err != nil {
			fmt.Fprintf(p.Stderr, "%s: 0: cannot open %s: %s\n", argv[0], o.script, lowerFirst(Reason(err)))
			return 2
		}
		return sh.run(bytes.NewReader(b))
	}
	return sh.runStdin(p.Stdin)
}

func lowerFirst(s string) string {
	if s == Reason(syscall.ENOENT) {
		return "No such file"
	}
	return s
}

type shellArgs struct {
	flags   []string
	name    string
	command *string
	script  string
	args    []string
}

func parseShellArgs(argv []string) (shellArgs, error) {
	o := shellArgs{name: argv[0]}
	rest := argv[1:]
	wantC, stdin := false, false
	for len(rest) > 0 && len(rest[0]) > 1 && (rest[0][0] == '-' || rest[0][0] == '+') {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			break
		}
		if a == "--norc" || a == "--noprofile" || a == "--login" || a == "--posix" {
			continue
		}
		sign := a[:1]
		for _, c := range a[1:] {
			switch c {
			case 'c':
				wantC = true
			case 's':
				stdin = true
			case 'l', 'i', 'm', 'p', 'h', 'B', 'b':
			case 'o':
				if len(rest) == 0 {
					return o, errors.New("-o requires an argument")
				}
				o.flags = append(o.flags, sign+"o", rest[0])
				rest = rest[1:]
			case 'e', 'u', 'x', 'f', 'n', 'a', 'v':
				if c != 'v' {
					o.flags = append(o.flags, sign+string(c))
				}
			default:
				return o, fmt.Errorf("Illegal option %s%c", sign, c)
			}
		}
	}
	switch {
	case wantC:
		if len(rest) == 0 {
			return o, errors.New("-c requires an argument")
		}
		o.command = &rest[0]
		if rest = rest[1:]; len(rest) > 0 {
			o.name, rest = rest[0], rest[1:]
		}
	case !stdin && len(rest) > 0:
		o.script, o.name = rest[0], rest[0]
		rest = rest[1:]
	}
	o.args = rest
	return o, nil
}

// stdinFile is the process's stdin as the file that the interpreter insists on.
func (p *Proc) stdinFile() (*os.File, error) {
	if f, ok := raw(p.Stdin).(*os.File); ok {
		return f, nil
	}
	if f, ok := raw(p.Stdin).(*fsys.File); ok && f.Host != nil {
		return f.Host, nil
	}
	var src io.Reader = p.Stdin
	if _, ok := raw(p.Stdin).(nullIn); ok {
		src = nil
	}
	f, stop, err := feed(src)
	if err != nil {
		return nil, err
	}
	p.closeLater(closeFunc(stop))
	return f, nil
}

type closeFunc func()

func (f closeFunc) Close() error { f(); return nil }

func (sh *shell) rewriter() *rewriter {
	return &rewriter{prog: sh.prog, posix: sh.kind == "sh" || sh.kind == "dash", name: sh.name,
		home: func(user string) (string, bool) {
			u, ok := sh.p.LookupUser(user)
			return u.Home, ok
		}}
}

// run runs a whole script.
func (sh *shell) run(src io.Reader) int {
	f, err := sh.rewriter().parse(src)
	if err != nil && len(f.Stmts) == 0 {
		fmt.Fprintln(sh.p.Stderr, err)
		return 2
	}
	st := sh.runFile(f)
	if err != nil && sh.p.ctx.Err() == nil && !sh.r.Exited() {
		fmt.Fprintln(sh.p.Stderr, err)
		return 2
	}
	return st
}

// runStdin runs a script as it comes, reading no further than the command's end.
func (sh *shell) runStdin(in io.Reader) int {
	w := sh.rewriter()
	status := 0
	for stmts, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).InteractiveSeq(oneByte{in}) {
		if err != nil {
			if sh.p.ctx.Err() == nil && !errors.Is(err, io.EOF) {
				fmt.Fprintln(sh.p.Stderr, w.parseError(err))
				status = 2
			}
			break
		}
		w.stmts(stmts)
		if w.err != nil {
			fmt.Fprintln(sh.p.Stderr, w.err)
			return 2
		}
		for _, st := range stmts {
			status = sh.runNode(st)
			if sh.r.Exited() || sh.p.ctx.Err() != nil {
				return status
			}
		}
	}
	sh.runNode(&syntax.File{Name: sh.name}) // runs the EXIT trap
	return status
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

func (sh *shell) runFile(f *syntax.File) int {
	st := sh.runNode(f)
	for sh.p.ctx.Err() == nil {
		_, action, ok := sh.p.takePending()
		if !ok {
			break
		}
		if t, err := sh.rewriter().parse(strings.NewReader(action)); err == nil {
			for _, s := range t.Stmts {
				if st2 := sh.runNode(s); sh.r.Exited() {
					return st2
				}
			}
		}
	}
	return st
}

func (sh *shell) runNode(n syntax.Node) int {
	ctx := context.WithValue(sh.p.ctx, shellKey{}, sh)
	err := sh.r.Run(ctx, n)
	var es interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &es):
		return int(es)
	case sh.p.ctx.Err() != nil:
		return 137 // the true status is the signal's
	}
	fmt.Fprintf(sh.p.Stderr, "%s: %v\n", sh.name, err)
	return 2
}

func openHandler(ctx context.Context, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	sh, hc := shellOf(ctx), interp.HandlerCtx(ctx)
	if src, ok := strings.CutPrefix(name, nowhere); ok {
		return sh.openSource(ctx, src)
	}
	if n, ok := fdPath(name); ok {
		return sh.openFd(hc, n, flag)
	}
	v := sh.p.View()
	v.Cwd = hc.Dir
	if i, err := v.Stat(name); err == nil && i.Mode()&fs.ModeNamedPipe != 0 {
		return sh.openFifo(v, name, flag)
	}
	f, err := v.Open(name, flag, 0o666)
	if err != nil {
		return nil, &os.PathError{Op: sh.name, Path: "cannot open " + name, Err: shellReason{err}}
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 && f.Host != nil {
		return f.Host, nil
	}
	return f, nil
}

type shellReason struct{ err error }

func (r shellReason) Error() string { return Reason(r.err) }
func (r shellReason) Unwrap() error { return r.err }

func (sh *shell) openFifo(v *fsys.View, name string, flag int) (io.ReadWriteCloser, error) {
	type res struct {
		f   *fsys.File
		err error
	}
	c := make(chan res, 1)
	go func() { f, err := v.Open(name, flag, 0); c <- res{f, err} }()
	select {
	case r := <-c:
		if r.err != nil {
			return nil, r.err
		}
		return r.f, nil
	case <-sh.p.ctx.Done():
		return nil, context.Cause(sh.p.ctx)
	}
}

func readDirHandler(ctx context.Context, name string) ([]fs.DirEntry, error) {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	list, err := v.ReadDir(name)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(list))
	for i, x := range list {
		out[i] = x
	}
	return out, nil
}

func statHandler(ctx context.Context, name string, follow bool) (fs.FileInfo, error) {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	var i *fsys.Info
	var err error
	if follow {
		i, err = v.Stat(name)
	} else {
		i, err = v.Lstat(name)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func accessHandler(ctx context.Context, name string, mode interp.AccessMode) error {
	v := shellOf(ctx).p.View()
	v.Cwd = interp.HandlerCtx(ctx).Dir
	return v.Access(name, fs.FileMode(mode))
}
