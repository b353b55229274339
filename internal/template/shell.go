package template

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// lint reads a script as its shell will, and reports what that shell will stumble over. It
// says nothing about scripts of other interpreters.
func (l *loader) lint(file string, script []byte) {
	shell := interpreter(script)
	if shell == "" {
		return
	}
	dash := shell == "dash" || shell == "sh" && shIsDash(l.t.OS)
	variant := syntax.LangBash // ash and Alpine's sh know much of it, too
	if dash {
		variant = syntax.LangPOSIX
	}
	f, err := syntax.NewParser(syntax.Variant(variant)).Parse(bytes.NewReader(script), "")
	if err != nil {
		l.doubt(syntaxProblem(file, shell, err))
		return
	}
	c := &scriptCheck{l: l, file: file, dash: dash, functions: map[string]bool{}}
	syntax.Walk(f, func(n syntax.Node) bool {
		if d, ok := n.(*syntax.FuncDecl); ok && d.Name != nil {
			c.functions[d.Name.Value] = true
		}
		return true
	})
	syntax.Walk(f, c.visit)
}

// interpreter is the shell that runs a script: sh, dash, ash, bash, or "" for any other
// program. A script without a shebang is run by sh.
func interpreter(script []byte) string {
	line, _, _ := strings.Cut(string(script[:min(len(script), 256)]), "\n")
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return "sh"
	}
	words := strings.Fields(rest)
	if len(words) > 1 && path.Base(words[0]) == "env" {
		words = words[1:]
		if words[0] == "-S" && len(words) > 1 {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return ""
	}
	if name := path.Base(words[0]); slices.Contains([]string{"sh", "dash", "ash", "bash"}, name) {
		return name
	}
	return ""
}

// shIsDash reports whether /bin/sh of an OS template is dash. Alpine has busybox's ash,
// Fedora and Arch have bash.
func shIsDash(os string) bool {
	_, file, volume := strings.Cut(os, ":vztmpl/")
	if volume {
		os = file
	}
	for _, d := range []string{"debian", "ubuntu", "devuan"} {
		if strings.HasPrefix(os, d) {
			return true
		}
	}
	return false
}

func syntaxProblem(file, shell string, err error) Problem {
	var lang syntax.LangError
	var parse syntax.ParseError
	switch {
	case errors.As(err, &lang):
		return Problem{
			File: file, Line: int(lang.Pos.Line()), Col: int(lang.Pos.Col()),
			Message:    fmt.Sprintf("%s: dash, which is sh there, does not know this", lang.Feature),
			Suggestion: "start it with #!/bin/bash, or do without",
		}
	case errors.As(err, &parse):
		return Problem{
			File: file, Line: int(parse.Pos.Line()), Col: int(parse.Pos.Col()),
			Message: fmt.Sprintf("%s cannot read this: %s", shell, parse.Text),
		}
	}
	return Problem{File: file, Message: fmt.Sprintf("%s cannot read this: %s", shell, err)}
}

// scriptCheck looks at each command of a script.
type scriptCheck struct {
	l         *loader
	file      string
	dash      bool
	functions map[string]bool // that the script defines
	above     []syntax.Node
}

func (c *scriptCheck) visit(n syntax.Node) bool {
	if n == nil {
		c.above = c.above[:len(c.above)-1]
		return true
	}
	c.above = append(c.above, n)
	if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
		name := call.Args[0].Lit()
		if name != "" && !c.functions[name] {
			c.command(name, call.Args)
		}
	}
	return true
}

// bashOnly are commands of bash that dash has not, with what to write instead.
var bashOnly = map[string]string{
	"[[":        "use [ … ], or start the script with #!/bin/bash",
	"source":    "use . FILE",
	"declare":   "start the script with #!/bin/bash",
	"typeset":   "start the script with #!/bin/bash",
	"shopt":     "start the script with #!/bin/bash",
	"let":       "use $(( … ))",
	"pushd":     "use ( cd FOLDER && … )",
	"popd":      "use ( cd FOLDER && … )",
	"mapfile":   "use while read -r line",
	"readarray": "use while read -r line",
	"function":  "write NAME() { … }",
}

