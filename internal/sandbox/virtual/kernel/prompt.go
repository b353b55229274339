package kernel

import (
	"strconv"
	"strings"
	"time"
)

// interactive are the variables of an interactive shell that has not got them.
func (e *bootEnv) interactive(p *Proc, kind string) {
	if u, ok := p.LookupUser(strconv.Itoa(p.uid)); ok && !e.vars["HOME"].IsSet() {
		e.vars["HOME"] = strVar(u.Home, false)
	}
	home := e.vars["HOME"].Str
	host := `\h:\w\$ `
	set := map[string]string{"PS1": "# ", "PS2": "> "}
	switch kind {
	case "bash":
		set = map[string]string{"PS1": `\u@` + host, "PS2": "> ", "HISTFILE": home + "/.bash_history", "HISTSIZE": "500"}
	case "ash":
		set["PS1"], set["HISTFILE"] = host, home+"/.ash_history"
	}
	for k, v := range set {
		if !e.vars[k].IsSet() {
			e.vars[k] = strVar(v, false)
		}
	}
}

// promptText is a prompt with its backslash sequences carried out.
func (sh *shell) promptText(ps string) string {
	if sh.kind != "bash" && sh.kind != "ash" {
		return ps
	}
	var b strings.Builder
	for i := 0; i < len(ps); i++ {
		if ps[i] != '\\' || i+1 == len(ps) {
			b.WriteByte(ps[i])
			continue
		}
		i++
		b.WriteString(sh.promptPart(ps[i]))
	}
	return b.String()
}

func (sh *shell) promptPart(c byte) string {
	host, _, _ := strings.Cut(sh.p.M.Hostname(), ".")
	switch c {
	case 'u':
		return sh.p.UserName(sh.p.uid)
	case 'h':
		return host
	case 'H':
		return sh.p.M.Hostname()
	case 'w', 'W':
		return shortDir(sh.r.Dir, sh.variable("HOME"), c == 'W')
	case '$':
		if sh.p.uid == 0 {
			return "#"
		}
		return "$"
	case 's':
		return strings.TrimPrefix(sh.name, "-")
	case 'v':
		return "5.2"
	case 't':
		return time.Now().UTC().Format("15:04:05")
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 'e':
		return "\x1b"
	case 'a':
		return "\a"
	case '[', ']':
		return ""
	case '\\':
		return `\`
	}
	return `\` + string(c)
}

func shortDir(dir, home string, last bool) string {
	if rest, ok := strings.CutPrefix(dir, home); ok && home != "" && home != "/" && (rest == "" || rest[0] == '/') {
		dir = "~" + rest
	}
	if i := strings.LastIndexByte(dir, '/'); last && i >= 0 && len(dir) > 1 {
		return dir[i+1:]
	}
	return dir
}
