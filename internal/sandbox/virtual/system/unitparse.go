package system

import (
	"os"
	"strings"
)

// parseUnit reads the ini format: continued lines, comments, empty values that reset.
func parseUnit(opts map[string][]string, text string, sub func(string) string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	section := ""
	for _, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' || l[0] == ';' {
			continue
		}
		if l[0] == '[' {
			section = strings.Trim(l, "[]")
			continue
		}
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			continue
		}
		key := section + "." + strings.TrimSpace(k)
		if v = sub(strings.TrimSpace(v)); v == "" {
			delete(opts, key)
			continue
		}
		opts[key] = append(opts[key], v)
	}
}

// words splits a command line as systemd does.
func words(s string) []string {
	var out []string
	var b strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case c == '\\' && i+1 < len(s) && quote != '\'':
			i++
			if k := strings.IndexByte("ntr", s[i]); k >= 0 {
				b.WriteByte("\n\t\r"[k])
			} else {
				b.WriteByte(s[i])
			}
			in = true
		case quote == 0 && (c == ' ' || c == '\t'):
			if in {
				out = append(out, b.String())
				b.Reset()
			}
			in = false
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, b.String())
	}
	return out
}

// argv is an Exec line as arguments: prefixes off, variables in.
func argv(line string, env []string) (args []string, ignore bool) {
	for line != "" && strings.IndexByte("-@:+!", line[0]) >= 0 {
		ignore = ignore || line[0] == '-'
		line = line[1:]
	}
	get := func(k string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if n, v, _ := strings.Cut(env[i], "="); n == k {
				return v
			}
		}
		return ""
	}
	for _, w := range words(line) {
		if strings.HasPrefix(w, "$") && !strings.HasPrefix(w, "${") && !strings.HasPrefix(w, "$$") {
			args = append(args, strings.Fields(get(w[1:]))...)
			continue
		}
		args = append(args, os.Expand(strings.ReplaceAll(w, "$$", "${DOLLAR__}"), func(k string) string {
			if k == "DOLLAR__" {
				return "$"
			}
			return get(k)
		}))
	}
	return args, ignore
}
