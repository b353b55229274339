package coreutils

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func twoFiles(p *proc, names []string) (a, b []byte, ok bool) {
	if len(names) < 2 {
		return nil, nil, false
	}
	var bufs [2][]byte
	for i := range 2 {
		r, err := open(p, names[i])
		if err == nil {
			bufs[i], err = io.ReadAll(r)
			r.Close()
		}
		if err != nil {
			p.Errorf("%s: %s", names[i], kernel.Reason(err))
			return nil, nil, false
		}
	}
	return bufs[0], bufs[1], true
}

func cmp(p *proc, args []string) int {
	o, ok := parse(p, args, "sln:", "silent quiet")
	if !ok {
		return 2
	}
	a, b, ok := twoFiles(p, o.args)
	if !ok {
		return 2
	}
	if bytes.Equal(a, b) {
		return 0
	}
	if !o.has("s", "silent", "quiet") {
		i, line := 0, 1
		for i < len(a) && i < len(b) && a[i] == b[i] {
			if a[i] == '\n' {
				line++
			}
			i++
		}
		if i == len(a) || i == len(b) {
			short := o.args[0]
			if i == len(b) {
				short = o.args[1]
			}
			p.Errorf("EOF on %s after byte %d", short, i)
		} else {
			p.Printf("%s %s differ: byte %d, line %d\n", o.args[0], o.args[1], i+1, line)
		}
	}
	return 1
}

func comm(p *proc, args []string) int {
	o, ok := parse(p, args, "123", "")
	if !ok {
		return 1
	}
	a, b, ok := twoFiles(p, o.args)
	if !ok {
		return 1
	}
	x, y := lines(a), lines(b)
	put := func(col int, s string) {
		if o.has(strconv.Itoa(col)) {
			return
		}
		tabs := 0
		for c := 1; c < col; c++ {
			if !o.has(strconv.Itoa(c)) {
				tabs++
			}
		}
		p.Printf("%s%s\n", strings.Repeat("\t", tabs), s)
	}
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0] < y[0]:
			put(1, x[0])
			x = x[1:]
		case len(x) == 0 || y[0] < x[0]:
			put(2, y[0])
			y = y[1:]
		default:
			put(3, x[0])
			x, y = x[1:], y[1:]
		}
	}
	return 0
}

// diff prints the normal or unified form of the differing middle.
func diff(p *proc, args []string) int {
	o, ok := parse(p, args, "uqrNwbBaU:", "brief unified? recursive new-file")
	if !ok {
		return 2
	}
	a, b, ok := twoFiles(p, o.args)
	if !ok {
		return 2
	}
	if bytes.Equal(a, b) {
		return 0
	}
	if o.has("q", "brief") {
		p.Printf("Files %s and %s differ\n", o.args[0], o.args[1])
		return 1
	}
	x, y := lines(a), lines(b)
	pre := 0
	for pre < len(x) && pre < len(y) && x[pre] == y[pre] {
		pre++
	}
	for len(x) > pre && len(y) > pre && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	minus, plus := "< ", "> "
	if o.has("u", "unified", "U") {
		minus, plus = "-", "+"
		p.Printf("--- %s\n+++ %s\n@@ -%d,%d +%d,%d @@\n", o.args[0], o.args[1], pre+1, len(x)-pre, pre+1, len(y)-pre)
	} else {
		p.Printf("%d,%dc%d,%d\n", pre+1, len(x), pre+1, len(y))
	}
	for _, l := range x[pre:] {
		p.Printf("%s%s\n", minus, l)
	}
	if minus == "< " {
		p.Printf("---\n")
	}
	for _, l := range y[pre:] {
		p.Printf("%s%s\n", plus, l)
	}
	return 1
}
