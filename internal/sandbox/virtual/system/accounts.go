package system

import (
	"bufio"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// AccountCommands are the programs that change users and groups.
func AccountCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"useradd": useradd, "adduser": useradd, "groupadd": groupadd, "addgroup": groupadd, "usermod": usermod, "userdel": userdel, "deluser": userdel,
		"chpasswd": chpasswd, "passwd": passwd, "gpasswd": nothing, "chsh": nothing, "chage": nothing, "visudo": nothing, "nologin": func(p *proc, _ []string) int {
			p.Printf("This account is currently not available.\n")
			return 1
		}}
}

// simple reads options whose letters in valued take a value.
func simple(args []string, valued string) (o map[string]string, rest []string) {
	o = map[string]string{}
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "--"):
			k, v, has := strings.Cut(a[2:], "=")
			if !has && strings.Contains(" uid gid home shell comment groups gecos ingroup home-dir base-dir ", " "+k+" ") && i+1 < len(args) {
				i++
				v = args[i]
			}
			o[k] = v
		case len(a) > 1 && a[0] == '-':
			for k := 1; k < len(a); k++ {
				if strings.IndexByte(valued, a[k]) >= 0 {
					v := a[k+1:]
					if v == "" && i+1 < len(args) {
						i++
						v = args[i]
					}
					o[string(a[k])] = v
					break
				}
				o[string(a[k])] = ""
			}
		default:
			rest = append(rest, a)
		}
	}
	return o, rest
}

