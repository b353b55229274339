package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Of login(1): LOGIN_TIMEOUT and LOGIN_RETRIES.
const (
	loginTimeout = 60 * time.Second
	loginRetries = 5
)

// login is agetty and then login(1) on one terminal, in one process.
type login struct {
	s    *System
	p    *proc
	t    *tty.TTY
	line string
	ctx  context.Context
}

var errTooLate = errors.New("too late")

// run asks for a name and a password and becomes the user's shell.
func (l *login) run() int {
	l.t.Flush() // keys pressed before the prompt are lost
	l.p.Printf("\r\n%s", l.issue())
	l.ctx = l.p.Context()
	name := ""
	for name == "" {
		var err error
		if name, err = l.ask(l.p.M.Hostname() + " login: "); err != nil {
			return 1
		}
	}
	l.p.SetComm("login")
	ctx, cancel := context.WithTimeoutCause(l.p.Context(), loginTimeout, errTooLate)
	defer cancel()
	l.ctx = ctx
	u, err := l.authenticate(name)
	if errors.Is(err, errTooLate) {
		l.p.Printf("\nLogin timed out after %d seconds.\n", int(loginTimeout.Seconds()))
	}
	if err != nil {
		return 1
	}
	cancel()
	return l.shell(u)
}

// ask reads a line.
func (l *login) ask(prompt string) (string, error) {
	l.p.Printf("%s", prompt)
	b := make([]byte, 4096)
	n, err := l.t.ReadContext(l.ctx, b)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return strings.TrimRight(string(b[:n]), "\r\n"), err
}

// secret reads a password. As in PAM's conversation, it drops typed-ahead input and turns
// the echo off before the prompt shows.
func (l *login) secret(prompt string) (string, error) {
	was := l.t.Mode()
	mode := was
	mode.Lflag &^= tty.ECHO
	l.t.Flush()
	l.t.SetMode(mode)
	defer l.t.SetMode(was)
	pass, err := l.ask(prompt)
	l.p.Printf("\n")
	return pass, err
}

func (l *login) authenticate(name string) (kernel.User, error) {
	for try := 1; ; try++ {
		field := l.shadow(name)
		u, known := l.p.LookupUser(name)
		ok := known && field != nil && field[1] == ""
		if !ok {
			pass, err := l.secret("Password: ")
			if err != nil {
				return u, err
			}
			ok = known && field != nil && image.Check(field[1], pass)
		}
		if ok {
			if field[2] == "0" {
				return u, l.renew(name, field[1])
			}
			return u, nil
		}
		if !l.p.Sleep(l.s.o.FailDelay) {
			return u, io.EOF
		}
		l.p.Printf("\nLogin incorrect\n")
		if try == loginRetries {
			l.p.Printf("Maximum number of tries exceeded (%d)\n", loginRetries)
			return u, io.EOF
		}
		var err error
		if name, err = l.ask(l.p.M.Hostname() + " login: "); err != nil {
			return u, err
		}
	}
}

// shadow is the user's line of /etc/shadow in its nine fields, nil for none.
func (l *login) shadow(name string) []string {
	b, _ := l.p.View().ReadFile("/etc/shadow")
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); f[0] == name && len(f) > 2 {
			return f
		}
	}
	return nil
}

// renew makes the user set another password, once, as chage -d 0 asks for.
func (l *login) renew(name, field string) error {
	l.p.Printf("You are required to change your password immediately (administrator enforced).\nChanging password for %s.\n", name)
	old, err := l.secret("Current password: ")
	if err != nil {
		return err
	}
	if !image.Check(field, old) {
		l.p.Printf("Authentication token manipulation error\n")
		return io.EOF
	}
	var words [2]string
	for i, q := range []string{"New password: ", "Retype new password: "} {
		if words[i], err = l.secret(q); err != nil {
			return err
		}
	}
	switch {
	case words[0] != words[1]:
		l.p.Printf("Sorry, passwords do not match.\n")
		return io.EOF
	case words[0] == "":
		l.p.Printf("No password has been supplied.\n")
		return io.EOF
	}
	setPassword(l.p, name, image.Crypt(words[0]))
	return nil
}

// setPassword changes a line of /etc/shadow, its date included.
func setPassword(p *proc, name, field string) {
	edit(p, "/etc/shadow", name, func(f []string) []string {
		f[1] = field
		if len(f) > 2 {
			f[2] = strconv.FormatInt(time.Now().Unix()/86400, 10)
		}
		return f
	})
}

// shell greets the user and becomes the login shell.
func (l *login) shell(u kernel.User) int {
	motd, _ := l.p.View().ReadFile("/etc/motd")
	if l.s.o.OS.Systemd() {
		l.p.Printf("Linux %s 6.8.12-4-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4 (2024-11-06T15:04Z) x86_64\n", l.p.M.Hostname())
	}
	l.p.Printf("%s", motd)
	now := time.Now().UTC().Format("Mon Jan _2 15:04:05 MST 2006")
	l.s.mu.Lock()
	last := l.s.lastLogin[u.Name]
	l.s.lastLogin[u.Name] = fmt.Sprintf("%s on %s", now, l.line)
	l.s.mu.Unlock()
	if last != "" && l.s.o.OS.Systemd() {
		l.p.Printf("Last login: %s\n", last)
	}
	shell := u.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	l.p.SetEnv(l.s.pamEnv(l.p, []string{"TERM=linux", "LANG=C.UTF-8", "HOME=" + u.Home, "SHELL=" + shell, "USER=" + u.Name, "LOGNAME=" + u.Name, "MAIL=/var/mail/" + u.Name, "PATH=" + kernel.DefaultPath}))
	l.p.SetUser(u)
	if l.p.Chdir(u.Home) != nil {
		_ = l.p.Chdir("/") // always there
		l.p.Printf("No directory, logging in with HOME=/\n")
	}
	return l.p.ExecFile(shell, []string{"-" + shell[strings.LastIndexByte(shell, '/')+1:]})
}
