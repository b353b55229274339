package system

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// start starts a unit and waits as systemctl start does. The error's text is
// what systemctl prints.
func (s *System) start(name string) error {
	name = s.alias(full(name))
	u, ok := s.load(name)
	if !ok {
		return fmt.Errorf("Failed to start %s: Unit %s not found.", name, name) //nolint:staticcheck // systemd's words
	}
	if u.file == "/dev/null" {
		return fmt.Errorf("Failed to start %s: Unit %s is masked.", name, name) //nolint:staticcheck // systemd's words
	}
	s.mu.Lock()
	if u.active == "active" || u.active == "activating" {
		s.mu.Unlock()
		return nil
	}
	u.active, u.sub, u.result, u.since = "activating", "start", "success", time.Now()
	u.gen++
	gen := u.gen
	s.mu.Unlock()
	for _, key := range []string{"Unit.Requires", "Unit.Wants", "Unit.BindsTo"} {
		for _, l := range u.opts[key] {
			for _, dep := range strings.Fields(l) {
				if strings.HasSuffix(dep, ".service") || strings.HasSuffix(dep, ".socket") {
					s.start(dep)
				}
			}
		}
	}
	for _, c := range u.opts["Unit.ConditionPathExists"] {
		want := !strings.HasPrefix(c, "!")
		_, err := s.init.View().Stat(strings.TrimLeft(c, "!|"))
		if (err == nil) != want {
			s.set(u, gen, "inactive", "dead")
			return nil
		}
	}
	switch {
	case strings.HasSuffix(name, ".socket"):
		return s.startSocket(u, gen)
	case !strings.HasSuffix(name, ".service"):
		s.set(u, gen, "active", "active")
		return nil
	}
	s.log(name, "systemd", 1, "Starting "+s.describe(u)+"...")
	if !s.startService(u, gen, nil) {
		return fmt.Errorf("Job for %s failed because the control process exited with error code.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", name, name, name) //nolint:staticcheck // systemd's words
	}
	return nil
}

func (s *System) describe(u *unit) string {
	if d := u.get("Unit.Description"); d != "" {
		return u.name + " - " + d
	}
	return u.name
}

func (s *System) set(u *unit, gen int, active, sub string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.gen != gen {
		return false
	}
	u.active, u.sub, u.since = active, sub, time.Now()
	return true
}

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
	v := s.init.View()
	for key, dir := range map[string]string{"Service.RuntimeDirectory": "/run/", "Service.StateDirectory": "/var/lib/", "Service.LogsDirectory": "/var/log/", "Service.CacheDirectory": "/var/cache/"} {
		for _, n := range strings.Fields(u.get(key)) {
			v.MkdirAll(dir+n, 0o755)
			if x, ok := s.init.LookupUser(u.get("Service.User")); ok && u.get("Service.User") != "" {
				v.Chown(dir+n, x.UID, x.GID, true)
			}
		}
	}
}

