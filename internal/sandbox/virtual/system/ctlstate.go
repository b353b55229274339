package system

import (
	"fmt"
	"path"
	"strings"
)

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
