package system

import "strings"

// pamEnv adds the variables that pam_env sets for a session from /etc/environment, if
// logins use PAM, as on Debian. pam_env expands nothing: PATH="/opt/x:$PATH" then
// contains a dollar sign, and ls is not found.
func (s *System) pamEnv(p *proc, env []string) []string {
	if !s.o.OS.Systemd() { // sshd and login of Alpine do not use PAM
		return env
	}
	text, err := p.View().ReadFile("/etc/environment")
	if err != nil {
		return env
	}
	return pamSet(env, string(text))
}

// pamSet reads the lines as pam_env 1.5 does. It skips "export ", and a comment begins at
// any #. It ignores a line whose name has characters other than letters, digits and _. It
// removes quotes at both ends of a value. A name without = removes the variable.
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
