package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// shell is the state of one shell process around the interpreter.
type shell struct {
	p     *Proc
	r     *interp.Runner
	prog  *program
	env   *bootEnv // nil in a subshell
	name  string   // $0
	kind  string   // sh, dash, ash or bash
	flags string   // $-
	jobs  map[int]*Proc
	order []int
	kept  []keptFds
	steps int64
	peek  peek

	pipefail       bool
	nounset        bool // set on its command line
	inheritErrexit bool // shopt -s inherit_errexit
	noErrexit      bool // a subshell of a tested command: set -e has no effect

	ending   *int         // the next command ends the shell with this status
	leaving  bool         // it runs exit
	errSteps int64        // when a trap on ERR ran last
	execing  bool         // the next program replaces the shell
	prompt   *interaction // nil: not interactive
}

type shellKey struct{}

func shellOf(ctx context.Context) *shell { return ctx.Value(shellKey{}).(*shell) }

// runShell is the program sh (dash, ash, bash).
func (p *Proc) runShell(kind string, argv []string) int {
	o, err := parseShellArgs(argv)
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: 0: %v\n", argv[0], err)
		return 2
	}
	sh := &shell{p: p, prog: &program{}, kind: kind, name: o.name, jobs: map[int]*Proc{}}
	sh.nounset = slices.Contains(o.flags, "-u")
	sh.pipefail = strings.Contains(strings.Join(o.flags, " "), "-o pipefail")
	p.traps = nil
	if o.interactive = o.stdin && (o.interactive || p.IsTerminal(0) != nil && p.IsTerminal(2) != nil); o.interactive {
		sh.prompt = &interaction{histexpand: kind == "bash"}
	}
	env := p.shellEnv(kind)
	sh.env, sh.flags = env, o.dashed(kind)
	env.vars[varFlags] = strVar(sh.flags, false)
	env.vars[varZero] = strVar(o.name, false)
	if o.interactive {
		env.interactive(p, kind)
	}
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
	if o.login {
		sh.profile()
	}
	switch {
	case sh.r.Exited() && o.login: // by its profile
		return 0
	case o.interactive:
		return sh.interact(o)
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

// stdinFile is the process's stdin as the file that the interpreter insists on.
func (p *Proc) stdinFile() (*os.File, error) {
	if t := terminalOf(raw(p.Stdin)); t != nil {
		f, err := p.M.stub(t)
		if err == nil {
			p.closeLater(f)
		}
		return f, err
	}
	if f, ok := raw(p.Stdin).(*os.File); ok {
		return f, nil
	}
	if f, ok := raw(p.Stdin).(*fsys.File); ok && f.Host != nil {
		return f.Host, nil
	}
	src := p.Stdin
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

// posix reports whether the shell lacks bash's extensions, as dash does.
func (sh *shell) posix() bool { return sh.kind == "sh" || sh.kind == "dash" }

func (sh *shell) rewriter() *rewriter {
	return &rewriter{prog: sh.prog, seen: differs{nounset: sh.nounset}, posix: sh.posix(), name: sh.name,
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
		w.typed(stmts)
		if w.err != nil {
			fmt.Fprintln(sh.p.Stderr, w.err)
			return 2
		}
		for _, st := range stmts {
			status = sh.runNode(st)
			if sh.r.Exited() || sh.ending != nil || sh.p.ctx.Err() != nil {
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
	ctx := context.WithValue(sh.context(), shellKey{}, sh)
	err := sh.r.Run(ctx, n)
	var es interp.ExitStatus
	switch {
	case sh.ending != nil:
		return *sh.ending
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