func (c *scriptCheck) command(name string, args []*syntax.Word) {
	at := args[0].Pos()
	if better, only := bashOnly[name]; c.dash && only {
		c.doubt(at, better, "%s is bash's: dash, which is sh there, does not know it", name)
		return
	}
	switch name {
	case "[", "test":
		c.equals(args)
	case "rm":
		c.remove(args)
	case "apt-get", "apt":
		c.apt(name, args)
	case "read":
		if !c.fed() {
			c.warn(at, "make it a variable of the template", "read waits for no one: a script's input is empty")
		}
	case "dpkg-reconfigure", "mysql_secure_installation":
		if !c.fed() && !hasWord(args, "-f", "-fnoninteractive", "--frontend=noninteractive", "-u") {
			c.warn(at, "", "%s asks questions, and a script's input is empty", name)
		}
	}
}

// equals finds == in [ … ], which dash refuses when the script runs.
func (c *scriptCheck) equals(args []*syntax.Word) {
	for _, a := range args[1:] {
		if c.dash && a.Lit() == "==" {
			c.doubt(a.Pos(), "use =", "== in [ … ] is bash's: dash, which is sh there, does not know it")
		}
	}
}

// remove finds variables that rm -r gets without quotes: a blank in one removes something
// else.
func (c *scriptCheck) remove(args []*syntax.Word) {
	recursive := false
	for _, a := range args[1:] {
		if w := a.Lit(); w == "--recursive" || strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.ContainsAny(w, "rR") {
			recursive = true
		}
	}
	for _, a := range args[1:] {
		for _, p := range a.Parts {
			if v, ok := p.(*syntax.ParamExp); ok && recursive && v.Param != nil {
				c.warn(v.Pos(), fmt.Sprintf(`"${%s:?}" also stops where it is empty`, v.Param.Value),
					"rm gets $%s without quotes: a blank in it removes something else", v.Param.Value)
			}
		}
	}
}

// apt finds an installation that asks "Do you want to continue?" and aborts, because
// nobody answers.
func (c *scriptCheck) apt(name string, args []*syntax.Word) {
	if !hasWord(args, "install", "remove", "purge", "upgrade", "dist-upgrade", "full-upgrade", "autoremove") || c.fed() {
		return
	}
	for _, a := range args[1:] {
		w := a.Lit()
		short := strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--")
		switch {
		case w == "" && len(a.Parts) > 0, // a variable may hold the option
			w == "--yes", w == "--assume-yes", strings.HasPrefix(w, "-qq"), w == "--simulate", w == "--download-only",
			short && strings.Contains(w, "y"):
			return
		}
	}
	c.warn(args[0].Pos(), "add -y", "%s asks before it goes on, and aborts because a script's input is empty", name)
}

// fed reports whether something gives the present command an input: a redirection, a pipe,
// or perhaps the caller of the function around it.
func (c *scriptCheck) fed() bool {
	for i, n := range c.above {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			return true
		case *syntax.BinaryCmd:
			if (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) && i+1 < len(c.above) && c.above[i+1] == syntax.Node(n.Y) {
				return true
			}
		case *syntax.Stmt:
			for _, r := range n.Redirs {
				if slices.Contains([]syntax.RedirOperator{syntax.RdrIn, syntax.RdrInOut, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc, syntax.DplIn}, r.Op) {
					return true
				}
			}
		}
	}
	return false
}

func hasWord(args []*syntax.Word, words ...string) bool {
	return slices.ContainsFunc(args[1:], func(a *syntax.Word) bool { return slices.Contains(words, a.Lit()) })
}

func (c *scriptCheck) doubt(at syntax.Pos, better, format string, args ...any) {
	c.l.doubt(c.problem(at, better, format, args))
}

func (c *scriptCheck) warn(at syntax.Pos, better, format string, args ...any) {
	c.l.warn(c.problem(at, better, format, args))
}

func (c *scriptCheck) problem(at syntax.Pos, better, format string, args []any) Problem {
	return Problem{File: c.file, Line: int(at.Line()), Col: int(at.Col()), Message: fmt.Sprintf(format, args...), Suggestion: better}
}
