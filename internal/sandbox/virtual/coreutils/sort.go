package coreutils

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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
	return put(p, []byte(out), st)
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
