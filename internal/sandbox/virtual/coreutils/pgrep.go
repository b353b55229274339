package coreutils

import (
	"fmt"
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
		if sig, ok = kernel.SignalNumber(s); !ok || !isKill {
			return refuse(p, "--signal "+s) + 1
		}
	}
	if u, has := o.get("u", "U", "uid"); has {
		if _, found := p.LookupUser(u); !found {
			p.Errorf("invalid user name: %s", u)
			return 2
		}
	}
	if len(o.args) > 1 {
		return refuse(p, "more than one pattern") + 1
	}
	if len(o.args) == 0 && !o.has("P", "parent", "u", "U", "uid", "g", "s", "session") {
		p.Errorf("no matching criteria specified")
		return 2
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
	sig, st, quiet := 15, 0, false
	var names []string
	for _, a := range args[1:] {
		n, ok := kernel.SignalNumber(strings.TrimPrefix(a, "-"))
		switch {
		case a == "-q" || a == "--quiet":
			quiet = true
		case strings.HasPrefix(a, "-") && ok:
			sig = n
		case strings.HasPrefix(a, "-"):
			return refuse(p, a)
		default:
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return missing(p)
	}
	for _, name := range names {
		hit := false
		for _, c := range p.M.Procs() {
			if c.Comm() == name {
				c.Signal(sig)
				hit = true
			}
		}
		if !hit {
			if st = 1; !quiet {
				fmt.Fprintf(p.Stderr, "%s: no process found\n", name)
			}
		}
	}
	return st
}

func pidof(p *proc, args []string) int {
	o, ok := parse(p, args, "s", "single-shot")
	if !ok {
		return 1
	}
	var out []string
	for _, a := range o.args {
		for _, c := range p.M.Procs() {
			if c.Comm() == path.Base(a) {
				out = append([]string{strconv.Itoa(c.Pid)}, out...)
			}
		}
	}
	if len(out) == 0 {
		return 1
	}
	if o.has("s", "single-shot") {
		out = out[:1]
	}
	p.Printf("%s\n", strings.Join(out, " "))
	return 0
}
