package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func systemdCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"systemctl": systemctl, "journalctl": journalctl, "hostnamectl": hostnamectl, "timedatectl": timedatectl,
		"service": service, "invoke-rc.d": service, "poweroff": powerOff, "halt": powerOff, "shutdown": powerOff, "reboot": powerOff,
	}
}

func powerOff(p *proc, args []string) int {
	if s := of(p); s != nil {
		go s.powerOff(args[0] == "reboot" || slices.Contains(args, "-r"))
	}
	return 0
}

func timedatectl(p *proc, args []string) int {
	if len(args) > 1 && args[1] != "status" {
		refuse(p, strings.Join(args[1:], " "))
		return 1
	}
	p.Printf("Time zone: Etc/UTC (UTC, +0000)\n")
	return 0
}

func hostnamectl(p *proc, args []string) int {
	if len(args) > 1 && args[1] != "set-hostname" && args[1] != "hostname" && args[1] != "status" {
		refuse(p, strings.Join(args[1:], " "))
		return 1
	}
	if len(args) > 2 && (args[1] == "set-hostname" || args[1] == "hostname") {
		p.M.SetHostname(args[2])
		if err := p.View().WriteFile("/etc/hostname", []byte(args[2]+"\n"), 0o644); err != nil {
			p.Errorf("Could not set static hostname: %s", kernel.Reason(err))
			return 1
		}
		return 0
	}
	p.Printf(" Static hostname: %s\n  Virtualization: lxc\n", p.M.Hostname())
	return 0
}

func service(p *proc, args []string) int {
	if len(args) < 3 {
		p.Errorf("usage: service NAME start|stop|restart|reload|status")
		return 1
	}
	return systemctl(p, []string{"systemctl", args[2], args[1]})
}

type ctl struct {
	p      *proc
	s      *System
	flags  map[string]bool
	props  []string
	types  string
	states string
	args   []string
}

func systemctl(p *proc, args []string) int {
	s := of(p)
	if s == nil || !s.o.OS.Systemd() {
		p.Printf("System has not been booted with systemd as init system (PID 1). Can't operate.\n")
		return 1
	}
	c := &ctl{p: p, s: s, flags: map[string]bool{}}
	for i := 1; i < len(args); i++ {
		a := args[i]
		k, v, has := strings.Cut(a, "=")
		take := func() string {
			if !has && i+1 < len(args) {
				i++
				return args[i]
			}
			return v
		}
		switch {
		case k == "-p" || k == "--property" || k == "-P":
			c.flags["value"] = c.flags["value"] || k == "-P"
			c.props = append(c.props, strings.Split(take(), ",")...)
		case k == "-t" || k == "--type":
			c.types = take()
		case k == "--state":
			c.states = take()
		case k == "-n" || k == "--lines" || k == "-o" || k == "--output" || k == "-s" || k == "--signal" || k == "--kill-whom":
			c.flags[strings.Trim(k, "-")+"="+take()] = true
		case strings.HasPrefix(a, "-p"):
			c.props = append(c.props, strings.Split(a[2:], ",")...)
		case strings.HasPrefix(a, "--"):
			c.flags[a[2:]] = true
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for _, x := range a[1:] {
				c.flags[map[rune]string{'q': "quiet", 'a': "all", 'l': "full"}[x]] = true
			}
		default:
			c.args = append(c.args, a)
		}
	}
	verb := "list-units"
	if len(c.args) > 0 {
		verb, c.args = c.args[0], c.args[1:]
	}
	return c.run(verb)
}

func (c *ctl) run(verb string) int {
	s, p := c.s, c.p
	each := func(f func(string) error) int {
		st := 0
		for _, n := range c.args {
			if err := f(n); err != nil {
				fmt.Fprintln(p.Stderr, err)
				st = 1
				if strings.Contains(err.Error(), "not found.") || strings.Contains(err.Error(), "not loaded.") {
					st = 5
				}
			}
		}
		return st
	}
	switch verb {
	case "start":
		return each(func(n string) error {
			if c.flags["no-block"] {
				go func() { _ = s.start(n) }()
				return nil
			}
			return s.start(n)
		})
	case "stop":
		return each(s.stop)
	case "restart", "try-restart", "reload-or-restart", "force-reload":
		return each(func(n string) error { return c.restart(n, verb) })
	case "reload":
		return each(c.reload)
	case "enable", "disable", "reenable":
		return c.enable(verb != "disable")
	case "mask", "unmask":
		return c.mask(verb == "mask")
	case "is-active", "is-failed", "is-enabled":
		return c.is(verb)
	case "is-system-running":
		return c.running()
	case "status":
		return c.status()
	case "show":
		return c.show()
	case "list-units", "list-sockets", "list-timers":
		return c.list()
	case "list-unit-files":
		for _, n := range s.names() {
			if c.matches(n) {
				p.Printf("%-40s %-10s enabled\n", n, s.enabled(n))
			}
		}
		return 0
	case "daemon-reload", "daemon-reexec", "reset-failed", "set-default", "isolate", "preset", "list-jobs", "set-property", "import-environment", "link":
		if verb == "list-jobs" {
			p.Printf("No jobs running.\n")
		}
		if verb == "reset-failed" {
			s.mu.Lock()
			for _, u := range s.units {
				if u.active == "failed" {
					u.active, u.sub, u.tries = "inactive", "dead", 0
				}
			}
			s.mu.Unlock()
		}
		return 0
	case "cat":
		return each(func(n string) error {
			f, ok := s.find(s.alias(full(n)))
			if !ok {
				return fmt.Errorf("No files found for %s.", full(n)) //nolint:staticcheck // systemd's words
			}
			b, _ := p.View().ReadFile(f)
			p.Printf("# %s\n%s", f, b)
			return nil
		})
	case "kill":
		return each(func(n string) error {
			sig := 15
			for f := range c.flags {
				if _, v, ok := strings.Cut(f, "="); ok && (strings.HasPrefix(f, "s=") || strings.HasPrefix(f, "signal=")) {
					sig, _ = kernel.SignalNumber(v)
				}
			}
			if u, ok := s.load(s.alias(full(n))); ok {
				s.killAll(u, sig)
			}
			return nil
		})
	case "poweroff", "halt", "reboot":
		go s.powerOff(verb == "reboot")
		return 0
	case "get-default":
		p.Printf("multi-user.target\n")
		return 0
	}
	fmt.Fprintf(p.Stderr, "sandbox: systemctl %s"+kernel.NotHere+"\n", verb)
	return 1
}

func (c *ctl) restart(n, verb string) error {
	name := c.s.alias(full(n))
	if verb == "try-restart" {
		c.s.mu.Lock()
		u := c.s.units[name]
		on := u != nil && u.active == "active"
		c.s.mu.Unlock()
		if !on {
			return nil
		}
	}
	if _, ok := c.s.load(name); ok {
		if err := c.s.stop(n); err != nil {
			return err
		}
	}
	return c.s.start(n)
}

func (c *ctl) reload(n string) error {
	s, name := c.s, c.s.alias(full(n))
	u, ok := s.load(name)
	if !ok {
		return fmt.Errorf("Failed to reload %s: Unit %s not found.", name, name) //nolint:staticcheck // systemd's words
	}
	if u.active != "active" {
		return fmt.Errorf("%s is not active, cannot reload.", name) //nolint:staticcheck // systemd's words
	}
	if u.main != nil {
		u.main.Signal(1)
	}
	return nil
}
