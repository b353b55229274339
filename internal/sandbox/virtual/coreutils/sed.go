package coreutils

import (
	"regexp"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func reason(err error) string { return kernel.Reason(err) }

type sedAddr struct {
	line int // 0: none
	last bool
	re   *regexp.Regexp
	plus int
}

type sedCmd struct {
	a, b   *sedAddr
	not    bool
	active bool
	end    int
	op     byte
	re     *regexp.Regexp
	text   string
	global bool
	print  bool
	nth    int
	label  string
	block  []*sedCmd
	from   string
	to     string
}

func sed(p *proc, args []string) int {
	norm := append([]string{}, args...)
	suffix := ""
	inPlace := false
	for i, a := range norm {
		if i > 0 && (a == "--in-place" || strings.HasPrefix(a, "-i") || strings.HasPrefix(a, "--in-place=")) {
			inPlace = true
			suffix = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "--in-place"), "="), "-i")
			norm[i] = "-s"
			if suffix == "e" { // -ie is -i with the suffix e; nobody means that
				suffix = ""
			}
		}
	}
	o, ok := parse(p, norm, "nrEe:f:szu", "quiet silent regexp-extended expression= file= null-data separate")
	if !ok {
		return 1
	}
	script := strings.Join(append(o.all["e"], o.all["expression"]...), "\n")
	if f, has := o.get("f", "file"); has {
		b, st := readAll(p, []string{f})
		if st != 0 {
			return 1
		}
		script += "\n" + string(b)
	} else if script == "" {
		if len(o.args) == 0 {
			p.Errorf("no script specified")
			return 1
		}
		script, o.args = o.args[0], o.args[1:]
	}
	sp := &sedParser{s: script, ext: o.has("r", "E", "regexp-extended")}
	cmds := sp.commands(false)
	if sp.err != nil {
		p.Errorf("-e expression #1, char %d: %v", sp.i, sp.err)
		return 1
	}
	quiet := o.has("n", "quiet", "silent")
	if !inPlace {
		b, st := readAll(p, o.args)
		out, code := sedRun(cmds, b, quiet)
		return put(p, out, max(st, code))
	}
	st := 0
	for _, f := range o.args {
		i, err := p.View().Stat(f)
		var b []byte
		if err == nil {
			b, err = p.View().ReadFile(f)
		}
		if err != nil {
			p.Errorf("can't read %s: %s", f, reason(err))
			st = 2
			continue
		}
		cs := sp.again(script)
		out, _ := sedRun(cs, b, quiet)
		if suffix != "" {
			if err := p.View().WriteFile(f+suffix, b, i.Mode().Perm()); err != nil {
				return fail(p, "couldn't write "+f+suffix, err)
			}
		}
		if err := p.View().WriteFile(f, out, i.Mode().Perm()); err != nil {
			return fail(p, "couldn't write "+f, err)
		}
	}
	return st
}
