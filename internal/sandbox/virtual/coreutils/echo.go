package coreutils

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func echo(p *proc, args []string) int {
	args, nl := args[1:], "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, nl = args[1:], ""
	}
	p.Printf("%s%s", strings.Join(args, " "), nl)
	return 0
}

func printf(p *proc, args []string) int {
	if len(args) < 2 {
		return missing(p)
	}
	s, err := kernel.Printf(args[1], args[2:])
	p.Printf("%s", s)
	if err != nil {
		p.Errorf("%v", err)
		return 1
	}
	return 0
}

func seq(p *proc, args []string) int {
	o := args[1:]
	sep, width := "\n", false
	for len(o) > 0 && (o[0] == "-w" || strings.HasPrefix(o[0], "-s")) {
		if len(o[0]) > 2 {
			sep, o = o[0][2:], o[1:]
			continue
		}
		if o[0] == "-s" && len(o) > 1 {
			sep, o = o[1], o[2:]
			continue
		}
		width, o = true, o[1:]
	}
	first, step, last := 1.0, 1.0, 0.0
	var err error
	num := func(s string) float64 {
		f, e := strconv.ParseFloat(s, 64)
		if e != nil {
			err = e
		}
		return f
	}
	switch len(o) {
	case 1:
		last = num(o[0])
	case 2:
		first, last = num(o[0]), num(o[1])
	case 3:
		first, step, last = num(o[0]), num(o[1]), num(o[2])
	default:
		return missing(p)
	}
	if err != nil || step == 0 {
		p.Errorf("invalid floating point argument: ‘%s’", strings.Join(o, " "))
		return 1
	}
	w := 0
	if width {
		w = max(len(o[0]), len(o[len(o)-1]))
	}
	some := false
	for x := first; step > 0 && x <= last+1e-9 || step < 0 && x >= last-1e-9; x += step {
		if some {
			if _, err := io.WriteString(p.Stdout, sep); err != nil {
				return 1
			}
		}
		some = true
		s := strconv.FormatFloat(x, 'f', -1, 64)
		p.Printf("%0*s", w, s)
	}
	if some {
		p.Printf("\n")
	}
	return 0
}

func rev(p *proc, args []string) int {
	b, st := readAll(p, args[1:])
	for _, l := range lines(b) {
		r := []rune(l)
		slices.Reverse(r)
		p.Printf("%s\n", string(r))
	}
	return st
}

func tac(p *proc, args []string) int {
	b, st := readAll(p, args[1:])
	l := lines(b)
	for _, s := range slices.Backward(l) {
		p.Printf("%s\n", s)
	}
	return st
}

func nl(p *proc, args []string) int {
	o, ok := parse(p, args, "b:w:s:", "")
	if !ok {
		return 1
	}
	b, st := readAll(p, o.args)
	n := 0
	for _, l := range lines(b) {
		if l == "" {
			p.Printf("       \n")
			continue
		}
		n++
		p.Printf("%6d\t%s\n", n, l)
	}
	return st
}
