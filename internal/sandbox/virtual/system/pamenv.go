package system

import "strings"

// pamEnv adds what pam_env puts into a session's environment from /etc/environment,
// where logins go through PAM, as on Debian. pam_env expands nothing:
// PATH="/opt/x:$PATH" has a dollar sign in it afterwards, and no ls.
func (s *System) pamEnv(p *proc, env []string) []string {
	if !s.o.OS.Systemd() { // Alpine's sshd and login know no PAM
		return env
	}
	text, err := p.View().ReadFile("/etc/environment")
	if err != nil {
		return env
	}
	return pamSet(env, string(text))
}

// pamSet reads the lines as pam_env 1.5 does: "export " is passed over, a comment
// begins at any #, a name of other characters than letters, digits and _ voids its
// line, quotes at both ends of a value go, and a name alone takes the variable away.
func pamSet(env []string, text string) []string {
	out := append([]string(nil), env...)
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t\n")
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "export "), "#")
		line = strings.TrimRight(line, "\n")
		name, value, has := strings.Cut(line, "=")
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			continue
		}
		kept := out[:0]
		for _, e := range out {
			if !strings.HasPrefix(e, name+"=") {
				kept = append(kept, e)
			}
		}
		if out = kept; !has {
			continue
		}
		if strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "'") {
			value = value[1:]
			if n := len(value); n > 0 && (value[n-1] == '"' || value[n-1] == '\'') {
				value = value[:n-1]
			}
		}
		out = append(out, name+"="+value)
	}
	return out
}
