package kernel

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"weak"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// execHandler runs commands that are no functions and no builtins: our own calls in this
// process, programs in a new one.
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
		p.Stdin, p.Stdout, p.Stderr = sh.inOf(hc), hc.Stdout, hc.Stderr
		p.mu.Lock()
		p.env, p.cwd, p.traps = env, hc.Dir, nil
		p.mu.Unlock()
		p.wrapStreams()
		p.Handle(nil)
		return status(p.execFile(full, args, 0))
	}
	q, err := sh.p.Start(Child{Argv: args, Env: env, Cwd: hc.Dir, Stdin: sh.inOf(hc), Stdout: hc.Stdout, Stderr: hc.Stderr,
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

func (sh *shell) inOf(hc interp.HandlerContext) io.Reader {
	if hc.Stdin == nil {
		return nullIn{}
	}
	if f, ok := hc.Stdin.(*os.File); ok {
		if t, ok := sh.p.M.stubs.Load(weak.Make(f)); ok {
			return t.(*tty.TTY)
		}
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
		if st == 127 {
			reason += sh.p.lacking(name)
		}
		if sh.prompt != nil {
			fmt.Fprintf(hc.Stderr, "%s: %s: %s\n", path.Base(sh.name), name, reason)
			return st
		}
		fmt.Fprintf(hc.Stderr, "%s: line %d: %s: %s\n", sh.name, max(1, hc.Pos.Line()), name, reason)
	} else {
		if st == 127 {
			reason += sh.p.lacking(name)
		}
		fmt.Fprintf(hc.Stderr, "%s: %d: %s: %s\n", sh.name, max(1, hc.Pos.Line()), name, reason)
	}
	return st
}

const reasonENOENT = "No such file or directory"

type environ interface {
	Each(func(name string, vr exVar) bool)
}

// exported is the environment for a program. Every shell exports PWD.
func exported(env environ) []string {
	m := map[string]string{}
	for name, v := range env.Each {
		if v.IsSet() && (v.Exported || name == "PWD") && v.Kind == exString {
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
