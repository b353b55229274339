package system

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func systemdCommands() map[string]kernel.Command {
	ok := func(*proc, []string) int { return 0 }
	return map[string]kernel.Command{
		"systemctl": systemctl, "journalctl": journalctl, "systemd-tmpfiles": ok, "loginctl": ok, "systemd-cat": ok, "update-rc.d": ok, "deb-systemd-invoke": ok,
		"hostnamectl": hostnamectl, "timedatectl": func(p *proc, _ []string) int { p.Printf("Time zone: Etc/UTC (UTC, +0000)\n"); return 0 }, "localectl": ok,
		"service": service, "invoke-rc.d": service, "poweroff": powerOff, "halt": powerOff, "shutdown": powerOff, "reboot": powerOff,
	}
}

func powerOff(p *proc, _ []string) int {
	if s := of(p); s != nil {
		go s.powerOff()
	}
	return 0
}

func hostnamectl(p *proc, args []string) int {
	if len(args) > 2 && (args[1] == "set-hostname" || args[1] == "hostname") {
		p.M.SetHostname(args[2])
		p.View().WriteFile("/etc/hostname", []byte(args[2]+"\n"), 0o644)
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
				go s.start(n)
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
		go s.powerOff()
		return 0
	case "get-default":
		p.Printf("multi-user.target\n")
		return 0
	}
	fmt.Fprintf(p.Stderr, "sandbox: systemctl %s is not supported by the virtual guest\n", verb)
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

func (c *ctl) enable(on bool) int {
	s, v, st := c.s, c.s.init.View(), 0
	for _, n := range c.args {
		name := s.alias(full(path.Base(n)))
		file, ok := s.find(name)
		if !ok {
			fmt.Fprintf(c.p.Stderr, "Failed to %s unit: Unit file %s does not exist.\n", map[bool]string{true: "enable", false: "disable"}[on], name)
			st = 1
			continue
		}
		if file == "/dev/null" {
			fmt.Fprintf(c.p.Stderr, "Failed to enable unit: Unit file /etc/systemd/system/%s is masked.\n", name)
			st = 1
			continue
		}
		b, _ := v.ReadFile(file)
		opts := map[string][]string{}
		parseUnit(opts, string(b), func(x string) string { return s.specifiers(x, name) })
		var links []string
		for key, dir := range map[string]string{"Install.WantedBy": ".wants/", "Install.RequiredBy": ".requires/"} {
			for _, l := range opts[key] {
				for _, t := range strings.Fields(l) {
					links = append(links, "/etc/systemd/system/"+t+dir+name)
				}
			}
		}
		for _, l := range opts["Install.Alias"] {
			for _, a := range strings.Fields(l) {
				links = append(links, "/etc/systemd/system/"+a)
			}
		}
		for _, l := range links {
			_, err := v.Lstat(l)
			switch {
			case on && err != nil:
				v.MkdirAll(path.Dir(l), 0o755)
				if v.Symlink(file, l) == nil && !c.flags["quiet"] {
					fmt.Fprintf(c.p.Stderr, "Created symlink %s → %s.\n", l, file)
				}
			case !on && err == nil:
				if v.Remove(l) == nil && !c.flags["quiet"] {
					fmt.Fprintf(c.p.Stderr, "Removed \"%s\".\n", l)
				}
			}
		}
		if c.flags["now"] {
			var err error
			if on {
				err = s.start(name)
			} else {
				err = s.stop(name)
			}
			if err != nil {
				fmt.Fprintln(c.p.Stderr, err)
				st = 1
			}
		}
	}
	return st
}

func (c *ctl) mask(on bool) int {
	v := c.s.init.View()
	for _, n := range c.args {
		f := "/etc/systemd/system/" + full(n)
		if on {
			v.Remove(f)
			v.Symlink("/dev/null", f)
		} else if t, err := v.Readlink(f); err == nil && t == "/dev/null" {
			v.Remove(f)
		}
	}
	return 0
}

func (c *ctl) is(verb string) int {
	st := 3
	if verb != "is-active" {
		st = 1
	}
	for _, n := range c.args {
		name := c.s.alias(full(n))
		word := c.s.enabled(name)
		good := word == "enabled" || word == "static" || word == "alias"
		if verb != "is-enabled" {
			word = "inactive"
			c.s.mu.Lock()
			if u := c.s.units[name]; u != nil {
				word = u.active
			}
			c.s.mu.Unlock()
			good = word == map[string]string{"is-active": "active", "is-failed": "failed"}[verb]
		} else if word == "not-found" {
			fmt.Fprintf(c.p.Stderr, "Failed to get unit file state for %s: No such file or directory\n", name)
			continue
		}
		if good {
			st = 0
		}
		if !c.flags["quiet"] {
			c.p.Printf("%s\n", word)
		}
	}
	return st
}

func (c *ctl) running() int {
	if c.flags["wait"] {
		select {
		case <-c.s.changed:
		case <-c.p.Context().Done():
			return 1
		}
	}
	c.s.mu.Lock()
	st := c.s.state
	failed := false
	for _, u := range c.s.units {
		failed = failed || u.active == "failed"
	}
	c.s.mu.Unlock()
	if st == "running" || st == "degraded" {
		st = map[bool]string{true: "degraded", false: "running"}[failed]
	}
	c.p.Printf("%s\n", st)
	if st == "running" {
		return 0
	}
	return 1
}

func (c *ctl) status() int {
	if len(c.args) == 0 {
		c.p.Printf("● %s\n    State: %s\n", c.p.M.Hostname(), c.s.state)
		return 0
	}
	st := 0
	for _, n := range c.args {
		name := c.s.alias(full(n))
		u, ok := c.s.load(name)
		if !ok || u == nil {
			fmt.Fprintf(c.p.Stderr, "Unit %s could not be found.\n", name)
			st = 4
			continue
		}
		c.s.mu.Lock()
		active, sub, pid, since, file := u.active, u.sub, u.mainPid, u.since, u.file
		c.s.mu.Unlock()
		c.p.Printf("● %s\n     Loaded: loaded (%s; %s; preset: enabled)\n     Active: %s (%s) since %s\n", c.s.describe(u), file, c.s.enabled(name), active, sub, since.UTC().Format("Mon 2006-01-02 15:04:05 UTC"))
		if pid > 0 {
			c.p.Printf("   Main PID: %d\n", pid)
		}
		c.p.Printf("\n")
		c.p.Call("journalctl", "-u", name, "-n", "10", "--no-pager")
		if active != "active" && active != "activating" {
			st = 3
		}
	}
	return st
}

// property is one line of systemctl show.
func (c *ctl) property(u *unit, name, key string) (string, bool) {
	s := c.s
	bool2 := func(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("Mon 2006-01-02 15:04:05 UTC")
	}
	switch key {
	case "Id", "Names":
		return name, true
	case "Description":
		if d := u.get("Unit.Description"); d != "" {
			return d, true
		}
		return name, true
	case "LoadState":
		switch {
		case u.file == "/dev/null":
			return "masked", true
		case u.file == "":
			return "not-found", true
		}
		return "loaded", true
	case "ActiveState":
		return u.active, true
	case "SubState":
		return u.sub, true
	case "Result":
		return u.result, true
	case "FragmentPath", "SourcePath":
		return u.file, true
	case "UnitFileState":
		return s.enabled(name), true
	case "ControlGroup":
		if u.active == "active" {
			return "/system.slice/" + name, true
		}
		return "", true
	case "ActiveEnterTimestamp", "StateChangeTimestamp", "InactiveExitTimestamp", "ExecMainStartTimestamp":
		return when(u.since), true
	case "CanReload":
		return bool2(u.get("Service.ExecReload") != ""), true
	}
	switch {
	case strings.HasSuffix(name, ".service"):
		switch key {
		case "Type":
			return u.kind(), true
		case "MainPID":
			return strconv.Itoa(u.mainPid), true
		case "ExecMainStatus":
			return strconv.Itoa(u.status), true
		case "ExecMainPID":
			return strconv.Itoa(u.mainPid), true
		case "ExecMainCode":
			return map[bool]string{true: "1", false: "0"}[u.status != 0], true
		case "NRestarts":
			return strconv.Itoa(u.tries), true
		case "Restart", "User", "RemainAfterExit", "WorkingDirectory", "TimeoutStartUSec":
			return u.get("Service." + key), true
		}
	case strings.HasSuffix(name, ".socket"):
		switch key {
		case "Listen":
			return strings.Join(u.opts["Socket.ListenStream"], " ") + " (Stream)", true
		case "Accept":
			return bool2(u.yes("Socket.Accept")), true
		}
	}
	return "", false
}

var showAll = []string{"Type", "Restart", "MainPID", "Result", "ExecMainPID", "ExecMainStatus", "ControlGroup", "Listen", "Id", "Names", "Description", "LoadState", "ActiveState", "SubState", "FragmentPath", "UnitFileState"}

func (c *ctl) show() int {
	props := c.props
	if len(props) == 0 {
		props = showAll
	}
	names := []string{}
	for _, a := range c.args {
		if !strings.ContainsAny(a, "*?[") {
			names = append(names, c.s.alias(full(a)))
			continue
		}
		for _, n := range c.s.names() {
			if ok, _ := path.Match(a, n); ok && !strings.Contains(n, "@.") && c.s.alias(n) == n {
				c.s.mu.Lock()
				u := c.s.units[n]
				c.s.mu.Unlock()
				if u != nil { // systemd shows what is loaded
					names = append(names, n)
				}
			}
		}
	}
	for i, n := range names {
		u, _ := c.s.load(n)
		if u == nil {
			u = &unit{name: n, active: "inactive", sub: "dead", result: "success"}
		}
		c.s.mu.Lock()
		copied := *u
		c.s.mu.Unlock()
		if i > 0 {
			c.p.Printf("\n")
		}
		for _, k := range props {
			v, ok := c.property(&copied, n, k)
			switch {
			case !ok:
			case c.flags["value"]:
				c.p.Printf("%s\n", v)
			default:
				c.p.Printf("%s=%s\n", k, v)
			}
		}
	}
	return 0
}

func (c *ctl) matches(n string) bool {
	if c.types != "" && !strings.Contains(","+c.types+",", ","+strings.TrimPrefix(path.Ext(n), ".")+",") {
		return false
	}
	for _, a := range c.args {
		if ok, _ := path.Match(a, n); ok || full(a) == n {
			return true
		}
	}
	return len(c.args) == 0
}

func (c *ctl) list() int {
	n := 0
	if !c.flags["no-legend"] && !c.flags["plain"] {
		c.p.Printf("  UNIT LOAD ACTIVE SUB DESCRIPTION\n")
	}
	for _, name := range c.s.names() {
		c.s.mu.Lock()
		u := c.s.units[name]
		var active, sub string
		if u != nil {
			active, sub = u.active, u.sub
		}
		c.s.mu.Unlock()
		if u == nil || !c.matches(name) || active == "inactive" && !c.flags["all"] && c.states == "" || c.flags["failed"] && active != "failed" {
			continue
		}
		if c.states != "" && !strings.Contains(","+c.states+",", ","+active+",") && !strings.Contains(","+c.states+",", ","+sub+",") {
			continue
		}
		n++
		mark := "  "
		if c.flags["no-legend"] || c.flags["plain"] {
			mark = ""
		}
		c.p.Printf("%s%-30s loaded %-8s %-8s %s\n", mark, name, active, sub, u.get("Unit.Description"))
	}
	if !c.flags["no-legend"] && !c.flags["plain"] {
		c.p.Printf("\n%d loaded units listed.\n", n)
	}
	return 0
}
