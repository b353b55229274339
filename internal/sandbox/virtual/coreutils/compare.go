package coreutils

import (
	"bytes"
	"io"
	"strconv"

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
	o, ok := parse(p, args, "s", "silent quiet")
	if !ok {
		return 2
	}
	if len(o.args) != 2 {
		refuse(p, strconv.Itoa(len(o.args))+" operands")
		return 2
	}
	quiet := o.has("s", "silent", "quiet")
	if quiet {
		p.Stderr = io.Discard
	}
	a, b, ok := twoFiles(p, o.args)
	if !ok {
		return 2
	}
	if bytes.Equal(a, b) {
		return 0
	}
	i, line := 0, 1
	for i < len(a) && i < len(b) && a[i] == b[i] {
		if a[i] == '\n' {
			line++
		}
		i++
	}
	switch {
	case quiet:
	case i < len(a) && i < len(b):
		unit := "byte"
		if locale := p.Getenv("LC_ALL"); locale == "C" || locale == "POSIX" {
			unit = "char"
		}
		p.Printf("%s %s differ: %s %d, line %d\n", o.args[0], o.args[1], unit, i+1, line)
	default:
		short := o.args[0]
		if i == len(b) {
			short = o.args[1]
		}
		if i == 0 {
			p.Errorf("EOF on %s which is empty", short)
		} else {
			p.Errorf("EOF on %s after byte %d, line %d", short, i, line)
		}
	}
	return 1
}
