package coreutils

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func env(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "iu:S:C:", "ignore-environment unset= split-string= chdir=", false)
	if !ok {
		return 125
	}
	rest := o.args
	if s, has := o.get("S", "split-string"); has {
		rest = append(strings.Fields(s), rest...)
	}
	envs := p.Env()
	if o.has("i", "ignore-environment") || len(rest) > 0 && rest[0] == "-" {
		envs = nil
		if len(rest) > 0 && rest[0] == "-" {
			rest = rest[1:]
		}
	}
	envs = append([]string(nil), envs...)
	drop := func(k string) {
		for i := 0; i < len(envs); i++ {
			if strings.HasPrefix(envs[i], k+"=") {
				envs = append(envs[:i], envs[i+1:]...)
				i--
			}
		}
	}
	for _, u := range append(o.all["u"], o.all["unset"]...) {
		drop(u)
	}
	for len(rest) > 0 && strings.Contains(rest[0], "=") {
		k, _, _ := strings.Cut(rest[0], "=")
		drop(k)
		envs, rest = append(envs, rest[0]), rest[1:]
	}
	if d, has := o.get("C", "chdir"); has {
		if err := p.Chdir(d); err != nil {
			p.Errorf("cannot change directory to %s: %s", q(d), kernel.Reason(err))
			return 125
		}
	}
	p.SetEnv(envs)
	if len(rest) == 0 {
		for _, e := range envs {
			p.Printf("%s\n", e)
		}
		return 0
	}
	return p.Exec(rest)
}

func printenv(p *proc, args []string) int {
	o, ok := parse(p, args, "", "")
	if !ok {
		return 2
	}
	if len(o.args) == 0 {
		for _, e := range p.Env() {
			p.Printf("%s\n", e)
		}
		return 0
	}
	st := 0
	for _, k := range o.args {
		if v, ok := p.LookupEnv(k); ok {
			p.Printf("%s\n", v)
		} else {
			st = 1
		}
	}
	return st
}

// nice runs a program. Nothing here has a priority, so it does not print one.
func nice(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "n:", "adjustment=", false)
	if !ok {
		return 125
	}
	if n, has := o.get("n", "adjustment"); has {
		if _, err := strconv.Atoi(n); err != nil {
			p.Errorf("invalid adjustment %s", q(n))
			return 125
		}
	}
	if len(o.args) == 0 {
		refuse(p, "nice without a command")
		return 125
	}
	return p.Exec(o.args)
}

// chroot knows one root, the guest's own.
func chroot(p *proc, args []string) int {
	if len(args) < 2 {
		missing(p)
		return 125
	}
	if args[1] != "/" || len(args) < 3 {
		refuse(p, strings.Join(args[:2], " "))
		return 125
	}
	if err := p.Chdir("/"); err != nil {
		p.Errorf("cannot chdir to root directory: %s", kernel.Reason(err))
		return 125
	}
	return p.Exec(args[2:])
}

func which(p *proc, args []string) int {
	if len(args) == 1 {
		return 1
	}
	st := 0
	for _, a := range args[1:] {
		if a == "-a" || a == "-s" {
			continue
		}
		full, err := p.LookPath(a, p.Getenv("PATH"))
		if err != nil {
			st = 1
			continue
		}
		p.Printf("%s\n", full)
	}
	return st
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func userEnv(p *proc, u kernel.User, login, home bool) []string {
	var out []string
	for _, e := range p.Env() {
		k, _, _ := strings.Cut(e, "=")
		if login && k != "TERM" || home && (k == "HOME" || k == "USER" || k == "LOGNAME" || k == "SHELL") {
			continue
		}
		out = append(out, e)
	}
	if login {
		out = append(out, "PATH="+kernel.DefaultPath)
	}
	if home || login {
		out = append(out, "HOME="+u.Home, "USER="+u.Name, "LOGNAME="+u.Name, "SHELL="+u.Shell)
	}
	return out
}
