package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

func (sh *shell) cd(hc interp.HandlerContext, args []string) ([]string, error) {
	rest, physical := args[1:], false
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		if rest[0] == "-P" {
			physical = true
		}
		rest = rest[1:]
		if args[len(args)-len(rest)-1] == "--" {
			break
		}
	}
	if len(rest) == 0 {
		return []string{"cd"}, nil
	}
	v := sh.p.View()
	v.Cwd = hc.Dir
	if physical {
		if p, err := v.Resolve(rest[0], true); err == nil {
			rest = []string{p}
		}
	}
	if rest[0] != "-" {
		if !isDir(v, rest[0]) {
			fmt.Fprintf(hc.Stderr, "%s: 1: cd: can't cd to %s\n", sh.name, rest[0])
			return []string{callPrefix + "status", map[bool]string{true: "1", false: "2"}[sh.kind == "bash"]}, nil
		}
	}
	return append([]string{"cd"}, rest...), nil
}

// test answers -t, -O, -G and -ef here; the library would ask the host.
func (sh *shell) test(hc interp.HandlerContext, args []string) ([]string, error) {
	var out []string
	v := sh.p.View()
	v.Cwd = hc.Dir
	yes := map[bool]string{true: "x", false: ""}
	for i := 0; i < len(args); i++ {
		last := i+1 >= len(args) || args[i+1] == "]"
		prev := ""
		if i > 0 {
			prev = args[i-1]
		}
		binary := prev == "=" || prev == "!=" || prev == "==" // an operand, no operator
		switch {
		case last || binary:
			out = append(out, args[i])
		case args[i] == "-t":
			fd, err := strconv.Atoi(args[i+1])
			out = append(out, "-n", yes[err == nil && sh.isTerminal(hc, fd)])
			i++
		case args[i] == "-O" || args[i] == "-G":
			info, err := v.Stat(args[i+1])
			ok := err == nil && (args[i] == "-O" && info.UID == sh.p.uid || args[i] == "-G" && info.GID == sh.p.gid)
			out = append(out, "-n", yes[ok])
			i++
		case args[i] == "-ef" && i > 1:
			a, err1 := v.Stat(prev)
			b, err2 := v.Stat(args[i+1])
			out = append(out[:len(out)-1], "-n", yes[err1 == nil && err2 == nil && sameInfo(a, b)])
			i++
		case numeric[args[i]] && i > 1 && args[i+1] != "=" && args[i+1] != "!=":
			for _, operand := range []string{prev, args[i+1]} {
				if !wholeNumber(operand) {
					fmt.Fprintf(hc.Stderr, "%s: 1: %s: Illegal number: %s\n", sh.name, args[0], operand)
					return []string{callPrefix + "status", "2"}, nil
				}
			}
			out = append(out, args[i])
		default:
			out = append(out, args[i])
		}
	}
	return out, nil
}

func wholeNumber(text string) bool {
	_, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return err == nil
}

// numeric are the operators of test for whole numbers.
var numeric = map[string]bool{"-eq": true, "-ne": true, "-lt": true, "-le": true, "-gt": true, "-ge": true}

// isTerminal is test -t.
func (sh *shell) isTerminal(hc interp.HandlerContext, fd int) bool {
	switch fd {
	case 0:
		return terminalOf(raw(sh.inOf(hc))) != nil
	case 1:
		return terminalOf(rawW(hc.Stdout)) != nil
	case 2:
		return terminalOf(rawW(hc.Stderr)) != nil
	}
	return sh.p.IsTerminal(fd) != nil
}

