package kernel

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

type exVar = expand.Variable

const exString = expand.String

func sameInfo(a, b *fsys.Info) bool { return fsys.SameFile(a, b) }

// internal runs one of our own calls, which stand in for builtins and for the
// pieces of a script that are processes.
func (sh *shell) internal(ctx context.Context, hc interp.HandlerContext, args []string) int {
	name, rest := strings.TrimPrefix(args[0], callPrefix), args[1:]
	switch args[0] {
	case callFork:
		q, err := sh.fork(hc, rest[0], Child{}, sh.untested()...)
		if err != nil {
			fmt.Fprintf(hc.Stderr, "%s: 1: Cannot fork\n", sh.name)
			return 2
		}
		return sh.p.Wait(q)
	case callPipe:
		return sh.pipeline(hc, rest)
	case callSubst:
		return sh.subst(hc, rest[0])
	case callProcIn, callProcOut:
		return sh.procSubst(hc, rest[0], args[0] == callProcIn)
	case callFd:
		n, _ := strconv.Atoi(rest[0])
		return sh.openNumbered(hc, n, rest[1], rest[2])
	case callNumber:
		return sh.number(hc, rest)
	case callIsReadonly:
		if hc.Env.Get(rest[0]).ReadOnly {
			fmt.Fprint(hc.Stdout, "yes")
		}
		return hc.LastExitStatus // $? stays as it is
	case callQuote:
		if rest[0] != "" {
			fmt.Fprint(hc.Stdout, quoteValue(rest[1]))
		}
		return 0
	case callSlurp:
		_, err := io.Copy(hc.Stdout, hc.Stdin)
		return map[bool]int{true: 1}[err != nil]
	case callErr:
		if sh.leaving || sh.steps == sh.errSteps+1 {
			sh.errSteps = sh.steps
			return 0
		}
		return hc.LastExitStatus
	case callErrDone:
		sh.errSteps = sh.steps
		return 0
	case callKeepFds:
		sh.keepFds(rest[0])
		return 0
	case callBackFds:
		if sh.backFds(rest[0]); len(rest) > 1 {
			return 0
		}
		return hc.LastExitStatus
	}
	switch name {
	case "wait":
		return sh.waitJobs(hc, rest)
	case "kill":
		return sh.kill(hc, rest)
	case "umask":
		return sh.umask(hc, rest)
	case "ulimit":
		return ulimit(hc, rest)
	case "type", "command":
		return sh.typeOf(hc, name, rest)
	case "jobs":
		return sh.listJobs(hc, rest)
	case "trap":
		return sh.listTraps(hc)
	case "disown":
		return 0
	case "history":
		return sh.history(hc, rest)
	case "times":
		fmt.Fprint(hc.Stdout, "0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n")
		return 0
	case "pwd":
		v := sh.p.View()
		v.Cwd = hc.Dir
		real, err := v.Resolve(".", true)
		if err != nil {
			return 1
		}
		fmt.Fprintln(hc.Stdout, real)
		return 0
	case "printf":
		return sh.printfNow(hc, rest)
	case "echo":
		return sh.echo(hc, rest)
	case "missing": // a builtin or an option that only bash has
		if len(rest) == 2 && rest[0] == "printf" {
			fmt.Fprintf(hc.Stderr, "%s: 1: printf: Illegal option or directive %s\n", sh.name, rest[1])
			return 2
		}
		return sh.notFound(hc, rest[0], syscall.ENOENT)
	case "status":
		n, _ := strconv.Atoi(rest[0])
		return n
	}
	fmt.Fprintf(hc.Stderr, "sandbox: the shell builtin %s"+NotHere+"\n", name)
	return 2
}

func (sh *shell) printfNow(hc interp.HandlerContext, rest []string) int {
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		fmt.Fprintf(hc.Stderr, "%s: 1: printf: usage: printf format [arg ...]\n", sh.name)
		return 2
	}
	s, err := Printf(rest[0], rest[1:])
	if st := sh.say(hc, "printf", s); st != 0 {
		return st
	}
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: 1: printf: %v\n", sh.name, err)
		return 1
	}
	return 0
}

// echo is dash's: every backslash sequence counts.
// echo is the builtin of each shell; unlike the library's it notices that the
// disk is full.
func (sh *shell) echo(hc interp.HandlerContext, args []string) int {
	nl, escapes := "\n", sh.kind != "bash"
	for len(args) > 0 {
		switch {
		case args[0] == "-n":
			nl = ""
		case args[0] == "-e" && sh.kind != "sh" && sh.kind != "dash":
			escapes = true
		case args[0] == "-E" && sh.kind == "bash":
			escapes = false
		case args[0] == "-ne" && sh.kind != "sh" && sh.kind != "dash", args[0] == "-en" && sh.kind == "bash":
			nl, escapes = "", true
		default:
			return sh.say(hc, "echo", echoText(args, nl, escapes))
		}
		args = args[1:]
	}
	return sh.say(hc, "echo", nl)
}

