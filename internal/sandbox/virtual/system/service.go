package system

import (
	"fmt"
	"net"
	"strings"

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
	u.active, u.sub, u.result, u.since = "activating", "start", "success", s.m.Now()
	u.gen++
	gen := u.gen
	s.mu.Unlock()
	for _, key := range []string{"Unit.Requires", "Unit.Wants", "Unit.BindsTo"} {
		for _, l := range u.opts[key] {
			for _, dep := range strings.Fields(l) {
				if strings.HasSuffix(dep, ".service") || strings.HasSuffix(dep, ".socket") {
					_ = s.start(dep) // if a dependency fails, its own unit shows that
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
	u.active, u.sub, u.since = active, sub, s.m.Now()
	return true
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
