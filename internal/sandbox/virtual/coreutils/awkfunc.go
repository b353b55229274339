package coreutils

import (
	"math"
	"strconv"
	"strings"
)

// call is a function of awk's own.
func (p *awkParser) call(name string) awkNode {
	var args []awkNode
	if p.accept("(") {
		gt := p.noGT
		p.noGT = false
		for p.newlines(); p.err == nil && !p.is(")"); p.newlines() {
			args = append(args, p.expr())
			if !p.accept(",") {
				break
			}
		}
		p.noGT = gt
		p.newlines()
		p.want(")")
	} else if name != "length" {
		p.bad()
	}
	want := map[string][2]int{"length": {0, 1}, "substr": {2, 3}, "index": {2, 2}, "split": {2, 3}, "sub": {2, 3}, "gsub": {2, 3}, "match": {2, 2},
		"sprintf": {1, 99}, "tolower": {1, 1}, "toupper": {1, 1}, "int": {1, 1}, "fflush": {0, 1}}[name]
	if len(args) < want[0] || len(args) > want[1] {
		p.tok.text = name
		p.bad()
	}
	if p.err != nil {
		return awkConst(awkVal{})
	}
	switch name {
	case "split":
		return p.split(args)
	case "sub", "gsub":
		return p.sub(args, name == "gsub")
	case "match":
		return p.matchCall(args)
	case "length":
		if len(args) == 1 && args[0].name != "" {
			return awkLength(args[0])
		}
	}
	return awkNode{get: func(r *awkRun) awkVal {
		vals := make([]awkVal, len(args))
		for i, a := range args {
			vals[i] = a.get(r)
		}
		return awkPlain(r, name, vals)
	}}
}

// awkLength is length of a name, which may be an array.
func awkLength(a awkNode) awkNode {
	return awkNode{get: func(r *awkRun) awkVal {
		if arr := r.arrays[a.name]; arr != nil {
			return awkNum(float64(len(arr)))
		}
		return awkNum(float64(len(a.get(r).String())))
	}}
}

// awkPlain are the functions of values alone.
func awkPlain(r *awkRun, name string, v []awkVal) awkVal {
	switch name {
	case "length":
		if len(v) == 0 {
			return awkNum(float64(len(r.line)))
		}
		return awkNum(float64(len(v[0].String())))
	case "substr":
		n := math.Inf(1)
		if len(v) == 3 {
			n = v[2].num()
		}
		return awkStr(substr(v[0].String(), v[1].num(), n))
	case "index":
		return awkNum(float64(strings.Index(v[0].String(), v[1].String()) + 1))
	case "sprintf":
		return awkStr(awkFormat(v[0].String(), v[1:]))
	case "tolower":
		return awkStr(strings.ToLower(v[0].String()))
	case "toupper":
		return awkStr(strings.ToUpper(v[0].String()))
	case "int":
		return awkNum(math.Trunc(v[0].num()))
	}
	return awkNum(0) // fflush: nothing is held back
}

func (p *awkParser) split(args []awkNode) awkNode {
	if args[1].name == "" {
		p.bad()
	}
	return awkNode{get: func(r *awkRun) awkVal {
		s := args[0].get(r).String()
		fs, re := r.vars["FS"].String(), awkNode{}.re
		if len(args) == 3 {
			if re = args[2].re; re == nil {
				fs = args[2].get(r).String()
			}
		}
		parts := r.cut(s, fs, re)
		arr := r.array(args[1].name)
		clear(arr)
		for i, x := range parts {
			arr[strconv.Itoa(i+1)] = awkInput(x)
		}
		return awkNum(float64(len(parts)))
	}}
}

func (p *awkParser) sub(args []awkNode, all bool) awkNode {
	target := awkNode{get: func(r *awkRun) awkVal { return awkStr(r.line) }, set: func(r *awkRun, v awkVal) { r.setLine(v.String()) }}
	if len(args) == 3 {
		target = args[2]
	}
	if target.set == nil {
		p.bad()
	}
	re := p.pattern(args[0])
	return awkNode{get: func(r *awkRun) awkVal {
		s, n := r.replace(re(r), args[1].get(r).String(), target.get(r).String(), all)
		if n > 0 {
			target.set(r, awkStr(s))
		}
		return awkNum(float64(n))
	}}
}

func (p *awkParser) matchCall(args []awkNode) awkNode {
	re := p.pattern(args[1])
	return awkNode{get: func(r *awkRun) awkVal {
		at, n := 0, -1
		if m := re(r).FindStringIndex(args[0].get(r).String()); m != nil {
			at, n = m[0]+1, m[1]-m[0]
		}
		r.vars["RSTART"], r.vars["RLENGTH"] = awkNum(float64(at)), awkNum(float64(n))
		return awkNum(float64(at))
	}}
}
