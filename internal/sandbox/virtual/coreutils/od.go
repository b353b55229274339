package coreutils

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func od(p *proc, args []string) int {
	o, ok := parse(p, args, "A:t:N:vxcbj:w:n:Cd", "address-radix= format= read-bytes= output-duplicates width?")
	if !ok {
		return 1
	}
	b, st := []byte(nil), 0
	limit := int64(1 << 40)
	if n, has := o.get("N", "read-bytes", "n"); has {
		limit, _ = parseSize(n)
	}
	st = inputs(p, o.args, func(_ string, r io.Reader) error {
		x, err := io.ReadAll(io.LimitReader(r, limit-int64(len(b))))
		b = append(b, x...)
		return err
	})
	format, has := o.get("t", "format")
	if !has {
		format = "o2"
		if o.has("c") {
			format = "c"
		} else if o.has("x") {
			format = "x2"
		}
	}
	radix, _ := o.get("A", "address-radix")
	addr := func(n int) {
		switch radix {
		case "n":
		case "x":
			p.Printf("%06x", n)
		case "d":
			p.Printf("%07d", n)
		default:
			p.Printf("%07o", n)
		}
	}
	for i := 0; i < len(b); i += 16 {
		addr(i)
		odRow(p, format, b[i:min(len(b), i+16)])
		p.Printf("\n")
	}
	if radix != "n" {
		addr(len(b))
		p.Printf("\n")
	}
	return st
}

func odRow(p *proc, format string, row []byte) {
	size := 1
	if len(format) > 1 {
		if n, err := strconv.Atoi(strings.TrimRight(format[1:], "z")); err == nil {
			size = n
		}
	}
	for k := 0; k < len(row); k += size {
		var v uint64
		for j := min(k+size, len(row)) - 1; j >= k; j-- {
			v = v<<8 | uint64(row[j])
		}
		switch format[0] {
		case 'x':
			p.Printf(" %0*x", size*2, v)
		case 'u', 'd':
			p.Printf(" %*d", map[int]int{1: 3, 2: 5, 4: 10, 8: 20}[size], v)
		case 'c', 'a':
			p.Printf(" %3s", odChar(row[k]))
		default:
			p.Printf(" %0*o", map[int]int{1: 3, 2: 6, 4: 11}[size], v)
		}
	}
}

func odChar(c byte) string {
	if k := strings.IndexByte("\x00\a\b\t\n\v\f\r", c); k >= 0 {
		return []string{`\0`, `\a`, `\b`, `\t`, `\n`, `\v`, `\f`, `\r`}[k]
	}
	if c < 32 || c > 126 {
		return fmt.Sprintf("%03o", c)
	}
	return string(c)
}

func b64(p *proc, args []string) int {
	o, ok := parse(p, args, "dw:i", "decode wrap= ignore-garbage")
	if !ok {
		return 1
	}
	b, st := readAll(p, o.args)
	if o.has("d", "decode") {
		clean := strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == ' ' {
				return -1
			}
			return r
		}, string(b))
		out, err := base64.StdEncoding.DecodeString(clean)
		st = put(p, out, st)
		if err != nil {
			p.Errorf("invalid input")
			return 1
		}
		return st
	}
	w := 76
	if s, has := o.get("w", "wrap"); has {
		w, _ = strconv.Atoi(s)
	}
	e := base64.StdEncoding.AppendEncode(nil, b)
	var text []byte
	for w > 0 && len(e) > w {
		text, e = append(append(text, e[:w]...), '\n'), e[w:]
	}
	text = append(text, e...)
	if len(e) > 0 && w > 0 {
		text = append(text, '\n')
	}
	return put(p, text, st)
}
