package kernel

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// execHandler runs what is neither a function nor a builtin: our own calls in
// this process, programs in a new one.
func execHandler(ctx context.Context, args []string) error {
	sh, hc := shellOf(ctx), interp.HandlerCtx(ctx)
	execing := sh.execing
	sh.execing = false
	if strings.HasPrefix(args[0], callPrefix) {
		return status(sh.internal(ctx, hc, args))
	}
	env := exported(hc.Env)
	paths := hc.Env.Get("PATH").String()
	full, err := sh.p.lookFrom(hc.Dir, args[0], paths)
	if err != nil {
		return status(sh.notFound(hc, args[0], err))
	}
	if execing {
		p := sh.p
		p.Env, p.cwd, p.Stdin, p.Stdout, p.Stderr = env, hc.Dir, inOf(hc), hc.Stdout, hc.Stderr
		p.mu.Lock()
		p.traps = nil
		p.mu.Unlock()
		p.wrapStreams()
		return status(p.execFile(full, args, 0))
	}
	q, err := sh.p.Start(Child{Argv: args, Env: env, Cwd: hc.Dir, Stdin: inOf(hc), Stdout: hc.Stdout, Stderr: hc.Stderr,
		Body: func(q *Proc) int { return q.execFile(full, args, 0) }})
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
		return interp.ExitStatus(2)
	}
	return sh.wait(q)
}

// wait waits for a process in the foreground.
func (sh *shell) wait(q *Proc) error {
	select {
	case <-q.done:
		return status(q.status)
	case <-sh.p.ctx.Done():
		return context.Cause(sh.p.ctx)
	}
}

func status(n int) error {
	if n &= 0xff; n != 0 {
		return interp.ExitStatus(n)
	}
	return nil
}

func inOf(hc interp.HandlerContext) io.Reader {
	if hc.Stdin == nil {
		return nullIn{}
	}
	return hc.Stdin
}

func (sh *shell) notFound(hc interp.HandlerContext, name string, err error) int {
	st, reason := 127, NotFound
	if Reason(err) != reasonENOENT {
		st, reason = 126, Reason(err)
	} else if !strings.Contains(name, "/") {
		sh.p.noteMissing(name)
	}
	if sh.kind == "bash" {
		if st == 127 {
			reason = "command not found"
			if strings.Contains(name, "/") {
				reason = reasonENOENT
			}
		}
		fmt.Fprintf(hc.Stderr, "%s: line %d: %s: %s\n", sh.name, max(1, hc.Pos.Line()), name, reason)
	} else {
		fmt.Fprintf(hc.Stderr, "%s: %d: %s: %s\n", sh.name, max(1, hc.Pos.Line()), name, reason)
	}
	return st
}

const reasonENOENT = "No such file or directory"

type environ interface {
	Each(func(name string, vr exVar) bool)
}

// exported is the environment for a program.
func exported(env environ) []string {
	m := map[string]string{}
	for name, v := range env.Each {
		if v.IsSet() && v.Exported && v.Kind == exString {
			m[name] = v.Str
		} else {
			delete(m, name)
		}
	}
	out := make([]string, 0, len(m))
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	sort.Strings(out)
	return out
}

// fork starts a copy of this shell that runs a piece of its script.
func (sh *shell) fork(hc interp.HandlerContext, id string, c Child) (*Proc, error) {
	f := sh.prog.body(id)
	if f == nil {
		return nil, fmt.Errorf("sandbox: no such piece of script")
	}
	r, pipefail := sh.r.Subshell(), sh.pipefail
	c.Env, c.Cwd = exported(hc.Env), hc.Dir
	if c.Stdin == nil && !c.NullIn {
		c.Stdin = inOf(hc)
	}
	if c.Stdout == nil {
		c.Stdout = hc.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = hc.Stderr
	}
	c.Body = func(q *Proc) int {
		sub := &shell{p: q, r: r, prog: sh.prog, name: sh.name, kind: sh.kind, pipefail: pipefail, jobs: map[int]*Proc{}}
		in, err := q.stdinFile()
		if err != nil {
			return 126
		}
		if err := interp.StdIO(in, q.Stdout, q.Stderr)(r); err != nil {
			return 126
		}
		return sub.runFile(f)
	}
	return sh.p.Start(c)
}

