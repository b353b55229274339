package coreutils

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func pgrep(p *proc, args []string) int {
	isKill := path.Base(args[0]) == "pkill"
	sig := 15
	if isKill {
		var kept []string
		for _, a := range args {
			if len(a) > 1 && a[0] == '-' && len(kept) > 0 {
				if n, ok := kernel.SignalNumber(a[1:]); ok {
					sig = n
					continue
				}
			}
			kept = append(kept, a)
		}
		args = kept
	}
	o, ok := parse(p, args, "fxaloncu:P:s:g:U:", "full exact parent= signal= list-name list-full oldest newest count uid= session=")
	if !ok {
		return 2
	}
	if s, has := o.get("signal"); has {
		sig, _ = kernel.SignalNumber(s)
	}
	var re *regexp.Regexp
	if len(o.args) > 0 {
		var err error
		pat := o.args[0]
		if o.has("x", "exact") {
			pat = "^(" + pat + ")$"
		}
		if re, err = regexp.Compile(pat); err != nil {
			p.Errorf("%v", err)
			return 2
		}
	}
	var hits []*kernel.Proc
	for _, c := range p.M.Procs() {
		if c == p {
			continue
		}
		text := c.Comm()
		if o.has("f", "full") {
			text = strings.Join(c.Args(), " ")
		}
		in := func(opt []string, val int) bool {
			for _, o := range opt {
				for _, s := range strings.Split(o, ",") {
					if n, err := strconv.Atoi(s); err == nil && n == val {
						return true
					}
				}
			}
			return len(opt) == 0
		}
		if re != nil && !re.MatchString(text) || !in(append(o.all["P"], o.all["parent"]...), c.PPID()) || !in(append(o.all["s"], o.all["session"]...), c.SID()) || !in(o.all["g"], c.PGID()) {
			continue
		}
		if u, has := o.get("u", "U", "uid"); has && p.UserName(c.UID()) != u && strconv.Itoa(c.UID()) != u {
			continue
		}
		hits = append(hits, c)
	}
	if o.has("o", "oldest") && len(hits) > 1 {
		hits = hits[:1]
	}
	if o.has("n", "newest") && len(hits) > 1 {
		hits = hits[len(hits)-1:]
	}
	for _, c := range hits {
		switch {
		case isKill:
			c.Signal(sig)
		case o.has("c", "count"):
		case o.has("a", "list-full"):
			p.Printf("%d %s\n", c.Pid, strings.Join(c.Args(), " "))
		case o.has("l", "list-name"):
			p.Printf("%d %s\n", c.Pid, c.Comm())
		default:
			p.Printf("%d\n", c.Pid)
		}
	}
	if o.has("c", "count") {
		p.Printf("%d\n", len(hits))
	}
	if len(hits) == 0 {
		return 1
	}
	return 0
}

func killall(p *proc, args []string) int {
	sig, st := 15, 1
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			if n, ok := kernel.SignalNumber(a[1:]); ok {
				sig = n
			}
			continue
		}
		for _, c := range p.M.Procs() {
			if c.Comm() == a {
				c.Signal(sig)
				st = 0
			}
		}
	}
	return st
}

func pidof(p *proc, args []string) int {
	var out []string
	for _, a := range args[1:] {
		for _, c := range p.M.Procs() {
			if c.Comm() == path.Base(a) {
				out = append([]string{strconv.Itoa(c.Pid)}, out...)
			}
		}
	}
	if len(out) == 0 {
		return 1
	}
	p.Printf("%s\n", strings.Join(out, " "))
	return 0
}
