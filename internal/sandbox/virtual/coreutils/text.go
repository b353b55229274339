package coreutils

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func textCommands() map[string]kernel.Command {
	return map[string]kernel.Command{
		"echo": echo, "printf": printf, "head": head, "tail": tail, "wc": wc, "sort": sortCmd, "uniq": uniq, "cut": cut, "tr": tr, "sed": sed,
		"grep": grep, "egrep": grep, "fgrep": grep, "seq": seq, "od": od, "hexdump": od, "base64": b64, "rev": rev, "tac": tac, "nl": nl, "cmp": cmp, "diff": diff,
		"comm": comm, "paste": paste, "expr": expr, "awk": awk, "fold": catLike, "expand": catLike, "strings": catLike, "column": catLike, "more": catLike, "less": catLike,
	}
}

func catLike(p *proc, args []string) int {
	_, err := io.Copy(p.Stdout, p.Stdin)
	if err != nil {
		return 1
	}
	return 0
}

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

// oldCount turns -5 into -n 5.
func oldCount(args []string) []string {
	out := append([]string{}, args...)
	for i, a := range out {
		if i > 0 && len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			out[i] = "-n" + a[1:]
		}
	}
	return out
}

func head(p *proc, args []string) int {
	o, ok := parse(p, oldCount(args), "n:c:qv", "lines= bytes= quiet")
	if !ok {
		return 1
	}
	if s, has := o.get("c", "bytes"); has {
		n, err := parseSize(s)
		if err != nil {
			p.Errorf("invalid number of bytes: ‘%s’", s)
			return 1
		}
		return inputs(p, o.args, func(_ string, r io.Reader) error {
			if n < 0 {
				b, err := io.ReadAll(r)
				p.Stdout.Write(b[:max(0, len(b)+int(n))])
				return err
			}
			_, err := io.Copy(p.Stdout, io.LimitReader(r, n))
			return err
		})
	}
	n := 10
	if s, has := o.get("n", "lines"); has {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			p.Errorf("invalid number of lines: ‘%s’", s)
			return 1
		}
	}
	return inputs(p, o.args, func(name string, r io.Reader) error {
		if len(o.args) > 1 && !o.has("q", "quiet") {
			p.Printf("==> %s <==\n", name)
		}
		if n < 0 {
			b, err := io.ReadAll(r)
			l := bytes.SplitAfter(b, []byte("\n"))
			if len(l[len(l)-1]) == 0 {
				l = l[:len(l)-1]
			}
			p.Stdout.Write(bytes.Join(l[:max(0, len(l)+n)], nil))
			return err
		}
		br := bufio.NewReader(r)
		for range n {
			l, err := br.ReadBytes('\n')
			if _, werr := p.Stdout.Write(l); werr != nil {
				return nil
			}
			if err != nil {
				break
			}
		}
		return nil
	})
}

func tail(p *proc, args []string) int {
	o, ok := parse(p, oldCount(args), "n:c:fqFs:", "lines= bytes= follow? quiet pid= retry")
	if !ok {
		return 1
	}
	s, isBytes := o.get("c", "bytes")
	if !isBytes {
		if s, ok = o.get("n", "lines"); !ok {
			s = "10"
		}
	}
	from := strings.HasPrefix(s, "+")
	n64, err := parseSize(strings.TrimLeft(s, "+-"))
	if err != nil {
		p.Errorf("invalid number: ‘%s’", s)
		return 1
	}
	n := int(n64)
	st := inputs(p, o.args, func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if len(o.args) > 1 && !o.has("q", "quiet") {
			p.Printf("==> %s <==\n", name)
		}
		if isBytes {
			if from {
				b = b[min(len(b), max(0, n-1)):]
			} else {
				b = b[max(0, len(b)-n):]
			}
			_, err = p.Stdout.Write(b)
			return err
		}
		l := bytes.SplitAfter(b, []byte("\n"))
		if len(l[len(l)-1]) == 0 {
			l = l[:len(l)-1]
		}
		if from {
			l = l[min(len(l), max(0, n-1)):]
		} else {
			l = l[max(0, len(l)-n):]
		}
		_, err = p.Stdout.Write(bytes.Join(l, nil))
		return err
	})
	if o.has("f", "F", "follow") && len(o.args) == 1 {
		return follow(p, o.args[0])
	}
	return st
}

