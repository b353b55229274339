package coreutils

import (
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// su is su and runuser.
func su(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "lc:s:u:mp", "login command= shell= user= preserve-environment", true)
	if !ok {
		return 1
	}
	login := o.has("l", "login")
	rest := o.args
	user, hasUser := o.get("u", "user")
	if len(rest) > 0 && rest[0] == "-" {
		login, rest = true, rest[1:]
	}
	if !hasUser {
		user = "root"
		if len(rest) > 0 {
			user, rest = rest[0], rest[1:]
		}
	}
	u, found := p.LookupUser(user)
	if !found {
		p.Errorf("user %s does not exist or the user entry does not contain all the required fields", user)
		return 1
	}
	if p.UID() != 0 {
		p.Errorf("Authentication failure")
		return 1
	}
	argv := rest
	if !hasUser || len(rest) == 0 {
		shell, has := o.get("s", "shell")
		if !has {
			shell = u.Shell
		}
		if shell == "" {
			shell = "/bin/sh"
		}
		argv = []string{shell}
		if c, has := o.get("c", "command"); has {
			argv = append(argv, "-c", c)
		}
		argv = append(argv, rest...)
		u.Shell = shell
	}
	envs := userEnv(p, u, login, !o.has("m", "p", "preserve-environment"))
	if hasUser && len(rest) > 0 { // runuser -u sets no SHELL
		envs = slices.DeleteFunc(envs, func(s string) bool { return strings.HasPrefix(s, "SHELL=") })
	}
	c := kernel.Child{Argv: argv, Env: envs, User: &u}
	if login {
		if i, err := p.View().Stat(u.Home); err == nil && i.IsDir() {
			c.Cwd = u.Home
		}
	}
	child, err := p.Start(c)
	if err != nil {
		return 126
	}
	return p.Wait(child)
}

func sudo(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "u:HEn", "user= preserve-env non-interactive set-home", false)
	if !ok || len(o.args) == 0 {
		return 1
	}
	if p.UID() != 0 {
		return refuse(p, "sudo by another user than root")
	}
	user, has := o.get("u", "user")
	if !has {
		user = "root"
	}
	u, found := p.LookupUser(user)
	if !found {
		p.Errorf("unknown user %s", user)
		return 1
	}
	rest := o.args
	envs := sudoEnv(p, u, o.has("E", "preserve-env"))
	for len(rest) > 1 && strings.Contains(rest[0], "=") {
		envs, rest = append(envs, rest[0]), rest[1:]
	}
	if _, err := p.LookPath(rest[0], kernel.DefaultPath); err != nil {
		p.Errorf("%s: command not found", rest[0])
		return 1
	}
	child, err := p.Start(kernel.Child{Argv: rest, Env: envs, User: &u})
	if err != nil {
		return 1
	}
	return p.Wait(child)
}

// sudoEnv is the environment after sudo: Debian's sudoers keep the terminal and the
// locale of the caller's, unless -E keeps all of it.
func sudoEnv(p *proc, u kernel.User, keep bool) []string {
	var envs []string
	for _, e := range userEnv(p, u, false, true) {
		k, _, _ := strings.Cut(e, "=")
		if keep && k != "PATH" || k == "TERM" || k == "LANG" || k == "HOME" || k == "USER" || k == "LOGNAME" || k == "SHELL" || strings.HasPrefix(k, "LC_") {
			envs = append(envs, e)
		}
	}
	return append(envs, "PATH="+kernel.DefaultPath, "SUDO_USER="+p.UserName(p.UID()), "SUDO_UID="+strconv.Itoa(p.UID()), "SUDO_GID="+strconv.Itoa(p.GID()))
}
