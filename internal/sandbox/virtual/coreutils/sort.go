package coreutils

import (
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// sortKey is a range of fields with the way in which they are compared.
type sortKey struct {
	from, to int // 1 is the first; to 0: the end of the line
	flags    string
}

// sortOrder compares two lines.
type sortOrder struct {
	keys            []sortKey
	flags           string // of the lines, and of keys without flags
	reverse, stable bool
	sep             string
	hasSep          bool
}

func sortCmd(p *proc, args []string) int {
	o, ok := parse(p, args, "rnufk:t:o:zVsc", "reverse numeric-sort unique key= field-separator= output= version-sort stable ignore-case zero-terminated")
	if !ok {
		return 2
	}
	order, what := sortOrderOf(o)
	if what != "" {
		refuse(p, what)
		return 2
	}
	if o.has("c") && len(o.args) > 1 {
		return extra(p, o.args[1]) + 1
	}
	b, st := readAll(p, o.args)
	if st != 0 {
		return 2
	}
	end := "\n"
	if o.has("z", "zero-terminated") {
		end = "\x00"
	}
	var ls []string
	if len(b) > 0 {
		ls = strings.Split(strings.TrimSuffix(string(b), end), end)
	}
	unique := o.has("u", "unique")
	if o.has("c") {
		for i := 1; i < len(ls); i++ {
			if r := order.compare(ls[i-1], ls[i]); r > 0 || unique && r == 0 {
				name := "-"
				if len(o.args) > 0 {
					name = o.args[0]
				}
				p.Errorf("%s:%d: disorder: %s", name, i+1, ls[i])
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(ls, order.compare)
	if unique {
		ls = slices.CompactFunc(ls, func(a, c string) bool { return order.compare(a, c) == 0 })
	}
	out := strings.Join(ls, end)
	if len(ls) > 0 {
		out += end
	}
	if f, has := o.get("o", "output"); has {
		if err := p.View().WriteFile(f, []byte(out), 0o666); err != nil {
			return fail(p, f, err) + 1
		}
		return 0
	}
	return put(p, []byte(out), 0)
}

// sortOrderOf reads the options. The second result names an option that this sort lacks.
func sortOrderOf(o *options) (s sortOrder, lacks string) {
	s = sortOrder{reverse: o.has("r", "reverse"), stable: o.has("u", "unique", "s", "stable")}
	for long, short := range map[string]string{"numeric-sort": "n", "version-sort": "V", "ignore-case": "f"} {
		if o.has(long, short) {
			s.flags += short
		}
	}
	if len(s.flags) > 1 {
		return s, "more than one order"
	}
	if s.sep, s.hasSep = o.get("t", "field-separator"); s.hasSep && len(s.sep) != 1 {
		return s, "the separator " + q(s.sep)
	}
	for _, text := range append(o.all["k"], o.all["key"]...) {
		m := sortKeyText().FindStringSubmatch(text)
		if m == nil || m[1] == "0" || m[3] == "0" {
			return s, "the key " + q(text)
		}
		k := sortKey{flags: m[2] + m[4]}
		k.from, _ = strconv.Atoi(m[1])
		k.to, _ = strconv.Atoi(m[3])
		if k.flags != "" && (s.flags != "" || s.reverse) && strings.Trim(k.flags, "r") == "" {
			return s, "the key " + q(text) + " beside an order of all keys"
		}
		s.keys = append(s.keys, k)
	}
	return s, ""
}

var sortKeyText = lazy.Regexp(`^([0-9]+)([nrfV]*)(?:,([0-9]+)([nrfV]*))?$`)

func (s sortOrder) compare(a, b string) int {
	for _, k := range s.keys {
		flags, reverse := k.flags, strings.Contains(k.flags, "r")
		if flags == "" {
			flags, reverse = s.flags, s.reverse
		}
		if r := compareBy(s.field(a, k), s.field(b, k), flags); r != 0 {
			if reverse {
				return -r
			}
			return r
		}
	}
	r := 0
	if len(s.keys) == 0 {
		r = compareBy(a, b, s.flags)
	}
	if r == 0 && !s.stable {
		r = strings.Compare(a, b)
	}
	if s.reverse {
		return -r
	}
	return r
}

// field returns the text of a key. Without a separator the blanks before a field belong
// to it.
func (s sortOrder) field(l string, k sortKey) string {
	begin := s.skip(l, k.from-1)
	end := len(l)
	if k.to > 0 {
		end = s.skip(l, k.to)
		if s.hasSep && end < len(l) || s.hasSep && end > 0 && l[end-1:end] == s.sep {
			end--
		}
	}
	return l[begin:max(begin, end)]
}

// skip returns the place behind the first n fields.
func (s sortOrder) skip(l string, n int) int {
	i := 0
	for ; n > 0 && i < len(l); n-- {
		if s.hasSep {
			next := strings.IndexByte(l[i:], s.sep[0])
			if next < 0 {
				return len(l)
			}
			i += next + 1
			continue
		}
		for i < len(l) && (l[i] == ' ' || l[i] == '\t') {
			i++
		}
		for i < len(l) && l[i] != ' ' && l[i] != '\t' {
			i++
		}
	}
	return i
}

var leadNum = lazy.Regexp(`^[ \t]*-?[0-9]*\.?[0-9]*`)

func compareBy(a, b, flags string) int {
	switch {
	case strings.Contains(flags, "n"):
		x, _ := strconv.ParseFloat(strings.TrimSpace(leadNum().FindString(a)), 64)
		y, _ := strconv.ParseFloat(strings.TrimSpace(leadNum().FindString(b)), 64)
		if x < y {
			return -1
		} else if x > y {
			return 1
		}
		return 0
	case strings.Contains(flags, "V"):
		return compareVersion(a, b)
	case strings.Contains(flags, "f"):
		return strings.Compare(strings.ToUpper(a), strings.ToUpper(b))
	}
	return strings.Compare(a, b)
}

// compareVersion compares as dpkg does: parts without digits by their characters, where
// ~ is before the end of the text and letters are before others, and digits as numbers.
func compareVersion(a, b string) int {
	weight := func(s string) int {
		switch {
		case s == "" || s[0] >= '0' && s[0] <= '9':
			return 0
		case s[0] == '~':
			return -1
		case s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z':
			return int(s[0])
		}
		return int(s[0]) + 256
	}
	digits := func(s string) (number, rest string) {
		rest = strings.TrimLeft(s, "0123456789")
		return strings.TrimLeft(s[:len(s)-len(rest)], "0"), rest
	}
	for a != "" || b != "" {
		for a != "" && (a[0] < '0' || a[0] > '9') || b != "" && (b[0] < '0' || b[0] > '9') {
			if x, y := weight(a), weight(b); x != y {
				return x - y
			}
			a, b = a[1:], b[1:]
		}
		var x, y string
		x, a = digits(a)
		y, b = digits(b)
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if r := strings.Compare(x, y); r != 0 {
			return r
		}
	}
	return 0
}

func uniq(p *proc, args []string) int {
	o, ok := parse(p, args, "cdu", "count repeated unique")
	if !ok {
		return 1
	}
	if len(o.args) > 1 {
		return refuse(p, "an output operand, "+o.args[1]+",")
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