func follow(p *proc, name string) int {
	var at int64
	if i, err := p.View().Stat(name); err == nil {
		at = i.Size()
	}
	for p.Sleep(50 * time.Millisecond) {
		f, err := p.View().Open(name, os.O_RDONLY, 0)
		if err != nil {
			continue
		}
		f.Seek(at, io.SeekStart)
		n, err := io.Copy(p.Stdout, f)
		f.Close()
		if at += n; err != nil {
			return 1
		}
	}
	return 1
}

func wc(p *proc, args []string) int {
	o, ok := parse(p, args, "lwcmL", "lines words bytes chars")
	if !ok {
		return 1
	}
	l, w, c := o.has("l", "lines"), o.has("w", "words"), o.has("c", "m", "bytes", "chars")
	if !l && !w && !c {
		l, w, c = true, true, true
	}
	one := l != w != c && !(l && w && c)
	row := func(name string, nl, nw, nc int) {
		var f []string
		for _, x := range []struct {
			on bool
			n  int
		}{{l, nl}, {w, nw}, {c, nc}} {
			if x.on {
				if one && len(o.args) < 2 {
					f = append(f, strconv.Itoa(x.n))
				} else {
					f = append(f, fmt.Sprintf("%7d", x.n))
				}
			}
		}
		if name != "-" {
			f = append(f, name)
		}
		p.Printf("%s\n", strings.Join(f, " "))
	}
	var tl, tw, tc int
	st := inputs(p, o.args, func(name string, r io.Reader) error {
		b, err := io.ReadAll(r)
		nl, nw := bytes.Count(b, []byte("\n")), len(bytes.Fields(b))
		tl, tw, tc = tl+nl, tw+nw, tc+len(b)
		row(name, nl, nw, len(b))
		return err
	})
	if len(o.args) > 1 {
		row("total", tl, tw, tc)
	}
	return st
}

type sortKey struct {
	from, to int
	flags    string
}