func echoText(args []string, nl string, escapes bool) string {
	s := strings.Join(args, " ")
	if escapes {
		var stop bool
		if s, stop = unescape(s, true); stop {
			nl = ""
		}
	}
	return s + nl
}

// say prints for a builtin.
func (sh *shell) say(hc interp.HandlerContext, name, s string) int {
	if _, err := io.WriteString(hc.Stdout, s); err != nil {
		fmt.Fprintf(hc.Stderr, "%s: 1: %s: %s\n", sh.name, name, Reason(err))
		return 1
	}
	return 0
}

func (sh *shell) umask(hc interp.HandlerContext, args []string) int {
	symbolic := len(args) > 0 && args[0] == "-S"
	if symbolic {
		args = args[1:]
	}
	if len(args) == 0 {
		m := sh.p.umask
		if symbolic {
			s := (0o777 &^ m).String()
			cut := func(x string) string { return strings.ReplaceAll(x, "-", "") }
			fmt.Fprintf(hc.Stdout, "u=%s,g=%s,o=%s\n", cut(s[1:4]), cut(s[4:7]), cut(s[7:]))
		} else {
			fmt.Fprintf(hc.Stdout, "%04o\n", m)
		}
		return 0
	}
	if n, err := strconv.ParseUint(args[0], 8, 16); err == nil && n <= 0o777 {
		sh.p.umask = fs.FileMode(n)
		return 0
	}
	mode, err := ParseMode(args[0], 0o777&^sh.p.umask, true, 0)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "%s: 1: umask: Illegal mode: %s\n", sh.name, args[0])
		return 2
	}
	sh.p.umask = 0o777 &^ mode.Perm()
	return 0
}

func ulimit(hc interp.HandlerContext, args []string) int {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return 0 // there is nothing to limit
		}
	}
	if strings.Contains(strings.Join(args, ""), "n") {
		fmt.Fprintln(hc.Stdout, 1024)
	} else {
		fmt.Fprintln(hc.Stdout, "unlimited")
	}
	return 0
}

// typeOf is type, command -v and command -V.
func (sh *shell) typeOf(hc interp.HandlerContext, name string, args []string) int {
	mode := ""
	for (sh.kind == "bash" || name == "command" && mode == "") && len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		mode, args = args[0], args[1:]
	}
	st := 0
	for _, a := range args {
		kind, where := sh.kindOf(hc, a)
		if kind == "" {
			st = sh.noType(hc, mode, a)
			continue
		}
		short := map[string]string{"-v": a, "-t": kind}[mode]
		switch {
		case mode == "-v" && kind == "file", (mode == "-p" || mode == "-P") && kind == "file":
			short = where
		case mode == "-p" || mode == "-P":
			continue
		}
		if short != "" {
			fmt.Fprintln(hc.Stdout, short)
			continue
		}
		sh.describe(hc, a, kind, where)
	}
	return st
}

// noType is the answer to a name that is nothing. dash prints it to stdout.
func (sh *shell) noType(hc interp.HandlerContext, mode, name string) int {
	if sh.kind == "bash" {
		if mode == "" || mode == "-V" {
			fmt.Fprintf(hc.Stderr, "%s: not found\n", name)
		}
		return 1
	}
	if mode != "-v" {
		fmt.Fprintf(hc.Stdout, "%s: not found\n", name)
	}
	return 127
}

func (sh *shell) describe(hc interp.HandlerContext, name, kind, where string) {
	text := map[string]string{"file": where, "keyword": "a shell keyword", "function": "a shell function", "builtin": "a shell builtin"}[kind]
	if sh.kind == "bash" && kind == "function" {
		text = "a function"
		fmt.Fprintf(hc.Stderr, "%s: sandbox: the text of the function %s"+NotHere+"\n", sh.name, name)
	}
	fmt.Fprintf(hc.Stdout, "%s is %s\n", name, text)
}

// bashOnly are builtins that dash has not: there they are programs, or missing.
var bashOnly = " source declare typeset shopt mapfile readarray pushd popd dirs let builtin caller compgen complete compopt enable help history logout suspend disown bind "

func (sh *shell) kindOf(hc interp.HandlerContext, name string) (kind, where string) {
	if sh.r.Funcs[name] != nil {
		return "function", ""
	}
	if syntax.IsKeyword(name) && name != "[[" || name == "[[" && sh.kind == "bash" {
		return "keyword", ""
	}
	if interp.IsBuiltin(name) && (sh.kind == "bash" || !strings.Contains(bashOnly, " "+name+" ")) {
		return "builtin", ""
	}
	full, err := sh.p.lookFrom(hc.Dir, name, hc.Env.Get("PATH").String())
	if err != nil {
		return "", ""
	}
	return "file", full
}
