package system

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

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
				_ = s.start(u.name) // the unit keeps why
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
		u.active, u.sub, u.result, u.mainPid, u.since = "failed", "failed", result, 0, s.m.Now()
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
		if q.Unit() == u.name {
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