// set drops the options that mean nothing here.
func (sh *shell) set(hc interp.HandlerContext, args []string) ([]string, error) {
	out := []string{"set"}
	for i := 1; i < len(args); i++ {
		a := args[i]
		sh.prompt.option(args[i:])
		if a == "--" || len(a) < 2 || a[0] != '-' && a[0] != '+' {
			return append(out, args[i:]...), nil
		}
		if a[1:] == "o" && i+1 < len(args) {
			if args[i+1] == "pipefail" {
				if sh.posix() {
					return sh.noPipefail(hc)
				}
				sh.pipefail = a[0] == '-'
			}
			sh.flag(a[0] == '-', map[string]string{"errexit": "e", "nounset": "u", "xtrace": "x", "noglob": "f", "allexport": "a"}[args[i+1]])
			switch args[i+1] {
			case "errexit":
				if !sh.noErrexit {
					out = append(out, a, args[i+1])
				}
			case "posix", "monitor", "notify", "nolog", "hashall", "vi", "emacs", "noclobber", "errtrace", "functrace":
			default:
				out = append(out, a, args[i+1])
			}
			i++
			continue
		}
		keep := a[:1]
		if strings.HasSuffix(a, "o") && i+1 < len(args) && args[i+1] == "pipefail" {
			if sh.posix() {
				return sh.noPipefail(hc)
			}
			sh.pipefail = a[0] == '-'
		}
		for _, c := range a[1:] {
			sh.flag(a[0] == '-', string(c))
			if c == 'e' && sh.noErrexit {
				continue
			}
			if !strings.ContainsRune("mbhvECT", c) {
				keep += string(c)
			}
		}
		if len(keep) > 1 {
			out = append(out, keep)
		}
	}
	if len(out) == 1 && len(args) > 1 {
		return []string{"true"}, nil
	}
	return out, nil
}

// flag keeps $- as set leaves it. Only the first shell of a process tree sees it: a
// subshell has a copy of the variables.
func (sh *shell) flag(on bool, letter string) {
	if sh.env == nil || letter == "" || !strings.Contains("eufxan", letter) {
		return
	}
	if sh.flags = strings.ReplaceAll(sh.flags, letter, ""); on {
		sh.flags = letter + sh.flags
	}
	sh.env.vars[varFlags] = strVar(sh.flags, false)
}

// noPipefail ends the shell: dash 0.5.12 has no such option.
func (sh *shell) noPipefail(hc interp.HandlerContext) ([]string, error) {
	fmt.Fprintf(hc.Stderr, "%s: 1: set: Illegal option -o pipefail\n", sh.name)
	return []string{"exit", "2"}, nil
}

// trap keeps the actions for signals; EXIT and ERR are the library's.
func (sh *shell) trap(hc interp.HandlerContext, args []string) ([]string, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || args[0] == "-p" {
		return []string{callPrefix + "trap"}, nil
	}
	if args[0] == "-l" {
		return []string{callPrefix + "kill", "-l"}, nil
	}
	var action *string
	sigs := args
	if _, num := strconv.Atoi(args[0]); len(args) > 1 && (num != nil || args[0] == "") {
		sigs = args[1:]
		if args[0] != "-" {
			text, err := sh.rewriter().text(args[0])
			if err != nil {
				fmt.Fprintln(hc.Stderr, err)
				return []string{"false"}, nil
			}
			if args[0] == "" {
				text = ""
			}
			action = &text
		}
	}
	var out []string
	for _, s := range sigs {
		if sh.kind != "bash" && (s == "ERR" || s == "DEBUG" || s == "RETURN") {
			s = "SIG" + s // only bash has it
		}
		switch s {
		case "EXIT", "0", "ERR":
			text := "-"
			if action != nil {
				text = *action
			}
			if s == "ERR" && action != nil && text != "" {
				text = callErr + " || {\n" + text + "\n" + callErrDone + "\n}"
			}
			if s == "0" {
				s = "EXIT"
			}
			if out == nil {
				out = []string{"trap", "--", text}
			}
			out = append(out, s)
			continue
		case "DEBUG", "RETURN":
			return nil, fmt.Errorf("sandbox: trap … %s"+NotHere, s)
		}
		n, ok := SignalNumber(s)
		if !ok {
			fmt.Fprintf(hc.Stderr, "%s: 1: trap: %s: bad trap\n", sh.name, strings.TrimPrefix(s, "SIG"))
			return []string{"false"}, nil
		}
		sh.p.setTrap(n, action)
	}
	if out == nil {
		out = []string{"true"}
	}
	return out, nil
}

func isDir(v *fsys.View, name string) bool {
	i, err := v.Stat(name)
	return err == nil && i.IsDir()
}
