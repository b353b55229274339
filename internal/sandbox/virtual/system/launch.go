package system

import (
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// env is a service's environment.
func (s *System) env(u *unit) ([]string, error) {
	env := []string{"PATH=" + kernel.DefaultPath, "LANG=C.UTF-8", "INVOCATION_ID=" + strconv.Itoa(u.gen)}
	for _, l := range u.opts["Service.Environment"] {
		env = append(env, words(l)...)
	}
	for _, f := range u.opts["Service.EnvironmentFile"] {
		opt := strings.HasPrefix(f, "-")
		b, err := s.init.View().ReadFile(strings.TrimPrefix(f, "-"))
		if err != nil {
			if opt {
				continue
			}
			return nil, err
		}
		for _, l := range strings.Split(string(b), "\n") {
			l = strings.TrimSpace(l)
			if k, v, ok := strings.Cut(l, "="); ok && l[0] != '#' && l[0] != ';' {
				if w := words(v); len(w) > 0 {
					v = strings.Join(w, " ")
				}
				env = append(env, k+"="+v)
			}
		}
	}
	if n := u.get("Service.User"); n != "" {
		if x, ok := s.init.LookupUser(n); ok {
			env = append(env, "HOME="+x.Home, "USER="+x.Name, "LOGNAME="+x.Name, "SHELL="+x.Shell)
		}
	}
	return env, nil
}

func (s *System) child(u *unit, args, env []string, conn net.Conn) (kernel.Child, error) {
	c := kernel.Child{Argv: args, Env: env, Unit: u.name, Cwd: "/", Setsid: true, NullIn: true}
	j := &journalWriter{s: s, unit: u.name, ident: path.Base(args[0])}
	c.Stdout, c.Stderr = j, j
	c.OnStart = func(p *proc) { j.pid = p.Pid }
	if d := u.get("Service.WorkingDirectory"); d != "" && d != "~" {
		c.Cwd = strings.TrimPrefix(d, "-")
	}
	if n := u.get("Service.User"); n != "" {
		x, ok := s.init.LookupUser(n)
		if !ok {
			return c, fmt.Errorf("Failed to determine user credentials: No such process") //nolint:staticcheck // systemd's words
		}
		c.User = &x
	}
	if conn != nil && u.get("Service.StandardInput") == "socket" {
		c.NullIn, c.Stdin, c.Stdout = false, conn, conn
	}
	for key, w := range map[string]*io.Writer{"Service.StandardOutput": &c.Stdout, "Service.StandardError": &c.Stderr} {
		mode, file, _ := strings.Cut(u.get(key), ":")
		switch mode {
		case "null":
			*w = io.Discard
		case "socket":
			*w = conn
		case "file", "append", "truncate":
			flag := map[string]int{"append": os.O_APPEND, "truncate": os.O_TRUNC}[mode]
			f, err := s.init.View().Open(file, os.O_WRONLY|os.O_CREATE|flag, 0o644)
			if err != nil {
				return c, err
			}
			*w = f
		}
	}
	return c, nil
}

// prepare makes RuntimeDirectory and its kin.
func (s *System) prepare(u *unit) {
	e := edits{v: s.init.View()}
	for key, dir := range map[string]string{"Service.RuntimeDirectory": "/run/", "Service.StateDirectory": "/var/lib/", "Service.LogsDirectory": "/var/log/", "Service.CacheDirectory": "/var/cache/"} {
		for _, n := range strings.Fields(u.get(key)) {
			e.mkdir(dir + n)
			if x, ok := s.init.LookupUser(u.get("Service.User")); ok && u.get("Service.User") != "" {
				e.do(func() error { return e.v.Chown(dir+n, x.UID, x.GID, true) })
			}
		}
	}
	if e.err != nil {
		s.log(u.name, "systemd", 1, u.name+": Failed to set up special execution directory: "+kernel.Reason(e.err))
	}
}

// launch starts the main process of a service that stays.
func (s *System) launch(u *unit, gen int, env []string, kind string, conn net.Conn) bool {
	args, ignore := argv(u.get("Service.ExecStart"), env)
	if len(args) == 0 {
		return s.fail(u, gen, "resources", 0)
	}
	c, err := s.child(u, args, env, conn)
	if err != nil {
		s.log(u.name, "systemd", 1, u.name+": "+err.Error())
		return s.fail(u, gen, "exit-code", 217)
	}
	p, err := s.init.Start(c)
	if err != nil {
		return s.fail(u, gen, "resources", 0)
	}
	s.mu.Lock()
	u.main, u.mainPid = p, p.Pid
	s.mu.Unlock()
	wait := time.Duration(0)
	switch kind {
	case "notify", "dbus", "forking":
		wait = 5 * time.Second
	case "exec":
		wait = 20 * time.Millisecond
	}
	if wait > 0 {
		select {
		case <-p.Ready():
		case <-p.Done():
			if kind == "forking" && p.Status() == 0 {
				break
			}
			s.ended1(u, gen, p, ignore, false)
			return false
		case <-time.After(wait):
		}
	}
	if kind == "forking" && isDone(p) {
		s.adopt(u)
	}
	s.log(u.name, "systemd", 1, "Started "+s.describe(u)+".")
	s.set(u, gen, "active", "running")
	go func() {
		s.mu.Lock()
		m := u.main
		s.mu.Unlock()
		if m == nil {
			return
		}
		<-m.Done()
		if conn != nil {
			conn.Close()
		}
		s.ended1(u, gen, m, ignore, true)
	}()
	return true
}

func isDone(p *proc) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// adopt finds the main process that a forking service left behind.
func (s *System) adopt(u *unit) {
	var main *proc
	if f := u.get("Service.PIDFile"); f != "" {
		if b, err := s.init.View().ReadFile(f); err == nil {
			n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
			main = s.m.Proc(n)
		}
	}
	if main == nil {
		for _, q := range s.m.Procs() {
			if q.Unit() == u.name {
				main = q
				break
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.main, u.mainPid = main, 0
	if main != nil {
		u.mainPid = main.Pid
	}
}
