package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func groupadd(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "g:gid= r:system f:force")
	if !ok || !oneName(p, w) {
		return 2
	}
	if _, taken := p.LookupGroup(w.rest[0]); taken && w.has("force") {
		return 0
	}
	return addGroup(p, w.rest[0], w.set["gid"], w.has("system"), false)
}

func addGroup(p *proc, name, number string, system, upwards bool) int {
	taken := func(s string) bool { _, ok := p.LookupGroup(s); return ok }
	if taken(name) {
		p.Errorf("group '%s' already exists", name)
		return 9
	}
	gid := freeID(usedIDs(p, "/etc/group"), system, upwards)
	if number != "" {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			p.Errorf("invalid group ID '%s'", number)
			return 3
		}
		if taken(number) {
			p.Errorf("GID '%s' already exists", number)
			return 4
		}
		gid = n
	}
	if !appendLine(p, "/etc/group", fmt.Sprintf("%s:x:%d:", name, gid)) {
		return 10
	}
	return 0
}

func addgroup(p *proc, args []string) int {
	known := "system gid= quiet"
	if onAlpine(p) {
		known = "g:gid= S:system"
	}
	w, ok := parseOptions(p, args, known)
	switch {
	case !ok:
		return 1
	case len(w.rest) == 2 && len(w.set) == 0:
		return join(p, w.rest[0], w.rest[1])
	case !oneName(p, w):
		return 1
	}
	if g, found := p.LookupGroup(w.rest[0]); found && w.has("system") && g.GID < 1000 && !onAlpine(p) {
		return 0
	}
	return min(1, addGroup(p, w.rest[0], w.set["gid"], w.has("system"), true))
}

// join adds a user to groups, which stand between commas.
func join(p *proc, user, groups string) int {
	if _, found := p.LookupUser(user); !found {
		p.Errorf("user '%s' does not exist", user)
		return 6
	}
	list := strings.Split(groups, ",")
	for _, g := range list {
		if _, found := p.LookupGroup(g); !found {
			p.Errorf("group '%s' does not exist", g)
			return 6
		}
	}
	for _, g := range list {
		edit(p, "/etc/group", g, func(f []string) []string {
			if !slices.Contains(strings.Split(f[3], ","), user) {
				f[3] = strings.TrimPrefix(f[3]+","+user, ",")
			}
			return f
		})
	}
	return 0
}

// leave takes a user out of the members of a group.
func leave(p *proc, user, group string) {
	edit(p, "/etc/group", group, func(f []string) []string {
		members := slices.DeleteFunc(strings.Split(f[3], ","), func(m string) bool { return m == user })
		f[3] = strings.Join(members, ",")
		return f
	})
}
