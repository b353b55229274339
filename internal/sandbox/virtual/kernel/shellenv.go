package kernel

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// nowhere is the interpreter's folder of temporary files.
// No path of a guest can name it, and the host's kernel takes no path with a NUL.
const nowhere = "/\x00"

// bootEnv is the environment a shell starts from. While the interpreter resets
// itself, it answers for the names that the library would ask the host for.
type bootEnv struct {
	vars    map[string]expand.Variable
	booting bool
}

func (e *bootEnv) Get(name string) expand.Variable {
	if e.booting {
		switch name {
		case "TMPDIR":
			return expand.Variable{Set: true, Kind: expand.String, Str: nowhere}
		case "HOME", "UID", "EUID", "GID":
			return expand.Variable{Set: true, Kind: expand.String}
		}
	}
	return e.vars[name]
}

func (e *bootEnv) Each(f func(string, expand.Variable) bool) {
	for k, v := range e.vars {
		if !f(k, v) {
			return
		}
	}
}

func strVar(s string, exported bool) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.String, Str: s, Exported: exported}
}

func (p *Proc) shellEnv(kind string) *bootEnv {
	e := &bootEnv{vars: map[string]expand.Variable{}, booting: true}
	for _, kv := range p.env {
		if k, v, ok := strings.Cut(kv, "="); ok && syntax.ValidName(k) {
			e.vars[k] = strVar(v, true)
		}
	}
	if _, ok := e.vars["PATH"]; !ok {
		e.vars["PATH"] = strVar(DefaultPath, false)
	}
	if _, ok := e.vars["SHLVL"]; kind == "bash" && !ok {
		e.vars["SHLVL"] = strVar("1", true)
	}
	if kind == "bash" {
		e.vars["BASH"] = strVar("/bin/bash", false)
		e.vars["BASH_VERSION"] = strVar("5.2.15(1)-release", false)
		e.vars["HOSTNAME"] = strVar(p.M.Hostname(), false)
		for _, n := range []string{"UID", "EUID"} {
			e.vars[n] = strVar(strconv.Itoa(p.uid), false)
		}
	}
	e.vars[varPid] = strVar(strconv.Itoa(p.Pid), false)
	e.vars[varPpid] = strVar(strconv.Itoa(p.PPID()), false)
	return e
}
