package coreutils

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// odSizes are the widths of a column, by format.
var odSizes = map[string]struct{ size, width int }{"x1": {1, 2}, "x2": {2, 4}, "x4": {4, 8}, "u1": {1, 3}, "u2": {2, 5}, "o1": {1, 3}, "o2": {2, 6}, "c": {1, 3}}

func od(p *proc, args []string) int {
	o, ok := parse(p, args, "A:t:N:vxcb", "address-radix= format= read-bytes= output-duplicates")
	if !ok {
		return 1
	}
	formats := append(o.all["t"], o.all["format"]...)
	for letter, format := range map[string]string{"x": "x2", "c": "c", "b": "o1"} {
		if o.has(letter) {
			formats = append(formats, format)
		}
	}
	if len(formats) == 0 {
		formats = []string{"o2"}
	}
	address := "%07o"
	if radix, has := o.get("A", "address-radix"); has {
		if address, ok = map[string]string{"n": "", "x": "%06x", "d": "%07d", "o": "%07o"}[radix]; !ok {
			return refuse(p, "the radix "+q(radix))
		}
	}
	if odSizes[formats[0]].size == 0 || len(formats) > 1 {
		return refuse(p, "the format "+strings.Join(formats, " "))
	}
	limit := int64(1 << 40)
	if n, has := o.get("N", "read-bytes"); has {
		var err error
		if limit, err = parseSize(n); err != nil || limit < 0 {
			return refuse(p, "-N "+n)
		}
	}
	var b []byte
	st := inputs(p, o.args, func(_ string, r io.Reader) error {
		x, err := io.ReadAll(io.LimitReader(r, limit-int64(len(b))))
		b = append(b, x...)
		return err
	})
	if st != 0 && len(b) == 0 {
		return st
	}
	odRows(p, b, formats[0], address, o.has("v", "output-duplicates"))
	return st
}

// odRows prints 16 bytes a row. Rows like the one before them are one line with a star.
func odRows(p *proc, b []byte, format, address string, all bool) {
	label := func(n int) {
		if address != "" {
			p.Printf(address, n)
		}
	}
	var out, before []byte
	starred := false
	for i := 0; i < len(b); i += 16 {
		row := b[i:min(len(b), i+16)]
		if !all && i+16 <= len(b) && bytes.Equal(row, before) {
			if !starred {
				p.Printf("*\n")
			}
			starred = true
			continue
		}
		before, starred = row, false
		label(i)
		out = odRow(out[:0], format, row)
		p.Printf("%s\n", out)
	}
	if address != "" {
		label(len(b))
		p.Printf("\n")
	}
}

func odRow(out []byte, format string, row []byte) []byte {
	kind := odSizes[format]
	for k := 0; k < len(row); k += kind.size {
		var v uint64
		for j := min(k+kind.size, len(row)) - 1; j >= k; j-- {
			v = v<<8 | uint64(row[j])
		}
		switch format[0] {
		case 'x':
			out = fmt.Appendf(out, " %0*x", kind.width, v)
		case 'u':
			out = fmt.Appendf(out, " %*d", kind.width, v)
		case 'c':
			out = fmt.Appendf(out, " %3s", odChar(row[k]))
		default:
			out = fmt.Appendf(out, " %0*o", kind.width, v)
		}
	}
	return out
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
	if len(o.args) > 1 {
		return extra(p, o.args[1])
	}
	w := 76
	if s, has := o.get("w", "wrap"); has {
		var err error
		if w, err = strconv.Atoi(s); err != nil || w < 0 {
			p.Errorf("invalid wrap size: %s", q(s))
			return 1
		}
	}
	b, st := readAll(p, o.args)
	if o.has("d", "decode") {
		out, good := unbase64(b, o.has("i", "ignore-garbage"))
		if st = put(p, out, st); !good {
			p.Errorf("invalid input")
			return 1
		}
		return st
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

// unbase64 decodes four characters at a time and stops at the first that are not valid;
// what these begin with counts.
func unbase64(b []byte, ignoreGarbage bool) (out []byte, good bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var text []byte
	for _, c := range b {
		if c != '\n' && (!ignoreGarbage || c == '=' || strings.IndexByte(alphabet, c) >= 0) {
			text = append(text, c)
		}
	}
	var three [3]byte
	for len(text) > 0 {
		four := text[:min(4, len(text))]
		n, err := base64.StdEncoding.Decode(three[:], four)
		if err == nil {
			out, text = append(out, three[:n]...), text[len(four):]
			continue
		}
		valid := 0
		for valid < len(four) && strings.IndexByte(alphabet, four[valid]) >= 0 {
			valid++
		}
		if valid > 1 {
			n, _ = base64.RawStdEncoding.Decode(three[:], four[:valid])
			out = append(out, three[:n]...)
		}
		return out, false
	}
	return out, true
}
