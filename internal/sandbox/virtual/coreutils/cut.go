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
	between := []string{"\t"}
	if d, has := o.get("d", "delimiters"); has {
		between = strings.Split(strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`, `\0`, "\x00").Replace(d), "")
		for i, s := range between {
			if s == "\x00" || d == "" {
				between[i] = ""
			}
		}
		if len(between) == 0 {
			between = []string{""}
		}
	}
	if len(o.args) == 0 {
		o.args = []string{"-"}
	}
	st, dashes := 0, 0
	for _, f := range o.args {
		if f == "-" {
			dashes++
		}
	}
	var cols [][]string
	for _, f := range o.args {
		if f == "-" && dashes > 1 && len(o.args) != dashes {
			return refuse(p, "- twice beside files")
		}
		if f == "-" && len(cols) > 0 {
			break // every - reads from one stdin, see below
		}
		b, fst := readAll(p, []string{f})
		if fst != 0 {
			if st = fst; !o.has("s", "serial") {
				return st
			}
			continue
		}
		cols = append(cols, lines(b))
	}
	if dashes > 1 && !o.has("s", "serial") { // line 1 goes to the first -, line 2 to the second
		all := cols[0]
		cols = make([][]string, dashes)
		for i, l := range all {
			cols[i%dashes] = append(cols[i%dashes], l)
		}
	}
	pasteColumns(p, cols, between, o.has("s", "serial"))
	return st
}

func pasteColumns(p *proc, cols [][]string, between []string, serial bool) {
	if serial {
		for _, c := range cols {
			pasteRow(p, c, between)
		}
		return
	}
	n := 0
	for _, c := range cols {
		n = max(n, len(c))
	}
	for i := range n {
		row := make([]string, len(cols))
		for k, c := range cols {
			if i < len(c) {
				row[k] = c[i]
			}
		}
		pasteRow(p, row, between)
	}
}

func pasteRow(p *proc, row, between []string) {
	for i, s := range row {
		if i > 0 {
			p.Printf("%s", between[(i-1)%len(between)])
		}
		p.Printf("%s", s)
	}
	p.Printf("\n")
}
