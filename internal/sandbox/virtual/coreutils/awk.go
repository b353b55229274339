package coreutils

import (
	"bufio"
	"io"
	"strings"
)

// awk runs the part of POSIX awk that guest scripts use: patterns and ranges,
// BEGIN and END, fields, the usual statements, arrays and string functions.
// What is left out (getline, functions of one's own, pipes and files behind
// print, RS, system) is refused by name before anything runs.
func awk(p *proc, args []string) int {
	o, ok := parseOpts(p, args, "F:v:f:", "", false)
	if !ok {
		return trouble(p)
	}
	src, rest := "", o.args
	for _, f := range o.all["f"] {
		b, err := p.View().ReadFile(f)
		if err != nil {
			p.Errorf("cannot open %s: %v", f, err)
			return trouble(p)
		}
		src += string(b) + "\n"
	}
	if !o.has("f") {
		if len(rest) == 0 {
			p.Errorf("usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]")
			return trouble(p)
		}
		src, rest = rest[0], rest[1:]
	}
	prog, err := parseAwk(src)
	if err != nil {
		p.Errorf("%v", err)
		return trouble(p)
	}
	r := newAwkRun(p)
	if fs, has := o.get("F"); has {
		r.vars["FS"] = awkStr(awkEscapes(fs))
	}
	for _, v := range o.all["v"] {
		name, val, ok := strings.Cut(v, "=")
		if !ok {
			p.Errorf("-v %s: no assignment", v)
			return trouble(p)
		}
		r.assign(name, awkInput(awkEscapes(val)))
	}
	return r.run(prog, rest)
}

// awkRule is a pattern with its action. begin and end stand for BEGIN and END.
type awkRule struct {
	begin, end bool
	from, to   awkExpr // to: of a range
	inside     bool
	do         awkStmt // nil: print
}

func (r *awkRun) run(rules []*awkRule, files []string) int {
	flow := awkGo
	input := false
	for _, u := range rules {
		input = input || !u.begin
		if u.begin && flow != awkExit && r.err == nil {
			flow = u.do(r)
		}
	}
	if flow != awkExit && input && r.err == nil {
		r.files(rules, files)
	}
	for _, u := range rules { // after an exit too, as POSIX says
		if u.end && r.err == nil && u.do(r) == awkExit {
			break
		}
	}
	if r.err != nil {
		r.p.Errorf("%v", r.err)
		return trouble(r.p)
	}
	return r.status
}

// files reads the operands: files, and assignments that hold from there on.
func (r *awkRun) files(rules []*awkRule, files []string) {
	read := false
	for _, f := range files {
		if name, val, ok := strings.Cut(f, "="); ok && awkName(name) {
			r.assign(name, awkInput(awkEscapes(val)))
			continue
		}
		read = true
		if r.file(rules, f) == awkExit {
			return
		}
	}
	if !read {
		r.file(rules, "-")
	}
}

func (r *awkRun) file(rules []*awkRule, name string) awkFlow {
	r.vars["FNR"] = awkNum(0)
	r.vars["FILENAME"] = awkStr(strings.TrimPrefix(name, "-"))
	flow := awkGo
	st := inputs(r.p, []string{name}, func(_ string, in io.Reader) error {
		br := bufio.NewReader(in)
		for flow != awkExit && r.err == nil {
			line, err := br.ReadString('\n')
			if line != "" {
				r.vars["NR"] = awkNum(r.vars["NR"].num() + 1)
				r.vars["FNR"] = awkNum(r.vars["FNR"].num() + 1)
				r.setLine(strings.TrimSuffix(line, "\n"))
				flow = r.record(rules)
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	r.status = max(r.status, 2*st)
	return flow
}

// record runs the rules on one line.
func (r *awkRun) record(rules []*awkRule) awkFlow {
	for _, u := range rules {
		if u.begin || u.end || !u.matches(r) {
			continue
		}
		switch flow := u.do(r); flow {
		case awkNext:
			return awkGo
		case awkExit:
			return flow
		}
	}
	return awkGo
}

func (u *awkRule) matches(r *awkRun) bool {
	switch {
	case u.from == nil:
		return true
	case u.to == nil:
		return u.from(r).truth()
	}
	if !u.inside && !u.from(r).truth() {
		return false
	}
	u.inside = !u.to(r).truth()
	return true
}
