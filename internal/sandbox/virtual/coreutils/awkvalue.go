package coreutils

import (
	"strconv"
	"strings"
)

// awkVal is a value of awk: a number, a string, or input that looks like a
// number and compares as one.
type awkVal struct {
	s    string
	n    float64
	kind byte // 0: never set; n, s, i
}

func awkNum(n float64) awkVal { return awkVal{n: n, kind: 'n'} }
func awkStr(s string) awkVal  { return awkVal{s: s, kind: 's'} }

// awkInput is text from outside: a number if it looks like one.
func awkInput(s string) awkVal {
	t := strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(t, 64); err == nil && leadNum().FindString(t) == t || err == nil && strings.ContainsAny(t, "eE") && !strings.ContainsAny(t, "xXpPnN") {
		return awkVal{s: s, n: n, kind: 'i'}
	}
	return awkStr(s)
}

func awkBool(b bool) awkVal {
	if b {
		return awkNum(1)
	}
	return awkNum(0)
}

func (v awkVal) String() string {
	if v.kind != 'n' {
		return v.s
	}
	if v.n == float64(int64(v.n)) && v.n < 1e16 && v.n > -1e16 {
		return strconv.FormatInt(int64(v.n), 10)
	}
	return awkFormat("%.6g", []awkVal{v})
}

// num is the number that the value begins with.
func (v awkVal) num() float64 {
	if v.kind != 's' {
		return v.n
	}
	t := strings.TrimLeft(v.s, " \t\n")
	end := len(leadFloat().FindString(t))
	n, _ := strconv.ParseFloat(t[:end], 64)
	return n
}

func (v awkVal) truth() bool {
	if v.kind == 's' {
		return v.s != ""
	}
	return v.n != 0
}

// compareAwk compares as numbers only if neither side is a string.
func compareAwk(a, b awkVal) int {
	if a.kind == 's' || b.kind == 's' {
		return strings.Compare(a.String(), b.String())
	}
	switch {
	case a.n < b.n:
		return -1
	case a.n > b.n:
		return 1
	}
	return 0
}

// awkEscapes reads the escapes of a string constant; one that is not known
// stays as it is, for the expression that the string may become.
func awkEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if k := strings.IndexByte(`ntrafvb\"/`, s[i]); k >= 0 {
			b.WriteByte("\n\t\r\a\f\v\b\\\"/"[k])
			continue
		}
		end := i
		for end < len(s) && end < i+3 && s[end] >= '0' && s[end] <= '7' {
			end++
		}
		if end > i {
			n, _ := strconv.ParseUint(s[i:end], 8, 16)
			b.WriteByte(byte(n))
			i = end - 1
			continue
		}
		b.WriteString(s[i-1 : i+1])
	}
	return b.String()
}

// awkFormat is sprintf.
func awkFormat(f string, args []awkVal) string {
	var b strings.Builder
	next := func() awkVal {
		if len(args) == 0 {
			return awkVal{}
		}
		v := args[0]
		args = args[1:]
		return v
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 == len(f) {
			b.WriteByte(f[i])
			continue
		}
		spec := "%"
		for i++; i < len(f) && strings.IndexByte("-+ #0123456789.*", f[i]) >= 0; i++ {
			if f[i] == '*' {
				spec += strconv.Itoa(int(next().num()))
			} else {
				spec += f[i : i+1]
			}
		}
		if i == len(f) {
			b.WriteString(spec)
			break
		}
		b.WriteString(awkConvert(spec, f[i], next))
	}
	return b.String()
}
