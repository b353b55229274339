package kernel

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// callHandler sees every simple command before the interpreter does. It runs
// pending traps, and takes the builtins away from the library that it has not,
// or answers from the host: what is returned is run instead.
func callHandler(ctx context.Context, args []string) ([]string, error) {
	sh, hc := shellOf(ctx), interp.HandlerCtx(ctx)
	sh.steps++
	if sh.steps > sh.p.M.limits.Steps {
		fmt.Fprintf(hc.Stderr, "sandbox: %s ran %d commands and was stopped\n", sh.name, sh.steps)
		sh.p.Signal(24)
		return nil, context.Cause(ctx)
	}
	if sh.steps%4096 == 0 && !sh.p.Sleep(1e6) { // a busy loop leaves the host some air
		return nil, context.Cause(ctx)
	}
	if sig, action, ok := sh.p.takePending(); ok {
		_ = sig
		text, err := sh.rewriter().text(action)
		if err != nil {
			fmt.Fprintln(hc.Stderr, err)
		}
		next, err := sh.call(ctx, hc, args)
		if err != nil {
			return nil, err
		}
		return []string{"eval", text + "\n" + quoteAll(next)}, nil
	}
	return sh.call(ctx, hc, args)
}

func quoteAll(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(a))
	}
	return b.String()
}