// pipeline starts every part of a pipe and waits for all of them.
func (sh *shell) pipeline(hc interp.HandlerContext, parts []string) int {
	var procs []*Proc
	var in *os.File
	for i := 0; i < len(parts); i += 2 {
		c := Child{}
		var mine []io.Closer
		if in != nil {
			c.Stdin, mine = in, append(mine, in)
		}
		in = nil
		if i+1 < len(parts) {
			pr, pw, err := os.Pipe()
			if err != nil {
				return 2
			}
			c.Stdout, mine, in = pw, append(mine, pw), pr
			if parts[i+1] == "|&" {
				c.Stderr = pw
			}
		}
		c.OnStart = func(q *Proc) { q.closers = append(q.closers, mine...) }
		q, err := sh.fork(hc, parts[i], c)
		if err != nil {
			for _, x := range mine {
				x.Close()
			}
			fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
			continue
		}
		procs = append(procs, q)
	}
	st := 0
	for i, q := range procs {
		if one := sh.p.Wait(q); one != 0 && sh.pipefail || i == len(procs)-1 && (one != 0 || !sh.pipefail) {
			st = one
		}
	}
	return st
}

// background starts a job and sets $!.
func (sh *shell) background(hc interp.HandlerContext, args []string) ([]string, error) {
	c := Child{NullIn: args[2] == "null"}
	var closers []io.Closer
	take := func(x any) any {
		y, cl := dup(x)
		if cl != nil {
			closers = append(closers, cl)
		}
		return y
	}
	if !c.NullIn {
		c.Stdin, _ = take(raw(inOf(hc))).(io.Reader)
	}
	c.Stdout, _ = take(rawW(hc.Stdout)).(io.Writer)
	c.Stderr, _ = take(rawW(hc.Stderr)).(io.Writer)
	c.OnStart = func(q *Proc) { q.closers = append(q.closers, closers...) }
	if sh.kind != "bash" {
		c.Ignore = []int{2, 3} // a job of a shell without job control
	}
	q, err := sh.fork(hc, args[1], c)
	if err != nil {
		for _, cl := range closers {
			cl.Close()
		}
		fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
		return []string{"exit", "2"}, nil
	}
	sh.jobs[q.Pid] = q
	sh.order = append(sh.order, q.Pid)
	return []string{"eval", varBang + "=" + strconv.Itoa(q.Pid)}, nil
}

// subst is a command substitution: its output is read until every process that
// could write there has closed it.
func (sh *shell) subst(hc interp.HandlerContext, id string) int {
	pr, pw, err := os.Pipe()
	if err != nil {
		return 126
	}
	defer pr.Close()
	q, err := sh.fork(hc, id, Child{Stdout: pw})
	if err != nil {
		pw.Close()
		fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
		return 2
	}
	go func() { <-q.done; pw.Close() }()
	in := &reader{sh.p, pr}
	io.Copy(hc.Stdout, io.LimitReader(in, 64<<20))
	return sh.p.Wait(q)
}

// procSubst starts the process of <( ) or >( ) and prints its path.
func (sh *shell) procSubst(hc interp.HandlerContext, id string, in bool) int {
	pr, pw, err := os.Pipe()
	if err != nil {
		return 126
	}
	ours, theirs := pr, pw
	c := Child{Stdout: pw}
	if !in {
		ours, theirs = pw, pr
		c = Child{Stdin: pr, Stdout: rawW(sh.p.Stdout)}
	}
	c.OnStart = func(q *Proc) { q.closers = append(q.closers, theirs) }
	if _, err := sh.fork(hc, id, c); err != nil {
		pr.Close()
		pw.Close()
		return 2
	}
	sh.p.mu.Lock()
	n := 63
	for sh.p.fds[n] != nil {
		n--
	}
	sh.p.fds[n] = ours
	sh.p.closers = append(sh.p.closers, ours)
	sh.p.mu.Unlock()
	fmt.Fprintf(hc.Stdout, "/dev/fd/%d", n)
	return 0
}

