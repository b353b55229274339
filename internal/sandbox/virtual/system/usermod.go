package system

import (
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func usermod(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "a:append G:groups= s:shell= d:home= c:comment= L:lock U:unlock")
	if !ok || !oneName(p, w) {
		return 2
	}
	name := w.rest[0]
	if _, found := p.LookupUser(name); !found {
		p.Errorf("user '%s' does not exist", name)
		return 6
	}
	if w.has("groups") {
		if !w.has("append") {
			refuse(p, "-G without -a")
			return 2
		}
		if st := join(p, name, w.set["groups"]); st != 0 {
			return st
		}
	}
	edit(p, "/etc/passwd", name, func(f []string) []string {
		for option, field := range map[string]int{"comment": 4, "home": 5, "shell": 6} {
			if w.has(option) {
				f[field] = w.set[option]
			}
		}
		return f
	})
	return lock(p, name, w.has("lock"), w.has("unlock"))
}

func userdel(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "r:remove")
	if !ok || !oneName(p, w) {
		return 2
	}
	return removeUser(p, w.rest[0], w.has("remove"), 6)
}

// removeUser removes a user, its own group and its place in other groups. Status missing
// is for a user that is not there.
func removeUser(p *proc, name string, home bool, missing int) int {
	u, found := p.LookupUser(name)
	if !found {
		p.Errorf("user '%s' does not exist", name)
		return missing
	}
	if slices.ContainsFunc(p.M.Procs(), func(q *kernel.Proc) bool { return q.UID() == u.UID }) {
		p.Errorf("user %s is currently used by a process", name)
		return 8
	}
	drop := func([]string) []string { return nil }
	edit(p, "/etc/passwd", name, drop)
	edit(p, "/etc/shadow", name, drop)
	groups, _ := p.View().ReadFile("/etc/group")
	for _, l := range strings.Split(string(groups), "\n") {
		f := strings.Split(l, ":")
		switch {
		case len(f) < 4:
		case f[0] == name && f[2] == strconv.Itoa(u.GID) && f[3] == "":
			edit(p, "/etc/group", name, drop)
		case slices.Contains(strings.Split(f[3], ","), name):
			leave(p, name, f[0])
		}
	}
	if home && u.Home != "/" {
		if err := p.View().RemoveAll(u.Home); err != nil {
			p.Errorf("error removing directory %s", u.Home)
			return 12
		}
	}
	return 0
}

// deluser removes a user, or takes it out of a group.
func deluser(p *proc, args []string) int {
	known := "quiet"
	if onAlpine(p) {
		known = "remove-home"
	}
	w, ok := parseOptions(p, args, known)
	if !ok {
		return 1
	}
	missing := 2
	if onAlpine(p) {
		missing = 1
	}
	switch len(w.rest) {
	case 1:
		return removeUser(p, w.rest[0], w.has("remove-home"), missing)
	case 2:
	default:
		p.Errorf("one or two names are needed")
		return 1
	}
	user, group := w.rest[0], w.rest[1]
	g, found := p.LookupGroup(group)
	if _, known := p.LookupUser(user); !known || !found {
		p.Errorf("the user '%s' or the group '%s' does not exist", user, group)
		return map[bool]int{true: 3, false: missing}[known && missing == 2]
	}
	if !slices.Contains(g.Members, user) {
		p.Errorf("The user `%s' is not a member of group `%s'.", user, group)
		return map[bool]int{true: 6, false: 1}[missing == 2]
	}
	leave(p, user, group)
	return 0
}