// quote makes one word of the shell out of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (sh *shell) call(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	if sh.r.Funcs[args[0]] != nil {
		return args, nil
	}
	switch args[0] {
	case "command", "builtin":
		return sh.command(ctx, hc, args)
	case callBack:
		return sh.background(hc, args)
	case "eval":
		return sh.eval(hc, strings.Join(args[1:], " "))
	case ".", "source":
		return sh.source(args)
	case "trap":
		return sh.trap(hc, args[1:])
	case "wait", "kill", "umask", "ulimit", "type", "jobs", "fg", "bg", "disown", "times", "help",
		"bind", "caller", "compgen", "complete", "compopt", "enable", "history", "logout", "suspend", "fc", "newgrp":
		return append([]string{callPrefix + args[0]}, args[1:]...), nil
	case "hash":
		return []string{"true"}, nil
	case "pwd":
		if len(args) == 2 && args[1] == "-P" {
			return []string{callPrefix + "pwd"}, nil
		}
	case "cd":
		return sh.cd(hc, args)
	case "test", "[":
		return sh.test(hc, args)
	case "set":
		return sh.set(args)
	case "printf":
		return sh.printf(args), nil
	case "echo":
		if sh.kind != "bash" && strings.Contains(strings.Join(args, ""), `\`) {
			return append([]string{callPrefix + "echo"}, args[1:]...), nil
		}
	case "read":
		return sh.read(hc, args)
	case "alias":
		if strings.Contains(strings.Join(args, ""), "=") {
			fmt.Fprintf(hc.Stderr, "sandbox: alias is not supported by the virtual guest\n")
			return []string{"false"}, nil
		}
	case "exec":
		sh.execing = len(args) > 1
		if len(args) > 2 && args[1] == "--" {
			return append(args[:1:1], args[2:]...), nil
		}
	case "readarray", "mapfile":
		if f := hc.Stdin; f == nil {
			return []string{"false"}, nil
		}
	}
	return args, nil
}

// command is the builtin command: options, or a call past any function.
func (sh *shell) command(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	rest := args[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		switch rest[0] {
		case "-v", "-V":
			return append([]string{callPrefix + "type", rest[0]}, rest[1:]...), nil
		case "-p", "--":
			rest = rest[1:]
		default:
			fmt.Fprintf(hc.Stderr, "%s: %s: Illegal option %s\n", sh.name, args[0], rest[0])
			return []string{"false"}, nil
		}
	}
	if len(rest) == 0 {
		return []string{"true"}, nil
	}
	if !interp.IsBuiltin(rest[0]) {
		return append([]string{"command"}, rest...), nil
	}
	f := sh.r.Funcs[rest[0]]
	delete(sh.r.Funcs, rest[0])
	out, err := sh.call(ctx, hc, rest)
	if f != nil {
		sh.r.Funcs[rest[0]] = f
	}
	if err == nil && interp.IsBuiltin(out[0]) && out[0] != "builtin" {
		out = append([]string{"builtin"}, out...)
	}
	return out, err
}

func (sh *shell) eval(hc interp.HandlerContext, src string) ([]string, error) {
	text, err := sh.rewriter().text(src)
	if err != nil {
		fmt.Fprintln(hc.Stderr, err)
		if text == "" {
			return []string{"exit", "2"}, nil
		}
		text += "\nexit 2"
	}
	return []string{"eval", text}, nil
}

func (sh *shell) source(args []string) ([]string, error) {
	if len(args) < 2 {
		return []string{"false"}, nil
	}
	name := args[1]
	if !strings.Contains(name, "/") {
		name = sh.findSource(name)
	}
	// The name goes through the library to openHandler marked, so that the
	// library's own search cannot find a file of the host.
	return append([]string{args[0], nowhere + name}, args[2:]...), nil
}

func (sh *shell) findSource(name string) string {
	v := sh.p.View()
	v.Cwd = sh.r.Dir
	for _, dir := range strings.Split(sh.p.Getenv("PATH")+":", ":") {
		full := dir + "/" + name
		if dir == "" {
			full = name
		}
		if i, err := v.Stat(full); err == nil && i.Mode().IsRegular() {
			return full
		}
	}
	return name
}

// openSource is the script of a dot command, rewritten.
func (sh *shell) openSource(ctx context.Context, name string) (*textFile, error) {
	hc := interp.HandlerCtx(ctx)
	v := sh.p.View()
	v.Cwd = hc.Dir
	b, err := v.ReadFile(name)
	if err != nil {
		return nil, &os.PathError{Op: sh.name, Path: "cannot open " + name, Err: shellReason{err}}
	}
	w := sh.rewriter()
	w.name = name
	text, err := w.text(string(b))
	if err != nil {
		fmt.Fprintln(hc.Stderr, err)
		text += "\nexit 2\n"
	}
	return &textFile{Reader: strings.NewReader(text)}, nil
}

type textFile struct{ *strings.Reader }

func (*textFile) Write([]byte) (int, error) { return 0, os.ErrPermission }
func (*textFile) Close() error              { return nil }

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
		if i, err := v.Stat(rest[0]); err != nil || !i.IsDir() {
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
			out = append(out, "-n", "")
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
		default:
			out = append(out, args[i])
		}
	}
	return out, nil
}

// set drops the options that mean nothing here.
func (sh *shell) set(args []string) ([]string, error) {
	out := []string{"set"}
	for i := 1; i < len(args); i++ {
		a := args[i]
		if a == "--" || len(a) < 2 || a[0] != '-' && a[0] != '+' {
			return append(out, args[i:]...), nil
		}
		if a[1:] == "o" && i+1 < len(args) {
			if args[i+1] == "pipefail" {
				sh.pipefail = a[0] == '-'
			}
			switch args[i+1] {
			case "posix", "monitor", "notify", "nolog", "hashall", "vi", "emacs", "noclobber", "errtrace", "functrace":
			default:
				out = append(out, a, args[i+1])
			}
			i++
			continue
		}
		keep := a[:1]
		if strings.HasSuffix(a, "o") && i+1 < len(args) && args[i+1] == "pipefail" {
			sh.pipefail = a[0] == '-'
		}
		for _, c := range a[1:] {
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

func (sh *shell) printf(args []string) []string {
	if len(args) > 3 && args[1] == "-v" && syntax.ValidName(args[2]) {
		s, _ := Printf(args[3], args[4:])
		return []string{"eval", args[2] + "=" + quote(s)}
	}
	return append([]string{callPrefix + "printf"}, args[1:]...)
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
		switch s {
		case "EXIT", "0", "ERR":
			text := "-"
			if action != nil {
				text = *action
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
			return nil, fmt.Errorf("sandbox: trap %s is not supported by the virtual guest", s)
		}
		n, ok := SignalNumber(s)
		if !ok {
			fmt.Fprintf(hc.Stderr, "%s: 1: trap: %s: bad trap\n", sh.name, s)
			return []string{"false"}, nil
		}
		sh.p.setTrap(n, action)
	}
	if out == nil {
		out = []string{"true"}
	}
	return out, nil
}
