package system

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// AccountCommands are the programs that change users and groups. gpasswd, chage, chsh and
// visudo are not among them: a guest refuses to run these.
func AccountCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"useradd": useradd, "adduser": adduser, "groupadd": groupadd, "addgroup": addgroup, "usermod": usermod, "userdel": userdel, "deluser": deluser,
		"chpasswd": chpasswd, "passwd": passwd, "nologin": func(p *proc, _ []string) int {
			p.Printf("This account is currently not available.\n")
			return 1
		}}
}

// onAlpine says whether adduser and its like are busybox's.
func onAlpine(p *proc) bool {
	_, err := p.View().Stat("/etc/alpine-release")
	return err == nil
}

// appendLine adds a line to a file of accounts, or says why it cannot.
func appendLine(p *proc, file, line string) bool {
	b, _ := p.View().ReadFile(file)
	if err := p.View().WriteFile(file, append(b, line+"\n"...), 0o644); err != nil {
		p.Errorf("failure while writing changes to %s: %s", file, kernel.Reason(err))
		return false
	}
	return true
}

// account is a user to add. Empty fields take the defaults.
type account struct {
	name, uid, group, home, shell, comment string

	system   bool // the number is one of a daemon's
	upwards  bool // and counted from 100 upwards
	makeHome bool
}

// freeID returns the number of a new user or group. useradd and groupadd take one above
// the highest, or one below the lowest for a system's account; adduser and addgroup, which
// count upwards, the first that is free.
func freeID(used []int, system, upwards bool) int {
	low, high := 1000, 59999
	if system {
		low, high = 101, 999
	}
	next, step := low, 1
	switch {
	case upwards && system:
		next = 100
	case upwards:
	case system:
		next = high
		for _, n := range used {
			if n >= low && n <= next {
				next = n - 1
			}
		}
		if next < low {
			next = high
		}
		step = -1
	default:
		for _, n := range used {
			if n <= high {
				next = max(next, n+1)
			}
		}
	}
	for slices.Contains(used, next) {
		next += step
	}
	return next
}