func first(o map[string]string, keys ...string) (string, bool) {
	for _, k := range keys {
		if v, ok := o[k]; ok {
			return v, true
		}
	}
	return "", false
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

func useradd(p *proc, args []string) int {
	busybox := path.Base(args[0]) == "adduser"
	o, rest := simple(args, "ugdsGcbkhK")
	if busybox && len(rest) == 2 {
		return usermod(p, []string{"usermod", "-aG", rest[1], rest[0]})
	}
	if len(rest) == 0 {
		p.Errorf("missing operand")
		return 2
	}
	name := rest[len(rest)-1]
	if _, ok := p.LookupUser(name); ok {
		p.Errorf("user '%s' already exists", name)
		return 9
	}
	_, system := first(o, "r", "system", "S")
	return addUser(p, name, system, busybox, o)
}

func addUser(p *proc, name string, system, busybox bool, o map[string]string) int {
	uid := 1000
	if system {
		uid = 110
	}
	for {
		if _, taken := p.LookupUser(strconv.Itoa(uid)); !taken {
			break
		}
		uid++
	}
	if s, ok := first(o, "u", "uid"); ok {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 3
		}
		uid = n
	}
	gid := uid
	if s, ok := first(o, "gid", "ingroup", "G"); ok && (busybox || o["G"] == "") {
		g, found := p.LookupGroup(s)
		if !found {
			p.Errorf("group '%s' does not exist", s)
			return 6
		}
		gid = g.GID
	} else if s, ok := o["g"]; ok && !busybox {
		g, found := p.LookupGroup(s)
		if !found {
			p.Errorf("group '%s' does not exist", s)
			return 6
		}
		gid = g.GID
	} else if g, found := p.LookupGroup(name); found {
		gid = g.GID
	} else if !appendLine(p, "/etc/group", fmt.Sprintf("%s:x:%d:", name, gid)) {
		return 10
	}
	home := "/home/" + name
	if s, ok := first(o, "d", "home", "home-dir", "h"); ok && s != "" {
		home = s
	}
	shell := "/bin/sh"
	if system {
		shell = "/usr/sbin/nologin"
	}
	if s, ok := first(o, "s", "shell"); ok {
		shell = s
	}
	gecos, _ := first(o, "c", "comment", "gecos")
	if !appendLine(p, "/etc/passwd", fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", name, uid, gid, gecos, home, shell)) ||
		!appendLine(p, "/etc/shadow", name+":!:20000:0:99999:7:::") {
		return 1
	}
	_, m := first(o, "m", "create-home")
	_, no := first(o, "M", "no-create-home", "H")
	if (m || busybox && !system) && !no {
		e := edits{v: p.View()}
		e.mkdir(home)
		e.do(func() error { return e.v.Chown(home, uid, gid, true) })
		if e.err != nil {
			p.Errorf("cannot create directory %s: %s", home, kernel.Reason(e.err))
			return 12
		}
	}
	if s, ok := first(o, "G", "groups"); ok && !busybox {
		return usermod(p, []string{"usermod", "-aG", s, name})
	}
	return 0
}

func groupadd(p *proc, args []string) int {
	o, rest := simple(args, "gK")
	if len(rest) == 0 {
		return 2
	}
	if len(rest) == 2 {
		return usermod(p, []string{"usermod", "-aG", rest[1], rest[0]})
	}
	name := rest[0]
	if _, ok := p.LookupGroup(name); ok {
		if _, force := first(o, "f", "force"); force {
			return 0
		}
		p.Errorf("group '%s' already exists", name)
		return 9
	}
	gid := 1000
	if _, sys := first(o, "r", "system", "S"); sys {
		gid = 110
	}
	for {
		if _, taken := p.LookupGroup(strconv.Itoa(gid)); !taken {
			break
		}
		gid++
	}
	if s, ok := first(o, "g", "gid"); ok {
		gid, _ = strconv.Atoi(s)
	}
	if !appendLine(p, "/etc/group", fmt.Sprintf("%s:x:%d:", name, gid)) {
		return 10
	}
	return 0
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

func usermod(p *proc, args []string) int {
	o, rest := simple(args, "Ggsdlucp")
	if len(rest) == 0 {
		return 2
	}
	name := rest[0]
	if _, ok := p.LookupUser(name); !ok {
		p.Errorf("user '%s' does not exist", name)
		return 6
	}
	if gs, ok := first(o, "G", "groups"); ok {
		for _, g := range strings.Split(gs, ",") {
			if _, ok := p.LookupGroup(g); !ok {
				p.Errorf("group '%s' does not exist", g)
				return 6
			}
			edit(p, "/etc/group", g, func(f []string) []string {
				for _, m := range strings.Split(f[3], ",") {
					if m == name {
						return f
					}
				}
				f[3] = strings.TrimPrefix(f[3]+","+name, ",")
				return f
			})
		}
	}
	edit(p, "/etc/passwd", name, func(f []string) []string {
		if s, ok := first(o, "s", "shell"); ok {
			f[6] = s
		}
		if s, ok := first(o, "d", "home"); ok {
			f[5] = s
		}
		if s, ok := first(o, "u", "uid"); ok {
			f[2] = s
		}
		return f
	})
	return 0
}

func userdel(p *proc, args []string) int {
	_, rest := simple(args, "")
	for _, n := range rest {
		if _, ok := p.LookupUser(n); !ok {
			p.Errorf("user '%s' does not exist", n)
			return 6
		}
		for _, f := range []string{"/etc/passwd", "/etc/shadow", "/etc/group"} {
			edit(p, f, n, func([]string) []string { return nil })
		}
	}
	return 0
}

func chpasswd(p *proc, args []string) int {
	st, enc := 0, len(args) > 1 && (args[1] == "-e" || args[1] == "--encrypted")
	sc := bufio.NewScanner(p.Stdin)
	for sc.Scan() {
		name, pass, ok := strings.Cut(sc.Text(), ":")
		if _, found := p.LookupUser(name); !ok || !found {
			p.Errorf("line 1: user '%s' does not exist", name)
			st = 1
			continue
		}
		if !enc {
			pass = image.Crypt(pass)
		}
		setPassword(p, name, pass)
	}
	return st
}

func passwd(p *proc, args []string) int {
	o, rest := simple(args, "")
	name := "root"
	if len(rest) > 0 {
		name = rest[0]
	}
	if _, ok := first(o, "l", "lock"); ok {
		edit(p, "/etc/shadow", name, func(f []string) []string { f[1] = "!" + f[1]; return f })
	}
	if _, ok := first(o, "u", "unlock"); ok {
		edit(p, "/etc/shadow", name, func(f []string) []string { f[1] = strings.TrimPrefix(f[1], "!"); return f })
	}
	if _, ok := first(o, "e", "expire"); ok {
		edit(p, "/etc/shadow", name, func(f []string) []string { f[2] = "0"; return f })
	}
	if _, ok := first(o, "d", "delete"); ok {
		edit(p, "/etc/shadow", name, func(f []string) []string { f[1] = ""; return f })
	}
	return 0
}
