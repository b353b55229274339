package system

import (
	"path"
	"strconv"
	"strings"
	"time"
)

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
		switch u.file {
		case "/dev/null":
			return "masked", true
		case "":
			return "not-found", true
		}
		return "loaded", true
	case "ActiveState":
		return u.active, true
	case "SubState":
		return u.sub, true
	case "Result":
		return u.result, true
	case "FragmentPath":
		return u.file, true
	case "SourcePath": // the source of a generated unit
		return "", true
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
		case "Triggers":
			if u.yes("Socket.Accept") { // it starts an instance for each connection, and no other service
				return "", true
			}
			if s := u.get("Socket.Service"); s != "" {
				return s, true
			}
			return strings.TrimSuffix(name, ".socket") + ".service", true
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
				if u != nil { // systemd shows loaded units
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
