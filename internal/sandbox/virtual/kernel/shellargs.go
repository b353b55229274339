package kernel

import (
	"errors"
	"fmt"
)

type shellArgs struct {
	flags   []string
	name    string
	command *string
	script  string
	args    []string
}

func parseShellArgs(argv []string) (shellArgs, error) {
	o := shellArgs{name: argv[0]}
	rest := argv[1:]
	wantC, stdin := false, false
	for len(rest) > 0 && len(rest[0]) > 1 && (rest[0][0] == '-' || rest[0][0] == '+') {
		a := rest[0]
		rest = rest[1:]
		if a == "--" {
			break
		}
		if a == "--norc" || a == "--noprofile" || a == "--login" || a == "--posix" {
			continue
		}
		sign := a[:1]
		for _, c := range a[1:] {
			switch c {
			case 'c':
				wantC = true
			case 's':
				stdin = true
			case 'l', 'i', 'm', 'p', 'h', 'B', 'b':
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
	return o, nil
}
