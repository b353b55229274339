package pct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// cliPath is the PATH that Proxmox's command line sets for itself.
const cliPath = "/sbin:/bin:/usr/sbin:/usr/bin"

// exec is pct exec: lxc-attach with the session's streams and, by default, its
// environment. When the session ends, the process in the guest is not killed: its stdin
// ends and its stdout has no reader.
func (t *Tool) exec(c *call) error {
	if len(c.extra) == 0 {
		return errors.New("400 not enough arguments\npct exec <vmid> [<extra-args>] [OPTIONS]")
	}
	env := guestEnv(c.p.Env(), c.params["keep-env"] != "0")
	if c.params["keep-env"] != "0" {
		env = append(env, "PWD="+c.p.Cwd(), "SHLVL=0", "_=/usr/sbin/pct") // of the node's bash, which execs pct
	}
	return t.inside(c.p, c.vmid, c.extra, env, t.node.Exec)
}

// inside runs a process in a guest with exec, as lxc-attach does.
func (t *Tool) inside(p *kernel.Proc, vmid int, argv, env []string, exec func(context.Context, int, driver.Exec) (int, error)) error {
	if tty := p.IsTerminal(0); tty != nil {
		return t.onTerminal(p, vmid, tty, driver.Exec{Argv: argv, Env: env, Cwd: p.Cwd()})
	}
	type result struct {
		status int
		err    error
	}
	stderr := &attachErrors{w: p.Stderr, name: argv[0], line: t.node.Profile().AttachLine}
	done := make(chan result, 1)
	go func() {
		status, err := exec(t.ctx, vmid, driver.Exec{Argv: argv, Env: env, Cwd: p.Cwd(), Stdin: p.Stdin, Stdout: p.Stdout, Stderr: stderr})
		done <- result{status, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return r.err
		}
		stderr.end(vmid, r.status, t.node.Driver().Name() == "lxc")
		return exitError(r.status)
	case <-p.Context().Done():
		return exitError(129)
	}
}

// attachErrors holds back a guest's own message about a program that it cannot execute,
// until it is known whether lxc-attach would have printed the message.
type attachErrors struct {
	w      io.Writer
	name   string // argv[0]
	line   int    // of lxc's attach.c, which its message tells
	held   []byte
	passed bool
}

func (a *attachErrors) Write(b []byte) (int, error) {
	text := string(b)
	if !a.passed && (text == a.name+": not found\n" || text == a.name+": Permission denied\n") {
		a.held = append(a.held, b...)
		return len(b), nil
	}
	if err := a.release(); err != nil {
		return 0, err
	}
	return a.w.Write(b)
}

func (a *attachErrors) release() error {
	a.passed = true
	held := a.held
	a.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := a.w.Write(held)
	return err
}

// end prints lxc-attach's message if the guest's driver does not run lxc-attach.
func (a *attachErrors) end(vmid, status int, attached bool) {
	reason := map[int]string{126: "Permission denied", 127: "No such file or directory"}[status]
	if reason == "" || a.passed || attached {
		_ = a.release()
		return
	}
	fmt.Fprintf(a.w, "lxc-attach: %d: ../src/lxc/attach.c: lxc_attach_run_command: %d %s - Failed to exec %q\n", vmid, a.line, reason, a.name)
}

// guestEnv is the whole environment of a process in a guest.
func guestEnv(caller []string, keep bool) []string {
	if !keep {
		term := "linux"
		for _, e := range caller {
			if v, ok := strings.CutPrefix(e, "TERM="); ok {
				term = v
			}
		}
		return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=" + term, "container=lxc"}
	}
	env := []string{"PATH=" + cliPath}
	for _, e := range caller {
		k, _, _ := strings.Cut(e, "=")
		switch k {
		case "PATH", "container", "SSL_CERT_FILE", "SSL_CERT_DIR", "_", "PWD", "OLDPWD", "SHLVL":
			continue // set here or by the caller, or removed by clean_environment
		}
		env = append(env, e)
	}
	return append(env, "container=lxc")
}

// push is pct push. It prints an error of its worker and still exits with 0.
func (t *Tool) push(c *call) error {
	if err := t.running(c.vmid, "can only push files to a running CT"); err != nil {
		return err
	}
	err := t.pushFile(c)
	return t.swallow(c.p, err)
}

func (t *Tool) pushFile(c *call) error {
	src, dst := c.params["file"], c.params["destination"]
	view := c.p.View()
	info, err := view.Stat(src)
	if err != nil {
		return fmt.Errorf("failed to open %s for reading", src)
	}
	var r io.Reader = strings.NewReader("") // reading a folder fails without a message
	if !info.IsDir() {
		f, err := view.Open(src, os.O_RDONLY, 0)
		if err != nil {
			return fmt.Errorf("failed to open %s for reading", src)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	err = t.node.Push(c.p.Context(), node.Root, c.vmid, dst, r, c.params["perms"], c.params["user"], c.params["group"])
	return worded(err, "failed to create file", dst)
}

// pull is pct pull; it treats errors as push does.
func (t *Tool) pull(c *call) error {
	if err := t.running(c.vmid, "can only pull files from a running CT"); err != nil {
		return err
	}
	return t.swallow(c.p, t.pullFile(c))
}

func (t *Tool) pullFile(c *call) error {
	src, dst := c.params["path"], c.params["destination"]
	w := &lazyFile{open: func() (io.WriteCloser, error) {
		f, err := c.p.View().Open(dst, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		return f, worded(err, "failed to create", dst)
	}}
	err := t.node.Pull(c.p.Context(), node.Root, c.vmid, src, w)
	if err == nil {
		err = w.touch() // an empty file also counts
	}
	if w.f != nil {
		err = errors.Join(err, w.f.Close())
	}
	return worded(err, "failed to open", src)
}

// lazyFile makes the node's file at the first write.
type lazyFile struct {
	open func() (io.WriteCloser, error)
	f    io.WriteCloser
}

func (l *lazyFile) touch() (err error) {
	if l.f == nil {
		l.f, err = l.open()
	}
	return err
}

func (l *lazyFile) Write(b []byte) (int, error) {
	if err := l.touch(); err != nil {
		return 0, err
	}
	return l.f.Write(b)
}

// running refuses a container that does not run, with these words.
func (t *Tool) running(vmid int, words string) error {
	if err := t.node.Exists(vmid); err != nil {
		return err
	}
	if !t.node.Running(vmid) {
		return errors.New(words)
	}
	return nil
}

// swallow prints a worker's error and drops it. It returns only a refusal before the
// worker began.
func (t *Tool) swallow(p *kernel.Proc, err error) error {
	var refused *node.Error
	if err == nil || errors.As(err, &refused) {
		return err
	}
	fmt.Fprintln(p.Stderr, err.Error())
	return nil
}

// worded puts a system error into Proxmox's sentence, and returns any other unchanged.
func worded(err error, what, path string) error {
	var at *fs.PathError
	var no syscall.Errno
	switch {
	case errors.As(err, &at), errors.As(err, &no):
		return errors.New(what + ": " + path + ": " + kernel.Reason(err))
	case err != nil && strings.HasPrefix(err.Error(), path+": "):
		return errors.New(what + ": " + err.Error())
	}
	return err
}
