package system

import (
	"bufio"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
)

// lock puts an exclamation mark before a password, or takes it away.
func lock(p *proc, name string, on, off bool) int {
	st := 0
	edit(p, "/etc/shadow", name, func(f []string) []string {
		switch locked := strings.HasPrefix(f[1], "!"); {
		case on && !locked:
			f[1] = "!" + f[1]
		case off && locked && f[1] == "!":
			p.Errorf("unlocking the user's password would result in a passwordless account.")
			st = 3
		case off && locked:
			f[1] = f[1][1:]
		}
		return f
	})
	return st
}

func chpasswd(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "e:encrypted")
	if !ok || len(w.rest) > 0 {
		return 2
	}
	var names, fields []string
	sc := bufio.NewScanner(p.Stdin)
	for n := 1; sc.Scan(); n++ {
		name, pass, ok := strings.Cut(sc.Text(), ":")
		if !ok {
			p.Errorf("line %d: missing new password", n)
			return 1 // no password changes if one line is wrong
		}
		if _, found := p.LookupUser(name); !found {
			p.Errorf("line %d: user '%s' does not exist", n, name)
			return 1
		}
		if !w.has("encrypted") {
			pass = image.Crypt(pass)
		}
		names, fields = append(names, name), append(fields, pass)
	}
	for i, name := range names {
		setPassword(p, name, fields[i])
	}
	return 0
}

// passwd locks, unlocks or expires a password. To ask for a new one is login's part.
func passwd(p *proc, args []string) int {
	w, ok := parseOptions(p, args, "l:lock u:unlock e:expire d:delete")
	if !ok {
		return 2
	}
	name := "root"
	if len(w.rest) > 0 {
		name = w.rest[0]
	}
	if _, found := p.LookupUser(name); !found {
		p.Errorf("user '%s' does not exist", name)
		return 1
	}
	if len(w.set) != 1 || len(w.rest) > 1 {
		refuse(p, "to ask for a password")
		return 2
	}
	switch {
	case w.has("expire"):
		edit(p, "/etc/shadow", name, func(f []string) []string { f[2] = "0"; return f })
	case w.has("delete"):
		edit(p, "/etc/shadow", name, func(f []string) []string { f[1] = ""; return f })
	default:
		if st := lock(p, name, w.has("lock"), w.has("unlock")); st != 0 {
			return st
		}
	}
	p.Printf("passwd: password changed.\n")
	return 0
}