func fdPath(name string) (int, bool) {
	switch name {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if s, ok := strings.CutPrefix(name, dir); ok {
			n, err := strconv.Atoi(s)
			return n, err == nil
		}
	}
	return 0, false
}

// openFd opens /dev/fd/N from the shell: a descriptor of its own, closed alone.
func (sh *shell) openFd(hc interp.HandlerContext, n, flag int) (io.ReadWriteCloser, error) {
	var x any
	switch n {
	case 0:
		x = raw(inOf(hc))
	case 1:
		x = rawW(hc.Stdout)
	case 2:
		x = rawW(hc.Stderr)
	default:
		sh.p.mu.Lock()
		x = sh.p.fds[n]
		sh.p.mu.Unlock()
	}
	if x == nil {
		return nil, &os.PathError{Op: sh.name, Path: strconv.Itoa(n), Err: shellReason{os.ErrClosed}}
	}
	y, _ := dup(x)
	switch y := y.(type) {
	case *os.File:
		return y, nil
	case *fsys.File:
		return keepOpen{y}, nil
	}
	return keepOpen{x}, nil
}

// keepOpen lends a stream: closing it changes nothing.
type keepOpen struct{ x any }

func (k keepOpen) Read(b []byte) (int, error) {
	if r, ok := k.x.(io.Reader); ok {
		return r.Read(b)
	}
	return 0, io.EOF
}

func (k keepOpen) Write(b []byte) (int, error) {
	if w, ok := k.x.(io.Writer); ok {
		return w.Write(b)
	}
	return 0, os.ErrPermission
}

func (keepOpen) Close() error { return nil }

// openNumbered is a redirection of a descriptor from 3 up: 3>file, 3<file, 3>&1, 3>&-.
func (sh *shell) openNumbered(hc interp.HandlerContext, n int, op, arg string) int {
	var x any
	switch op {
	case ">&", "<&":
		if arg != "-" {
			m, err := strconv.Atoi(arg)
			if err != nil {
				return 2
			}
			f, err := sh.openFd(hc, m, 0)
			if err != nil {
				fmt.Fprintf(hc.Stderr, "%s: 1: %d: Bad file descriptor\n", sh.name, m)
				return 2
			}
			x = f
		}
	default:
		flags := map[string]int{"<": os.O_RDONLY, ">": os.O_WRONLY | os.O_CREATE | os.O_TRUNC, ">|": os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
			">>": os.O_WRONLY | os.O_CREATE | os.O_APPEND, "<>": os.O_RDWR | os.O_CREATE}
		flag, ok := flags[op]
		if !ok {
			fmt.Fprintf(hc.Stderr, "sandbox: redirection %s is not supported by the virtual guest\n", op)
			return 2
		}
		v := sh.p.View()
		v.Cwd = hc.Dir
		f, err := v.Open(arg, flag, 0o666)
		if err != nil {
			fmt.Fprintf(hc.Stderr, "%s: 1: cannot open %s: %s\n", sh.name, arg, Reason(err))
			return 2
		}
		x = f
		if f.Host != nil && flag == os.O_RDONLY {
			x = f.Host
		}
	}
	sh.p.mu.Lock()
	defer sh.p.mu.Unlock()
	if old, ok := sh.p.fds[n].(io.Closer); ok && sh.owns(old) {
		old.Close()
	}
	delete(sh.p.fds, n)
	if x != nil {
		sh.p.fds[n] = x
		if c, ok := x.(io.Closer); ok {
			sh.p.closers = append(sh.p.closers, c)
		}
	}
	return 0
}

// owns says whether this process opened c; p.mu is held.
func (sh *shell) owns(c io.Closer) bool {
	for _, x := range sh.p.closers {
		if x == c {
			return true
		}
	}
	return false
}