func (s *System) startService(u *unit, gen int, conn net.Conn) bool {
	env, err := s.env(u)
	if err != nil {
		s.log(u.name, "systemd", 1, u.name+": Failed to load environment files: "+kernel.Reason(err))
		return s.fail(u, gen, "resources", 0)
	}
	s.prepare(u)
	kind := u.kind()
	run := func(line string) (int, bool) {
		args, ignore := argv(line, env)
		if len(args) == 0 {
			return 0, true
		}
		c, err := s.child(u, args, env, conn)
		if err != nil {
			s.log(u.name, "systemd", 1, u.name+": "+err.Error())
			return 217, ignore
		}
		p, err := s.init.Start(c)
		if err != nil {
			return 1, ignore
		}
		s.mu.Lock()
		u.main, u.mainPid = p, p.Pid
		s.mu.Unlock()
		<-p.Done()
		st := p.Status()
		return st, st == 0 || ignore
	}
	for _, l := range u.opts["Service.ExecStartPre"] {
		if st, ok := run(l); !ok {
			return s.fail(u, gen, "exit-code", st)
		}
	}
	if kind == "oneshot" {
		for _, l := range u.opts["Service.ExecStart"] {
			st, ok := run(l)
			s.mu.Lock()
			u.status, u.mainPid = st, 0
			s.mu.Unlock()
			if !ok {
				return s.fail(u, gen, "exit-code", st)
			}
		}
		for _, l := range u.opts["Service.ExecStartPost"] {
			run(l)
		}
		s.log(u.name, "systemd", 1, "Finished "+s.describe(u)+".")
		if u.yes("Service.RemainAfterExit") {
			return s.set(u, gen, "active", "exited")
		}
		return s.set(u, gen, "inactive", "dead") || true
	}
	if !s.launch(u, gen, env, kind, conn) {
		return false
	}
	for _, l := range u.opts["Service.ExecStartPost"] {
		args, _ := argv(l, env)
		if c, err := s.child(u, args, env, nil); err == nil {
			if p, err := s.init.Start(c); err == nil {
				<-p.Done()
			}
		}
	}
	return true
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
			if q.Unit == u.name {
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

// ended1 notes the end of a main process and restarts it where the unit says so.
func (s *System) ended1(u *unit, gen int, p *proc, ignore, was bool) {
	st := p.Status()
	s.mu.Lock()
	if u.gen != gen || u.sub == "stop-sigterm" {
		s.mu.Unlock()
		return
	}
	u.status, u.mainPid = st, 0
	if st > 128 {
		u.status = st - 128
	}
	s.mu.Unlock()
	s.killAll(u, 15)
	clean := st == 0 || ignore || st == 143 || st == 129
	restart := u.get("Service.Restart")
	again := restart == "always" || !clean && (restart == "on-failure" || restart == "on-abnormal" && st > 128) || clean && restart == "on-success"
	if again && was && !s.m.Halted() {
		delay, err := time.ParseDuration(strings.ReplaceAll(u.get("Service.RestartSec"), " ", ""))
		if err != nil {
			n, nerr := strconv.ParseFloat(u.get("Service.RestartSec"), 64)
			if delay = time.Duration(n * float64(time.Second)); nerr != nil {
				delay = 100 * time.Millisecond
			}
		}
		s.set(u, gen, "activating", "auto-restart")
		if u.tries++; u.tries <= 5 && s.nap(delay) {
			s.mu.Lock()
			same := u.gen == gen
			if same {
				u.active = "inactive"
			}
			s.mu.Unlock()
			if same {
				s.start(u.name)
			}
			return
		}
	}
	if clean && !(!was && st != 0) {
		s.set(u, gen, "inactive", "dead")
		s.log(u.name, "systemd", 1, u.name+": Deactivated successfully.")
		return
	}
	result := "exit-code"
	if st > 128 {
		result = "signal"
	}
	s.log(u.name, "systemd", 1, fmt.Sprintf("%s: Main process exited, code=exited, status=%d/n/a", u.name, st))
	s.fail(u, gen, result, st)
}

func (s *System) fail(u *unit, gen int, result string, status int) bool {
	s.mu.Lock()
	if u.gen == gen {
		u.active, u.sub, u.result, u.mainPid, u.since = "failed", "failed", result, 0, time.Now()
		if status != 0 {
			u.status = status
		}
	}
	s.mu.Unlock()
	s.log(u.name, "systemd", 1, fmt.Sprintf("%s: Failed with result '%s'.", u.name, result))
	s.log(u.name, "systemd", 1, "Failed to start "+s.describe(u)+".")
	return false
}

func (s *System) killAll(u *unit, sig int) bool {
	hit := false
	for _, q := range s.m.Procs() {
		if q.Unit == u.name {
			q.Signal(sig)
			hit = true
		}
	}
	return hit
}

// stop stops a unit: ExecStop, SIGTERM to all of it, SIGKILL after a while.
func (s *System) stop(name string) error {
	name = s.alias(full(name))
	s.mu.Lock()
	u := s.units[name]
	s.mu.Unlock()
	if u == nil {
		if _, ok := s.find(name); !ok {
			return fmt.Errorf("Failed to stop %s: Unit %s not loaded.", name, name) //nolint:staticcheck // systemd's words
		}
		return nil
	}
	s.mu.Lock()
	was := u.active
	u.gen++
	gen := u.gen
	u.tries = 0
	closers := u.closers
	u.closers = nil
	if was == "active" || was == "activating" {
		u.sub = "stop-sigterm"
	}
	s.mu.Unlock()
	for _, c := range closers {
		c()
	}
	if was == "active" {
		env, _ := s.env(u)
		env = append(env, "MAINPID="+strconv.Itoa(u.mainPid))
		for _, l := range u.opts["Service.ExecStop"] {
			args, _ := argv(l, env)
			if c, err := s.child(u, args, env, nil); err == nil && len(args) > 0 {
				if p, err := s.init.Start(c); err == nil {
					<-p.Done()
				}
			}
		}
	}
	sig := 15
	if n, ok := kernel.SignalNumber(u.get("Service.KillSignal")); ok && u.get("Service.KillSignal") != "" {
		sig = n
	}
	for i := 0; s.killAll(u, sig) && i < 150; i++ {
		if !s.nap(time.Duration(min(i+1, 20)) * time.Millisecond) {
			break
		}
		sig = 0
		if i == 140 {
			sig = 9
		}
	}
	s.set(u, gen, map[bool]string{true: "failed", false: "inactive"}[was == "failed"], map[bool]string{true: "failed", false: "dead"}[was == "failed"])
	s.mu.Lock()
	u.mainPid, u.main = 0, nil
	s.mu.Unlock()
	if was == "active" {
		s.log(name, "systemd", 1, "Stopped "+s.describe(u)+".")
	}
	return nil
}

// startSocket listens for a socket unit, and starts its service for each
// connection (Accept=yes).
func (s *System) startSocket(u *unit, gen int) error {
	if !u.yes("Socket.Accept") {
		s.log(u.name, "systemd", 1, "sandbox: Accept=no is not supported by the virtual guest")
		s.set(u, gen, "active", "listening")
		svc := u.get("Socket.Service")
		if svc == "" {
			svc = strings.TrimSuffix(u.name, ".socket") + ".service"
		}
		go s.start(svc)
		return nil
	}
	for _, l := range u.opts["Socket.ListenStream"] {
		addr, port, err := listenAddr(l)
		if err != nil {
			s.fail(u, gen, "resources", 0)
			return fmt.Errorf("Job for %s failed.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.name, u.name, u.name) //nolint:staticcheck // systemd's words
		}
		sock, err := s.init.Listen("tcp", addr, port, func(c net.Conn) { s.accept(u, c) })
		if err != nil {
			s.log(u.name, "systemd", 1, u.name+": Failed to create listening socket ("+l+"): "+kernel.Reason(err))
			s.fail(u, gen, "resources", 0)
			return fmt.Errorf("Job for %s failed.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for details.", u.name, u.name, u.name) //nolint:staticcheck // systemd's words
		}
		s.mu.Lock()
		u.closers = append(u.closers, func() { sock.Close() })
		s.mu.Unlock()
	}
	s.log(u.name, "systemd", 1, "Listening on "+s.describe(u)+".")
	s.set(u, gen, "active", "listening")
	return nil
}

func listenAddr(l string) (netip.Addr, int, error) {
	if n, err := strconv.Atoi(l); err == nil && n > 0 && n < 65536 {
		return netip.IPv6Unspecified(), n, nil
	}
	a, err := netip.ParseAddrPort(l)
	return a.Addr(), int(a.Port()), err
}

func (s *System) accept(sock *unit, c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	s.count++
	n := s.count
	s.mu.Unlock()
	name := fmt.Sprintf("%s@%d-%s.service", strings.TrimSuffix(sock.name, ".socket"), n, "conn")
	u, ok := s.load(name)
	if !ok {
		return
	}
	s.mu.Lock()
	u.gen++
	gen := u.gen
	u.active, u.sub = "activating", "start"
	s.mu.Unlock()
	half := &halfConn{Conn: c}
	if s.startService(u, gen, half) {
		s.mu.Lock()
		m := u.main
		s.mu.Unlock()
		if m != nil {
			<-m.Done()
		}
	}
	half.finish()
	s.mu.Lock()
	delete(s.units, name) // CollectMode: nothing is kept of an instance
	s.mu.Unlock()
}

// halfConn is a connection as a service's stdin and stdout. When the service
// has ended the answer is flushed before the connection goes.
type halfConn struct {
	net.Conn
	once sync.Once
}

func (h *halfConn) finish() {
	h.once.Do(func() {
		if t, ok := h.Conn.(*net.TCPConn); ok {
			t.CloseWrite()
			t.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			io.Copy(io.Discard, t)
		}
		h.Conn.Close()
	})
}

func (h *halfConn) Close() error { h.finish(); return nil }
