package kernel

import (
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"weak"

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

// openFd opens /dev/fd/N from the shell: a descriptor of its own, closed alone. named means
// that a script opens it by its path.
func (sh *shell) openFd(hc interp.HandlerContext, n int, named bool) (io.ReadWriteCloser, error) {
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
	if named && sh.p.M.foreign(x) {
		return nil, &os.PathError{Op: sh.name, Path: "cannot open descriptor " + strconv.Itoa(n), Err: shellReason{syscall.EACCES}}
	}
	if x == nil {
		return nil, &os.PathError{Op: sh.name, Path: strconv.Itoa(n), Err: shellReason{syscall.EBADF}}
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

// foreign reports whether a stream is a pipe of the host's root, which the guest cannot
// open by its path. See Exec.Theirs.
func (m *Machine) foreign(x any) bool {
	switch x := x.(type) {
	case *sink:
		return x.theirs
	case *os.File:
		_, ok := m.lent.Load(weak.Make(x))
		return ok
	}
	return false
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
				return sh.badRedirect()
			}
			f, err := sh.openFd(hc, m, false)
			if err != nil {
				fmt.Fprintf(hc.Stderr, "%s: 1: %d: Bad file descriptor\n", sh.name, m)
				return sh.badRedirect()
			}
			x = f
		}
	default:
		flags := map[string]int{"<": os.O_RDONLY, ">": os.O_WRONLY | os.O_CREATE | os.O_TRUNC, ">|": os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
			">>": os.O_WRONLY | os.O_CREATE | os.O_APPEND, "<>": os.O_RDWR | os.O_CREATE}
		flag, ok := flags[op]
		if !ok {
			fmt.Fprintf(hc.Stderr, "sandbox: redirection %s"+NotHere+"\n", op)
			return 2
		}
		f, err := sh.openNamed(hc, arg, flag)
		if err != nil {
			fmt.Fprintf(hc.Stderr, "%s: 1: cannot open %s: %s\n", sh.name, arg, Reason(err))
			return sh.badRedirect()
		}
		x = f
	}
	sh.p.mu.Lock()
	defer sh.p.mu.Unlock()
	sh.closeFd(sh.p.fds[n])
	delete(sh.p.fds, n)
	if x != nil {
		sh.p.fds[n] = x
		if c, ok := x.(io.Closer); ok {
			sh.p.closers = append(sh.p.closers, c)
		}
	}
	return 0
}

// badRedirect is the status of a redirection that failed.
func (sh *shell) badRedirect() int {
	if sh.kind == "bash" {
		return 1
	}
	return 2
}

// keptFds are the descriptors from 3 up as they were before a command with redirections.
type keptFds struct {
	label string
	fds   map[int]any
}

// keepFds records the descriptors, so that the redirections of one command end with it.
func (sh *shell) keepFds(label string) {
	sh.p.mu.Lock()
	defer sh.p.mu.Unlock()
	sh.kept = append(sh.kept, keptFds{label, maps.Clone(sh.p.fds)})
}

// backFds restores the descriptors. Records above that of label belong to commands that a
// return or a break has left.
func (sh *shell) backFds(label string) {
	sh.p.mu.Lock()
	defer sh.p.mu.Unlock()
	for i := len(sh.kept) - 1; i >= 0; i-- {
		if sh.kept[i].label != label {
			continue
		}
		now, was := sh.p.fds, sh.kept[i].fds
		for _, x := range now {
			sh.closeFd(x)
		}
		if was == nil {
			was = map[int]any{}
		}
		sh.p.fds, sh.kept = was, sh.kept[:i]
		return
	}
}

// closeFd closes a descriptor of this process, unless a record has it. The caller holds p.mu.
func (sh *shell) closeFd(x any) {
	c, ok := x.(io.Closer)
	if !ok || !sh.owns(c) {
		return
	}
	for _, k := range sh.kept {
		for _, y := range k.fds {
			if x == y {
				return
			}
		}
	}
	c.Close()
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

// openNamed opens the target of a numbered redirection: a connection or a file.
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
