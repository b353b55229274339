package kernel

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

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
		x = raw(sh.inOf(hc))
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

// theirs reports whether the output n is a pipe of the host's root.
func theirs(hc interp.HandlerContext, n int) bool {
	out := map[int]io.Writer{1: hc.Stdout, 2: hc.Stderr}[n]
	if out == nil {
		return false
	}
	s, ok := rawW(out).(*sink)
	return ok && s.theirs
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
		f, err := sh.openNamed(hc, arg, flag)
		if err != nil {
			fmt.Fprintf(hc.Stderr, "%s: 1: cannot open %s: %s\n", sh.name, arg, Reason(err))
			return 2
		}
		x = f
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

// openNamed opens what a numbered redirection names: a connection or a file.
func (sh *shell) openNamed(hc interp.HandlerContext, name string, flag int) (any, error) {
	if conn, ok, err := sh.openNet(sh.p.ctx, name); ok {
		return conn, err
	}
	v := sh.p.View()
	v.Cwd = hc.Dir
	f, err := v.Open(name, flag, 0o666)
	if err != nil {
		return nil, err
	}
	if f.Host != nil && flag == os.O_RDONLY {
		return f.Host, nil
	}
	return f, nil
}
