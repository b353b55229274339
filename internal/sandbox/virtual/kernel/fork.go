package kernel

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"mvdan.cc/sh/v3/interp"
)

// fork starts a copy of this shell that runs a piece of its script.
func (sh *shell) fork(hc interp.HandlerContext, id string, c Child, options ...interp.RunnerOption) (*Proc, error) {
	f := sh.prog.body(id)
	if f == nil {
		return nil, fmt.Errorf("sandbox: no such piece of script")
	}
	r, pipefail, untested := sh.r.Subshell(), sh.pipefail, sh.noErrexit || len(options) > 0 && sh.tested()
	c.Env, c.Cwd = exported(hc.Env), hc.Dir
	if c.Stdin == nil && !c.NullIn {
		c.Stdin = sh.inOf(hc)
	}
	if c.Stdout == nil {
		c.Stdout = hc.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = hc.Stderr
	}
	for _, o := range options {
		if err := o(r); err != nil {
			return nil, err
		}
	}
	c.Body = func(q *Proc) int {
		sub := &shell{p: q, r: r, prog: sh.prog, name: sh.name, kind: sh.kind, pipefail: pipefail, inheritErrexit: sh.inheritErrexit, nounset: sh.nounset, noErrexit: untested, jobs: map[int]*Proc{}}
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
		q, err := sh.fork(hc, parts[i], c, sh.untested()...)
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
	if terminalOf(raw(sh.inOf(hc))) != nil { // it would be stopped at the first read
		c.NullIn = true
	}
	var closers []io.Closer
	take := func(x any) any {
		y, cl := dup(x)
		if cl != nil {
			closers = append(closers, cl)
		}
		return y
	}
	if !c.NullIn {
		c.Stdin, _ = take(raw(sh.inOf(hc))).(io.Reader)
	}
	c.Stdout, _ = take(rawW(hc.Stdout)).(io.Writer)
	c.Stderr, _ = take(rawW(hc.Stderr)).(io.Writer)
	c.OnStart = func(q *Proc) {
		q.closers = append(q.closers, closers...)
		if sh.prompt != nil { // job control: ^C does not meet it
			q.mu.Lock()
			q.pgid = q.Pid
			q.mu.Unlock()
		}
	}
	if sh.kind != "bash" {
		c.Ignore = []int{2, 3} // a job of a shell without job control
	}
	var options []interp.RunnerOption
	if sh.kind == "bash" { // in dash the status of a job is never tested
		options = sh.untested()
	}
	q, err := sh.fork(hc, args[1], c, options...)
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
	var options []interp.RunnerOption
	if sh.kind == "bash" && !sh.inheritErrexit { // bash drops set -e there
		options = append(options, interp.Params("+e"))
	}
	q, err := sh.fork(hc, id, Child{Stdout: pw}, options...)
	if err != nil {
		pw.Close()
		fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
		return 2
	}
	go func() { <-q.done; pw.Close() }()
	in := &reader{sh.p, pr}
	_, _ = io.Copy(hc.Stdout, io.LimitReader(in, 64<<20)) // a killed process ends early
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