// usedIDs are the numbers of all users, or of all groups.
func usedIDs(p *proc, file string) (out []int) {
	b, _ := p.View().ReadFile(file)
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Split(l, ":"); len(f) > 2 {
			if n, err := strconv.Atoi(f[2]); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// addUser adds a user, and a group of that name if no other is named.
func addUser(p *proc, a account) int {
	if _, taken := p.LookupUser(a.name); taken {
		p.Errorf("user '%s' already exists", a.name)
		return 9
	}
	userTaken := func(s string) bool { _, ok := p.LookupUser(s); return ok }
	groupTaken := func(s string) bool { _, ok := p.LookupGroup(s); return ok }
	users, groups := usedIDs(p, "/etc/passwd"), usedIDs(p, "/etc/group")
	uid := freeID(users, a.system, a.upwards)
	if a.upwards && !a.system && a.group == "" { // adduser gives user and group one number
		uid = freeID(append(users, groups...), false, true)
	}
	if a.uid != "" {
		n, err := strconv.Atoi(a.uid)
		if err != nil || n < 0 {
			p.Errorf("invalid user ID '%s'", a.uid)
			return 3
		}
		if userTaken(a.uid) {
			p.Errorf("UID %s is not unique", a.uid)
			return 4
		}
		uid = n
	}
	gid := uid
	if a.system && a.upwards || slices.Contains(groups, gid) {
		gid = freeID(groups, a.system, a.upwards)
	}
	if a.group != "" {
		g, found := p.LookupGroup(a.group)
		if !found {
			p.Errorf("group '%s' does not exist", a.group)
			return 6
		}
		gid = g.GID
	} else if groupTaken(a.name) {
		p.Errorf("group %s exists - if you want to add this user to that group, use -g.", a.name)
		return 9
	} else if !appendLine(p, "/etc/group", fmt.Sprintf("%s:x:%d:", a.name, gid)) {
		return 10
	}
	if a.home == "" {
		a.home = "/home/" + a.name
	}
	if a.shell == "" {
		a.shell = "/bin/sh"
	}
	if !appendLine(p, "/etc/passwd", fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", a.name, uid, gid, a.comment, a.home, a.shell)) ||
		!appendLine(p, "/etc/shadow", a.name+":!:20000:0:99999:7:::") {
		return 1
	}
	if !a.makeHome {
		return 0
	}
	return makeHome(p, a, uid, gid)
}

func useradd(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "u:uid= g:gid= G:groups= d:home-dir= s:shell= c:comment= m:create-home M:no-create-home r:system")
	if !ok {
		return 2
	}
	if !oneName(p, w) {
		return 2
	}
	for _, g := range strings.Split(w.set["groups"], ",") {
		if _, found := p.LookupGroup(g); !found && g != "" {
			p.Errorf("group '%s' does not exist", g)
			return 6
		}
	}
	st := addUser(p, account{name: w.rest[0], uid: w.set["uid"], group: w.set["gid"], home: w.set["home-dir"], shell: w.set["shell"], comment: w.set["comment"],
		system: w.has("system"), makeHome: w.has("create-home") && !w.has("no-create-home")})
	if st == 0 && w.set["groups"] != "" {
		return join(p, w.rest[0], w.set["groups"])
	}
	return st
}

// adduser is Debian's program, or busybox's in an Alpine guest. Both ask for a password
// on the terminal if no option says otherwise; that is refused.
func adduser(p *proc, args []string) int {
	if onAlpine(p) {
		return busyboxAdduser(p, args)
	}
	w, ok := parseOptions(p, args, "system group disabled-password disabled-login no-create-home quiet home= shell= uid= gid= ingroup= gecos= comment=")
	switch {
	case !ok:
		return 1
	case len(w.rest) == 2 && (len(w.set) == 0 || len(w.set) == 1 && w.has("quiet")):
		return join(p, w.rest[0], w.rest[1])
	case len(w.rest) != 1:
		p.Errorf("Only one or two names allowed.")
		return 1
	}
	name := w.rest[0]
	if w.has("system") {
		return systemUser(p, name, w)
	}
	if !w.has("disabled-password") && !w.has("disabled-login") || !w.has("gecos") && !w.has("comment") || w.has("group") {
		refuse(p, "adduser without --system, or --disabled-password and --gecos,")
		return 1
	}
	return min(1, addUser(p, account{name: name, uid: w.set["uid"], group: w.set["gid"] + w.set["ingroup"], home: w.set["home"], shell: cmp.Or(w.set["shell"], "/bin/bash"),
		comment: cmp.Or(w.set["gecos"]+w.set["comment"], ",,,"), upwards: true, makeHome: !w.has("no-create-home")}))
}

// systemUser is adduser --system: a user of the group nogroup, unless it gets its own.
func systemUser(p *proc, name string, w given) int {
	if u, found := p.LookupUser(name); found {
		if u.UID < 1000 {
			return 0
		}
		p.Errorf("The user `%s' already exists, but is not a system user. Exiting.", name)
		return 1
	}
	a := account{name: name, uid: w.set["uid"], group: w.set["gid"] + w.set["ingroup"], home: cmp.Or(w.set["home"], "/nonexistent"), shell: cmp.Or(w.set["shell"], "/usr/sbin/nologin"),
		comment: w.set["gecos"] + w.set["comment"], system: true, upwards: true, makeHome: w.has("home") && !w.has("no-create-home")}
	if a.group == "" && !w.has("group") {
		a.group = "nogroup"
	}
	return min(1, addUser(p, a))
}

func busyboxAdduser(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "h= g= s= G= u= S D H")
	switch {
	case !ok:
		return 1
	case len(w.rest) == 2 && len(w.set) == 0:
		return join(p, w.rest[0], w.rest[1])
	case !oneName(p, w):
		return 1
	case !w.has("D"):
		refuse(p, "adduser without -D")
		return 1
	}
	a := account{name: w.rest[0], uid: w.set["u"], group: w.set["G"], home: w.set["h"], shell: w.set["s"], comment: cmp.Or(w.set["g"], "Linux User,,,"),
		system: w.has("S"), upwards: true, makeHome: !w.has("H")}
	if a.system {
		a.shell = cmp.Or(a.shell, "/sbin/nologin")
		if a.group == "" {
			a.group = "nogroup"
		}
	}
	return min(1, addUser(p, a))
}

// edit changes the line of name in a colon-separated file; nil drops it.
func edit(p *proc, file, name string, f func([]string) []string) {
	b, _ := p.View().ReadFile(file)
	var out []string
	for _, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		fields := strings.Split(l, ":")
		if fields[0] == name {
			if fields = f(fields); fields == nil {
				continue
			}
			l = strings.Join(fields, ":")
		}
		out = append(out, l)
	}
	if err := p.View().WriteFile(file, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		p.Errorf("failure while writing changes to %s: %s", file, kernel.Reason(err))
	}
}
