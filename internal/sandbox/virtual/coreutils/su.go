package coreutils

import (
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// su is su and runuser.
func su(p *proc, args []string) int {
	name := path.Base(args[0])
	o, ok := parseOpts(p, args, "lc:s:u:mpg:P", "login command= shell= user= preserve-environment group= pty", name == "su" || !contains(args, "-u"))
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
	}
	envs := userEnv(p, u, login, !o.has("m", "p", "preserve-environment"))
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
	o, ok := parseOpts(p, args, "u:HEnig:Sk", "user= preserve-env? non-interactive login set-home", false)
	if !ok || len(o.args) == 0 {
		return 1
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
	envs := userEnv(p, u, false, true)
	for len(rest) > 1 && strings.Contains(rest[0], "=") {
		envs, rest = append(envs, rest[0]), rest[1:]
	}
	child, err := p.Start(kernel.Child{Argv: rest, Env: envs, User: &u})
	if err != nil {
		return 1
	}
	return p.Wait(child)
}
