package coreutils

import (
	"io"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func xargs(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "0n:I:rP:L:d:", "null max-args= no-run-if-empty max-procs=", false)
	if !ok {
		return 1
	}
	b, err := io.ReadAll(p.Stdin)
	if err != nil {
		return 1
	}
	var items []string
	switch d, has := o.get("d"); {
	case o.has("0", "null"):
		items = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	case has:
		d = strings.NewReplacer(`\n`, "\n", `\0`, "\x00", `\t`, "\t").Replace(d)
		items = strings.Split(strings.TrimSuffix(string(b), d), d)
	case o.has("I", "L"):
		if strings.ContainsAny(string(b), `'"\\`) {
			return refuse(p, "quotes with -I or -L")
		}
		for _, l := range lines(b) {
			if l = strings.TrimLeft(l, " \t"); l != "" {
				items = append(items, l)
			}
		}
	default:
		var unmatched bool
		if items, unmatched = xargsWords(string(b)); unmatched {
			p.Errorf("unmatched quote; by default quotes are special to xargs unless you use the -0 option")
			return 1
		}
	}
	if len(b) == 0 {
		items = nil
	}
	cmd := o.args
	if len(cmd) == 0 {
		cmd = []string{"echo"}
	}
	if len(items) == 0 {
		if o.has("r", "no-run-if-empty", "I") {
			return 0
		}
		return p.Call(cmd...)
	}
	per := len(items)
	for _, name := range []string{"n", "max-args", "L", "P", "max-procs"} {
		s, has := o.get(name)
		n, err := strconv.Atoi(s)
		if has && (err != nil || n < 1 || name == "L" && n > 1) {
			return refuse(p, "the number "+q(s))
		}
		if has && (name == "n" || name == "max-args") {
			per = n
		}
	}
	repl, one := o.get("I")
	if one || o.has("L") {
		per = 1
	}
	st := 0
	for len(items) > 0 && p.Context().Err() == nil {
		k := min(max(1, per), len(items))
		argv := append(append([]string{}, cmd...), items[:k]...)
		if one {
			argv = nil
			for _, c := range cmd {
				argv = append(argv, strings.ReplaceAll(c, repl, items[0]))
			}
		}
		if o.has("L") { // the words of one line
			argv = append(argv[:len(cmd):len(cmd)], strings.Fields(items[0])...)
		}
		items = items[k:]
		s := xargsRun(p, argv)
		switch {
		case s == 126 || s == 127:
			return s
		case s == 255:
			p.Errorf("%s: exited with status 255; aborting", argv[0])
			return 124
		case s != 0:
			st = 123
		}
	}
	return st
}

func xargsRun(p *proc, argv []string) int {
	c, err := p.Start(kernel.Child{Argv: argv, NullIn: true})
	if err != nil {
		return 126
	}
	return p.Wait(c)
}

// xargsWords cuts a text at blanks outside of quotes, and says whether a quote is open.
func xargsWords(s string) (words []string, unmatched bool) {
	var out []string
	var b strings.Builder
	in, quoteCh := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoteCh != 0:
			if c == quoteCh {
				quoteCh = 0
			} else {
				b.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quoteCh, in = c, true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			in = true
		case c == ' ' || c == '\n' || c == '\t':
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
	return out, quoteCh != 0
}
