package coreutils

import (
	"strconv"
	"strings"
)

// ranges reads cut's list: 1,3-5,7-
func ranges(s string) (func(n int) bool, bool) {
	type r struct{ a, b int }
	var rs []r
	for _, part := range strings.Split(s, ",") {
		a, b, has := strings.Cut(part, "-")
		x, e1 := strconv.Atoi(a)
		y, e2 := strconv.Atoi(b)
		if a == "0" || b == "0" || e1 == nil && e2 == nil && x > y {
			return nil, false
		}
		switch {
		case !has && e1 == nil:
			rs = append(rs, r{x, x})
		case has && a == "" && e2 == nil:
			rs = append(rs, r{1, y})
		case has && b == "" && e1 == nil:
			rs = append(rs, r{x, 1 << 30})
		case e1 == nil && e2 == nil:
			rs = append(rs, r{x, y})
		default:
			return nil, false
		}
	}
	return func(n int) bool {
		for _, x := range rs {
			if n >= x.a && n <= x.b {
				return true
			}
		}
		return false
	}, true
}

func cut(p *proc, args []string) int {
	o, ok := parse(p, args, "d:f:c:b:s", "delimiter= fields= characters= bytes= only-delimited output-delimiter= complement")
	if !ok {
		return 1
	}
	spec, fields := o.get("f", "fields")
	if !fields {
		spec, ok = o.get("c", "b", "characters", "bytes")
		if !ok {
			p.Errorf("you must specify a list of bytes, characters, or fields")
			return 1
		}
	}
	in, ok := ranges(spec)
	if !ok {
		p.Errorf("invalid field value %s", q(spec))
		return 1
	}
	d, has := o.get("d", "delimiter")
	if !has {
		d = "\t"
	}
	if len(d) != 1 {
		p.Errorf("the delimiter must be a single character")
		return 1
	}
	od, has := o.get("output-delimiter")
	if !has {
		od = d
	}
	b, st := readAll(p, o.args)
	for _, l := range lines(b) {
		if !fields {
			var s []byte
			for i := range len(l) {
				if in(i+1) != o.has("complement") {
					s = append(s, l[i])
				}
			}
			p.Printf("%s\n", s)
			continue
		}
		if !strings.Contains(l, d) {
			if !o.has("s", "only-delimited") {
				p.Printf("%s\n", l)
			}
			continue
		}
		var out []string
		for i, f := range strings.Split(l, d) {
			if in(i+1) != o.has("complement") {
				out = append(out, f)
			}
		}
		p.Printf("%s\n", strings.Join(out, od))
	}
	return st
}

func paste(p *proc, args []string) int {
	o, ok := parse(p, args, "d:s", "delimiters= serial")
	if !ok {
		return 1
	}
	d, has := o.get("d", "delimiters")
	if !has {
		d = "\t"
	}
	if o.has("s", "serial") {
		b, st := readAll(p, o.args)
		p.Printf("%s\n", strings.Join(lines(b), d))
		return st
	}
	var cols [][]string
	n := 0
	for _, f := range o.args {
		b, st := readAll(p, []string{f})
		if st != 0 {
			return st
		}
		cols = append(cols, lines(b))
		n = max(n, len(cols[len(cols)-1]))
	}
	for i := range n {
		var row []string
		for _, c := range cols {
			s := ""
			if i < len(c) {
				s = c[i]
			}
			row = append(row, s)
		}
		p.Printf("%s\n", strings.Join(row, d))
	}
	return 0
}
