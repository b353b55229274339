package coreutils

import (
	"strconv"
	"strings"
)

// trSet expands a set of tr into bytes. The second result names a part that it cannot expand.
func trSet(s string) (out []byte, bad string) {
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
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "[=") || strings.HasPrefix(s[i:], "[") && strings.Contains(s[i:], "*") && strings.Contains(s[i:], "]") {
			return nil, "the set " + s
		}
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
				return nil, "the class " + s[i:i+end+2]
			}
		}
		c, n := trChar(s[i:])
		i += n - 1
		if i+2 < len(s) && s[i+1] == '-' {
			e, m := trChar(s[i+2:])
			if e < c {
				return nil, "the range " + s[i:i+3]
			}
			for x := int(c); x <= int(e); x++ {
				out = append(out, byte(x))
			}
			i += 1 + m
			continue
		}
		out = append(out, c)
	}
	return out, ""
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
	o, ok := parse(p, args, "dscC", "delete squeeze-repeats complement")
	if !ok {
		return 1
	}
	del, sq := o.has("d", "delete"), o.has("s", "squeeze-repeats")
	least, most := 2, 2
	switch {
	case del && !sq:
		least, most = 1, 1
	case sq && !del:
		least = 1
	}
	if len(o.args) < least {
		return missing(p)
	}
	if len(o.args) > most {
		return extra(p, o.args[most])
	}
	var sets [2][]byte
	for i, s := range o.args {
		var bad string
		if sets[i], bad = trSet(s); bad != "" {
			return refuse(p, bad)
		}
	}
	one, two := sets[0], sets[1]
	if len(o.args) > 1 && !del && (len(two) == 0 || strings.Contains(o.args[1], "[:") && o.args[0]+o.args[1] != "[:lower:][:upper:]" && o.args[0]+o.args[1] != "[:upper:][:lower:]") {
		return refuse(p, "the second set "+q(o.args[1]))
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
