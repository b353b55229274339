package coreutils

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// echo is the program; scripts use the shell's own.
func echo(p *proc, args []string) int {
	args, end, escapes := args[1:], "\n", false
	if len(args) == 1 && strings.HasPrefix(args[0], "--") && len(args[0]) > 2 {
		return refuse(p, args[0])
	}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				end = ""
			default:
				escapes = c == 'e'
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		if strings.Contains(text, `\c`) {
			return refuse(p, `\c`)
		}
		text, _ = kernel.Printf("%b", []string{text})
	}
	p.Printf("%s%s", text, end)
	return 0
}

// printf is the program; scripts use the shell's own.
func printf(p *proc, args []string) int {
	args = args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return missing(p)
	}
	for _, unlike := range []string{"%q", `\c`, `\u`, `\U`} {
		if strings.Contains(args[0], unlike) {
			return refuse(p, unlike)
		}
	}
	s, err := kernel.Printf(args[0], args[1:])
	p.Printf("%s", s)
	if err != nil {
		p.Errorf("%v", err)
		return 1
	}
	if len(args) > 1 && !strings.Contains(args[0], "%") {
		p.Errorf("warning: ignoring excess arguments, starting with %s", q(args[1]))
	}
	return 0
}

// seq counts in whole numbers.
func seq(p *proc, args []string) int {
	o, sep, width := args[1:], "\n", false
	for len(o) > 0 && len(o[0]) > 1 && o[0][0] == '-' && (o[0][1] < '0' || o[0][1] > '9') {
		switch {
		case o[0] == "-w" || o[0] == "--equal-width":
			width = true
		case o[0] == "-s" && len(o) > 1:
			sep, o = o[1], o[1:]
		case strings.HasPrefix(o[0], "-s") && len(o[0]) > 2:
			sep = o[0][2:]
		case strings.HasPrefix(o[0], "--separator="):
			sep = strings.TrimPrefix(o[0], "--separator=")
		default:
			return refuse(p, o[0])
		}
		o = o[1:]
	}
	first, step, last := 1, 1, 0
	into := map[int][]*int{1: {&last}, 2: {&first, &last}, 3: {&first, &step, &last}}[len(o)]
	if into == nil {
		if len(o) > 3 {
			return extra(p, o[3])
		}
		return missing(p)
	}
	w := 0
	for i, s := range o {
		n, err := strconv.Atoi(s)
		if err != nil || strings.HasPrefix(s, "+") {
			return refuse(p, "the number "+q(s))
		}
		*into[i] = n
		if width && i != 1 || len(o) < 3 {
			w = max(w, len(strconv.Itoa(n)))
		}
	}
	if step == 0 {
		p.Errorf("invalid Zero increment value: ‘0’")
		return 1
	}
	if !width {
		w = 0
	}
	some := false
	for x := first; step > 0 && x <= last || step < 0 && x >= last; x += step {
		if some {
			if _, err := io.WriteString(p.Stdout, sep); err != nil {
				return 1
			}
		}
		some = true
		p.Printf("%0*d", w, x)
	}
	if some {
		p.Printf("\n")
	}
	return 0
}

func rev(p *proc, args []string) int {
	o, ok := parse(p, args, "", "")
	if !ok {
		return 1
	}
	b, st := readAll(p, o.args)
	for _, l := range lines(b) {
		r := []rune(l)
		slices.Reverse(r)
		p.Printf("%s\n", string(r))
	}
	return st
}

// tac prints the lines of each file in reverse. A last line without an end stays without
// one, so that the line after it follows on the same line.
func tac(p *proc, args []string) int {
	o, ok := parse(p, args, "", "")
	if !ok {
		return 1
	}
	return inputs(p, o.args, func(_ string, r io.Reader) error {
		b, err := io.ReadAll(r)
		list := strings.SplitAfter(string(b), "\n")
		slices.Reverse(list)
		put(p, []byte(strings.Join(list, "")), 0)
		return err
	})
}
