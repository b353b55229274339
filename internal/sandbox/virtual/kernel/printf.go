package kernel

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printf is printf(1): the format is used again until the arguments are used up.
func Printf(format string, args []string) (string, error) {
	var b strings.Builder
	var firstErr error
	for {
		rest, stop, err := printfOnce(&b, format, args)
		if err != nil && firstErr == nil {
			firstErr = err
		}
		if stop || len(rest) == 0 || len(rest) == len(args) {
			return b.String(), firstErr
		}
		args = rest
	}
}

func printfOnce(b *strings.Builder, format string, args []string) (rest []string, stop bool, err error) {
	next := func() string {
		if len(args) == 0 {
			return ""
		}
		s := args[0]
		args = args[1:]
		return s
	}
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '\\':
			s, n, halt := escape(format[i:], false)
			b.WriteString(s)
			i += n - 1
			if halt {
				return nil, true, err
			}
		case '%':
			j := i + 1
			spec := "%"
			for j < len(format) && strings.IndexByte("-+ #0123456789.*'", format[j]) >= 0 {
				if format[j] == '*' {
					spec += next()
				} else {
					spec += string(format[j])
				}
				j++
			}
			if j >= len(format) {
				return args, false, fmt.Errorf("%%: missing conversion")
			}
			i = j
			halt, cerr := convert(b, spec, format[j], next)
			if cerr != nil {
				err = cerr
			}
			if halt {
				return nil, true, err
			}
		default:
			b.WriteByte(c)
		}
	}
	return args, false, err
}

func convert(b *strings.Builder, spec string, verb byte, next func() string) (halt bool, err error) {
	switch verb {
	case '%':
		b.WriteByte('%')
	case 's':
		fmt.Fprint(b, padded(spec, next()))
	case 'b':
		s, stop := unescape(next(), true)
		b.WriteString(padded(spec, s))
		return stop, nil
	case 'q':
		b.WriteString(padded(spec, quoteBash(next())))
	case 'c':
		if s := next(); s != "" {
			b.WriteString(padded(spec, s[:1]))
		}
	case 'd', 'i', 'u', 'o', 'x', 'X':
		n, nerr := number(next())
		switch {
		case verb == 'i':
			verb = 'd'
		case verb == 'u' || n < 0 && verb != 'd': // of a negative number, its bits
			if verb == 'u' {
				verb = 'd'
			}
			fmt.Fprintf(b, strings.ReplaceAll(spec, "'", "")+string(verb), uint64(n))
			return false, nerr
		}
		fmt.Fprintf(b, strings.ReplaceAll(spec, "'", "")+string(verb), n)
		return false, nerr
	case 'f', 'F', 'e', 'E', 'g', 'G':
		s := strings.TrimSpace(next())
		f, ferr := strconv.ParseFloat(s, 64)
		if s == "" {
			ferr = nil
		}
		if verb == 'F' {
			verb = 'f'
		}
		fmt.Fprintf(b, spec+string(verb), f)
		if ferr != nil {
			return false, fmt.Errorf("%s: expected numeric value", s)
		}
	case '(':
		return true, fmt.Errorf("sandbox: printf '%%(…)T'" + NotHere)
	default:
		return true, fmt.Errorf("%s%c: invalid directive", spec, verb)
	}
	return false, nil
}

// padded applies width and precision in bytes, as printf does in the C locale.
func padded(spec, s string) string {
	body := strings.TrimLeft(spec[1:], "+ #0")
	left := strings.HasPrefix(body, "-")
	body = strings.TrimLeft(body, "-+ #0")
	width, prec, hasPrec := strings.Cut(body, ".")
	if hasPrec {
		if n, _ := strconv.Atoi(prec); n < len(s) {
			s = s[:n]
		}
	}
	if n, _ := strconv.Atoi(width); n > len(s) {
		if left {
			return s + strings.Repeat(" ", n-len(s))
		}
		return strings.Repeat(" ", n-len(s)) + s
	}
	return s
}

func number(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, nil
	}
	if s[0] == '\'' || s[0] == '"' {
		r, _ := utf8.DecodeRuneInString(s[1:])
		if len(s) == 1 {
			r = 0
		}
		return int64(r), nil
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		end := 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
			end++
		}
		n, _ = strconv.ParseInt(s[:end], 10, 64)
		return n, fmt.Errorf("%s: expected numeric value", s)
	}
	return n, nil
}

// unescape resolves backslash sequences; \c stops all output. zero: octal
// numbers begin with \0, as in echo and %b.
func unescape(s string, zero bool) (out string, stop bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		t, n, halt := escape(s[i:], zero)
		b.WriteString(t)
		if halt {
			return b.String(), true
		}
		i += n - 1
	}
	return b.String(), false
}

func escape(s string, zero bool) (out string, n int, stop bool) {
	if len(s) < 2 {
		return s, len(s), false
	}
	simple := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\\': "\\", 'e': "\x1b", '"': `"`, '\'': "'"}
	if t, ok := simple[s[1]]; ok {
		if zero && (s[1] == '"' || s[1] == '\'') {
			return s[:2], 2, false
		}
		return t, 2, false
	}
	digits := func(from, most, base int) (string, int, bool) {
		end := from
		for end < len(s) && end-from < most {
			if _, err := strconv.ParseUint(s[end:end+1], base, 8); err != nil {
				break
			}
			end++
		}
		if end == from {
			return "", from, false
		}
		v, _ := strconv.ParseUint(s[from:end], base, 32)
		return string([]byte{byte(v)}), end, true
	}
	switch c := s[1]; {
	case c == 'c' && zero: // in a format string \c is two ordinary characters
		return "", 2, true
	case c == 'x':
		if t, end, ok := digits(2, 2, 16); ok {
			return t, end, false
		}
	case c == '0' && zero:
		if t, end, ok := digits(2, 3, 8); ok {
			return t, end, false
		}
		return "\x00", 2, false
	case c >= '0' && c <= '7':
		t, end, _ := digits(1, 3, 8)
		return t, end, false
	}
	return s[:2], 2, false
}

// quoteBash quotes as printf %q of bash does.
func quoteBash(s string) string {
	if s == "" {
		return "''"
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return quoteControl(s)
	}
	var b strings.Builder
	for i, r := range s {
		if strings.ContainsRune(" !\"$&'()*,;<>?[\\]^`{|}", r) || i == 0 && (r == '~' || r == '#') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// quoteValue quotes as ${x@Q} does.
func quoteValue(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return quoteControl(s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func quoteControl(s string) string {
	named := map[rune]string{'\n': `\n`, '\t': `\t`, '\r': `\r`, '\a': `\a`, '\b': `\b`, '\f': `\f`, '\v': `\v`, 0x1b: `\E`, '\\': `\\`, '\'': `\'`}
	var b strings.Builder
	b.WriteString("$'")
	for _, r := range s {
		switch text, ok := named[r]; {
		case ok:
			b.WriteString(text)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\%03o`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + "'"
}
