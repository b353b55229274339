package kernel

import (
	"errors"
	"fmt"
	"strings"
)

type shellArgs struct {
	flags   []string
	name    string
	command *string
	script  string
	args    []string

	login, norc bool
	interactive bool
	stdin       bool // commands come from there
}

func parseShellArgs(argv []string) (shellArgs, error) {
	o := shellArgs{name: argv[0], login: strings.HasPrefix(argv[0], "-")}
	rest := argv[1:]
	wantC, stdin := false, false
	for len(rest) > 0 && len(rest[0]) > 1 && (rest[0][0] == '-' || rest[0][0] == '+') {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			break
		}
		if a == "--norc" || a == "--noprofile" || a == "--login" || a == "--posix" || a == "--noediting" {
			o.login = o.login || a == "--login"
			o.norc = o.norc || a == "--norc"
			continue
		}
		sign := a[:1]
		for _, c := range a[1:] {
			switch c {
			case 'c':
				wantC = true
			case 's':
				stdin = true
			case 'i':
				o.interactive = true
			case 'l':
				o.login = true
			case 'm', 'p', 'h', 'B', 'b', 'H':
			case 'o':
				if len(rest) == 0 {
					return o, errors.New("-o requires an argument")
				}
				o.flags = append(o.flags, sign+"o", rest[0])
				rest = rest[1:]
			case 'e', 'u', 'x', 'f', 'n', 'a', 'v':
				if c != 'v' {
					o.flags = append(o.flags, sign+string(c))
				}
			default:
				return o, fmt.Errorf("Illegal option %s%c", sign, c) //nolint:staticcheck // dash's words
			}
		}
	}
	switch {
	case wantC:
		if len(rest) == 0 {
			return o, errors.New("-c requires an argument")
		}
		o.command = &rest[0]
		if rest = rest[1:]; len(rest) > 0 {
			o.name, rest = rest[0], rest[1:]
		}
	case !stdin && len(rest) > 0:
		o.script, o.name = rest[0], rest[0]
		rest = rest[1:]
	}
	o.args = rest
	o.stdin = o.command == nil && o.script == ""
	return o, nil
}

// dashed is $-.
func (o *shellArgs) dashed(kind string) string {
	s := ""
	for _, f := range o.flags {
		if len(f) == 2 && f[0] == '-' && f != "-o" {
			s += f[1:]
		}
	}
	switch {
	case kind == "bash" && o.interactive:
		s = "himBH" + s
	case kind == "bash":
		s = "hB" + s
	case o.interactive:
		s = "im" + s
	}
	switch {
	case o.command != nil && kind == "bash":
		s += "c"
	case o.stdin:
		s += "s"
	}
	return s
}