func sortCmd(p *proc, args []string) int {
	o, ok := parse(p, args, "rnufbk:t:o:zVhsdcCM", "reverse numeric-sort unique key= field-separator= output= version-sort stable ignore-case")
	if !ok {
		return 2
	}
	b, st := readAll(p, o.args)
	ls := lines(b)
	if o.has("z") {
		ls = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	sep, hasSep := o.get("t", "field-separator")
	var keys []sortKey
	for _, k := range append(o.all["k"], o.all["key"]...) {
		keys = append(keys, parseKey(k))
	}
	glob := ""
	for _, f := range []string{"n", "V", "f", "h"} {
		if o.has(f) {
			glob += f
		}
	}
	if o.has("numeric-sort") {
		glob += "n"
	}
	order := func(a, c string) int {
		for _, k := range keys {
			x, y := keyOf(a, k, sep, hasSep), keyOf(c, k, sep, hasSep)
			fl := strings.ReplaceAll(k.flags, "b", "")
			if fl == "" {
				fl = glob
			}
			if r := compareBy(x, y, fl); r != 0 {
				if strings.Contains(k.flags, "r") || k.flags == "" && o.has("r", "reverse") {
					return -r
				}
				return r
			}
		}
		r := 0
		if len(keys) == 0 {
			r = compareBy(a, c, glob)
		}
		if r == 0 && !o.has("u", "unique", "s", "stable") {
			r = strings.Compare(a, c)
		}
		if o.has("r", "reverse") {
			return -r
		}
		return r
	}
	if o.has("c", "C") {
		if slices.IsSortedFunc(ls, order) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(ls, order)
	if o.has("u", "unique") {
		ls = slices.CompactFunc(ls, func(a, c string) bool { return order(a, c) == 0 })
	}
	out := strings.Join(ls, "\n")
	if len(ls) > 0 {
		out += "\n"
	}
	if f, has := o.get("o", "output"); has {
		if err := p.View().WriteFile(f, []byte(out), 0o666); err != nil {
			return fail(p, f, err)
		}
		return st
	}
	io.WriteString(p.Stdout, out)
	return st
}

func parseKey(s string) sortKey {
	num := func(x string) (int, string) {
		i := 0
		for i < len(x) && (x[i] >= '0' && x[i] <= '9' || x[i] == '.') {
			i++
		}
		n, _, _ := strings.Cut(x[:i], ".")
		v, _ := strconv.Atoi(n)
		return v, x[i:]
	}
	a, b, _ := strings.Cut(s, ",")
	k := sortKey{}
	var f1, f2 string
	k.from, f1 = num(a)
	k.to, f2 = num(b)
	k.flags = f1 + f2
	return k
}

func keyOf(l string, k sortKey, sep string, hasSep bool) string {
	var f []string
	if hasSep {
		f = strings.Split(l, sep)
	} else {
		f = strings.Fields(l)
	}
	from, to := max(1, k.from)-1, k.to
	if to == 0 || to > len(f) {
		to = len(f)
	}
	if from >= len(f) || from >= to {
		return ""
	}
	if hasSep {
		return strings.Join(f[from:to], sep)
	}
	return strings.Join(f[from:to], " ")
}

var leadNum = regexp.MustCompile(`^\s*-?[0-9]*\.?[0-9]*`)

func compareBy(a, b, flags string) int {
	switch {
	case strings.Contains(flags, "n") || strings.Contains(flags, "h"):
		x, _ := strconv.ParseFloat(strings.TrimSpace(leadNum.FindString(a)), 64)
		y, _ := strconv.ParseFloat(strings.TrimSpace(leadNum.FindString(b)), 64)
		if x < y {
			return -1
		} else if x > y {
			return 1
		}
		return 0
	case strings.Contains(flags, "V"):
		return compareVersion(a, b)
	case strings.Contains(flags, "f"):
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	}
	return strings.Compare(a, b)
}

var verPart = regexp.MustCompile(`[0-9]+|[^0-9]+`)

func compareVersion(a, b string) int {
	x, y := verPart.FindAllString(a, -1), verPart.FindAllString(b, -1)
	for i := 0; i < len(x) && i < len(y); i++ {
		m, e1 := strconv.Atoi(x[i])
		n, e2 := strconv.Atoi(y[i])
		if e1 == nil && e2 == nil {
			if m != n {
				return m - n
			}
		} else if c := strings.Compare(x[i], y[i]); c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

func uniq(p *proc, args []string) int {
	o, ok := parse(p, args, "cdui", "count repeated unique ignore-case")
	if !ok {
		return 1
	}
	b, st := readAll(p, o.args)
	ls := lines(b)
	for i := 0; i < len(ls); {
		j := i
		for j < len(ls) && ls[j] == ls[i] {
			j++
		}
		n := j - i
		if !(o.has("d", "repeated") && n < 2 || o.has("u", "unique") && n > 1) {
			if o.has("c", "count") {
				p.Printf("%7d ", n)
			}
			p.Printf("%s\n", ls[i])
		}
		i = j
	}
	return st
}

// ranges reads cut's list: 1,3-5,7-
func ranges(s string) (func(n int) bool, bool) {
	type r struct{ a, b int }
	var rs []r
	for _, part := range strings.Split(s, ",") {
		a, b, has := strings.Cut(part, "-")
		x, e1 := strconv.Atoi(a)
		y, e2 := strconv.Atoi(b)
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
	o, ok := parse(p, args, "d:f:c:b:sz", "delimiter= fields= characters= bytes= only-delimited output-delimiter= complement")
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

// trSet expands a set of tr into bytes.
func trSet(s string) []byte {
	classes := map[string]func(byte) bool{
		"upper": func(c byte) bool { return c >= 'A' && c <= 'Z' }, "lower": func(c byte) bool { return c >= 'a' && c <= 'z' },
		"digit": func(c byte) bool { return c >= '0' && c <= '9' }, "space": func(c byte) bool { return strings.IndexByte(" \t\n\r\v\f", c) >= 0 },
		"blank": func(c byte) bool { return c == ' ' || c == '\t' }, "punct": func(c byte) bool {
			return c > 32 && c < 127 && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
		},
		"alpha": func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' },
		"alnum": func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' },
		"cntrl": func(c byte) bool { return c < 32 || c == 127 }, "print": func(c byte) bool { return c >= 32 && c < 127 }, "graph": func(c byte) bool { return c > 32 && c < 127 },
		"xdigit": func(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 },
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "[:") {
			if end := strings.Index(s[i:], ":]"); end > 0 {
				if f := classes[s[i+2:i+end]]; f != nil {
					for c := 0; c < 256; c++ {
						if f(byte(c)) {
							out = append(out, byte(c))
						}
					}
					i += end + 1
					continue
				}
			}
		}
		c, n := trChar(s[i:])
		i += n - 1
		if i+2 < len(s) && s[i+1] == '-' {
			e, m := trChar(s[i+2:])
			for x := int(c); x <= int(e); x++ {
				out = append(out, byte(x))
			}
			i += 1 + m
			continue
		}
		out = append(out, c)
	}
	return out
}

func trChar(s string) (byte, int) {
	if s[0] != '\\' || len(s) < 2 {
		return s[0], 1
	}
	if k := strings.IndexByte(`ntrabfv\`, s[1]); k >= 0 {
		return "\n\t\r\a\b\f\v\\"[k], 2
	}
	end := 1
	for end < len(s) && end < 4 && s[end] >= '0' && s[end] <= '7' {
		end++
	}
	if end > 1 {
		n, _ := strconv.ParseUint(s[1:end], 8, 8)
		return byte(n), end
	}
	return s[1], 2
}

func tr(p *proc, args []string) int {
	o, ok := parse(p, args, "dscCt", "delete squeeze-repeats complement truncate-set1")
	if !ok || len(o.args) == 0 {
		return missing(p)
	}
	one := trSet(o.args[0])
	var two []byte
	if len(o.args) > 1 {
		two = trSet(o.args[1])
	}
	var in [256]bool
	for _, c := range one {
		in[c] = true
	}
	if o.has("c", "C", "complement") {
		one = nil
		for i := range in {
			if in[i] = !in[i]; in[i] {
				one = append(one, byte(i))
			}
		}
	}
	del, sq := o.has("d", "delete"), o.has("s", "squeeze-repeats")
	var to [256]byte
	for i := range to {
		to[i] = byte(i)
	}
	if !del && len(two) > 0 {
		for i, c := range one {
			to[c] = two[min(i, len(two)-1)]
		}
	}
	var squeeze [256]bool
	for _, c := range two {
		squeeze[c] = true
	}
	if len(two) == 0 {
		squeeze = in
	}
	buf, last := make([]byte, 32<<10), -1
	for {
		n, err := p.Stdin.Read(buf)
		out := buf[:0:0]
		for _, c := range buf[:n] {
			if del && in[c] {
				continue
			}
			if !del {
				c = to[c]
			}
			if sq && squeeze[c] && int(c) == last {
				continue
			}
			last = int(c)
			out = append(out, c)
		}
		if _, werr := p.Stdout.Write(out); werr != nil {
			return 1
		}
		if err != nil {
			return 0
		}
	}
}

func seq(p *proc, args []string) int {
	o := args[1:]
	sep, width := "\n", false
	for len(o) > 0 && (o[0] == "-w" || o[0] == "-s") {
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
		p.Stdout.Write(out)
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
	e := base64.StdEncoding.EncodeToString(b)
	for w > 0 && len(e) > w {
		p.Printf("%s\n", e[:w])
		e = e[w:]
	}
	if e != "" {
		p.Printf("%s", e)
		if w > 0 {
			p.Printf("\n")
		}
	}
	return st
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
