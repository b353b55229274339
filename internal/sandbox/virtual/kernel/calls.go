package kernel

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// callHandler sees every simple command before the interpreter does and returns the command
// to run instead. It runs pending traps, and replaces the builtins that the library lacks or
// answers from the host.
func callHandler(ctx context.Context, args []string) ([]string, error) {
	sh, hc := shellOf(ctx), interp.HandlerCtx(ctx)
	sh.steps++
	if sh.ending != nil && sh.libraryFlag("handlingTrap") { // the library goes on in the trap
		return []string{callErrDone}, nil
	}
	if sh.ending != nil && !inExpansion[args[0]] {
		args = []string{"exit", strconv.Itoa(*sh.ending)}
		sh.ending, sh.leaving = nil, true
		return args, nil
	}
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

// inExpansion are the calls that run while the words of a command are expanded. An exit
// there would end the expansion only.
var inExpansion = map[string]bool{callNumber: true, callQuote: true, callSlurp: true, callIsReadonly: true, callSubst: true, callProcIn: true, callProcOut: true}

// end makes the next command end the shell.
func (sh *shell) end(status int) { sh.ending = &status }

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
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }

func (sh *shell) call(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	if sh.r.Funcs[args[0]] != nil {
		return args, nil
	}
	if sh.posix() && posixBuiltins[args[0]] {
		return append([]string{callPrefix + "missing"}, args...), nil
	}
	switch args[0] {
	case "command", "builtin":
		return sh.command(ctx, hc, args)
	case callBack:
		return sh.background(hc, args)
	case callReturn:
		sh.backFds(args[1])
		return sh.returned(hc, append([]string{"return"}, args[2:]...)), nil
	case callReadonly:
		return sh.readonly(hc, args[1]), nil
	case "unset":
		return sh.unset(hc, args), nil
	case "exit":
		sh.exit(hc, args)
	case "eval":
		return sh.eval(hc, strings.Join(args[1:], " "))
	case ".", "source":
		return sh.source(hc, args)
	case "trap":
		return sh.trap(hc, args[1:])
	case "wait", "kill", "umask", "ulimit", "type", "jobs", "fg", "bg", "disown", "times", "help",
		"bind", "caller", "compgen", "complete", "compopt", "enable", "history", "suspend", "fc", "newgrp":
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
		return sh.set(hc, args)
	case "printf":
		return sh.printf(args), nil
	case "shift":
		return sh.shift(hc, args)
	case "return":
		return sh.returned(hc, args), nil
	case "shopt":
		if len(args) == 3 && args[2] == "inherit_errexit" && (args[1] == "-s" || args[1] == "-u") {
			sh.inheritErrexit = args[1] == "-s"
			return []string{"true"}, nil
		}
	case "logout":
		return append([]string{"exit"}, args[1:]...), nil
	case "echo":
		return append([]string{callPrefix + "echo"}, args[1:]...), nil
	case "read":
		return sh.read(hc, args)
	case "alias":
		if strings.Contains(strings.Join(args, ""), "=") {
			fmt.Fprintf(hc.Stderr, "sandbox: alias"+NotHere+"\n")
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
			return append([]string{callPrefix + "command", rest[0]}, rest[1:]...), nil
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

// shift fails if there are fewer parameters: bash only returns a status, other shells
// end.
func (sh *shell) shift(hc interp.HandlerContext, args []string) ([]string, error) {
	n := 1
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[1]) // the library refuses an argument that is not a number
	}
	switch {
	case n <= len(sh.r.Params):
		return args, nil
	case sh.kind == "bash":
		return []string{"false"}, nil
	}
	fmt.Fprintf(hc.Stderr, "%s: %d: shift: can't shift that many\n", sh.name, max(1, hc.Pos.Line()))
	return []string{"exit", "2"}, nil
}

var withQ = lazy.Regexp(`%[-0-9.*]*q`)

// exit makes an exit in a trap count: the library ends the trap only.
func (sh *shell) exit(hc interp.HandlerContext, args []string) {
	if !sh.libraryFlag("handlingTrap") {
		sh.leaving = true
		return
	}
	status := hc.LastExitStatus
	if len(args) > 1 {
		status, _ = strconv.Atoi(args[1])
	}
	sh.end(status & 0xff)
}

// returned is the builtin return: without an argument the library returns 0, not the
// status of the last command. Outside of functions dash takes it for exit.
func (sh *shell) returned(hc interp.HandlerContext, args []string) []string {
	if len(args) == 1 {
		args = append(args, strconv.Itoa(hc.LastExitStatus))
	}
	if sh.kind != "bash" && !sh.libraryFlag("inFunc") && !sh.libraryFlag("inSource") {
		args = append([]string{"exit"}, args[1:]...)
	}
	return args
}

func (sh *shell) printf(args []string) []string {
	if sh.posix() && len(args) > 1 && args[1] == "-v" {
		return []string{callPrefix + "missing", "printf", "-v"}
	}
	if len(args) > 3 && args[1] == "-v" && syntax.ValidName(args[2]) {
		s, _ := Printf(args[3], args[4:])
		return []string{"eval", args[2] + "=" + quote(s)}
	}
	if sh.kind != "bash" && len(args) > 1 && withQ().MatchString(strings.ReplaceAll(args[1], "%%", "")) {
		return []string{callPrefix + "missing", "printf", "%q"}
	}
	return append([]string{callPrefix + "printf"}, args[1:]...)
}
