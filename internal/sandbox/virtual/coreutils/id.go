package coreutils

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func id(p *proc, args []string) int {
	o, ok := parse(p, args, "ugGnr", "user group groups name real")
	if !ok {
		return 1
	}
	if len(o.args) > 1 {
		return refuse(p, "more than one user")
	}
	only := 0
	for _, names := range [][]string{{"u", "user"}, {"g", "group"}, {"G", "groups"}} {
		if o.has(names...) {
			only++
		}
	}
	if only > 1 || only == 0 && o.has("n", "name", "r", "real") {
		p.Errorf("cannot print %d kinds of names", only)
		return 1
	}
	u := kernel.User{Name: p.UserName(p.UID()), UID: p.UID(), GID: p.GID()}
	if len(o.args) > 0 {
		var found bool
		if u, found = p.LookupUser(o.args[0]); !found {
			p.Errorf("‘%s’: no such user", o.args[0])
			return 1
		}
	} else if x, found := p.LookupUser(u.Name); found {
		u.Groups = x.Groups
	}
	all := []int{u.GID}
	for _, g := range u.Groups {
		if g != u.GID {
			all = append(all, g)
		}
	}
	name := o.has("n", "name")
	show := func(n int, s string) string {
		if name {
			return s
		}
		return strconv.Itoa(n)
	}
	switch {
	case o.has("u", "user"):
		p.Printf("%s\n", show(u.UID, u.Name))
	case o.has("g", "group"):
		p.Printf("%s\n", show(u.GID, p.GroupName(u.GID)))
	case o.has("G", "groups"):
		var out []string
		for _, g := range all {
			out = append(out, show(g, p.GroupName(g)))
		}
		p.Printf("%s\n", strings.Join(out, " "))
	default:
		var out []string
		for _, g := range all {
			out = append(out, fmt.Sprintf("%d(%s)", g, p.GroupName(g)))
		}
		p.Printf("uid=%d(%s) gid=%d(%s) groups=%s\n", u.UID, u.Name, u.GID, p.GroupName(u.GID), strings.Join(out, ","))
	}
	return 0
}

func groups(p *proc, args []string) int {
	if len(args) > 2 || len(args) == 2 && strings.HasPrefix(args[1], "-") {
		return refuse(p, strings.Join(args[1:], " "))
	}
	if len(args) == 2 {
		if _, found := p.LookupUser(args[1]); found && !onBusybox(p) {
			p.Printf("%s : ", args[1])
		}
	}
	return id(p, append([]string{"id", "-Gn"}, args[1:]...))
}
