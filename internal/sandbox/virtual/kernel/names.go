package kernel

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// names records what the statements of a text do with variables, before any of them is
// rewritten: which are readonly, and which only ever get numbers.
func (w *rewriter) names(stmts []*syntax.Stmt) {
	seen := &assignments{assigned: map[string]bool{}, readonly: map[string]syntax.Pos{}, numeric: map[string]bool{}}
	for _, st := range stmts {
		syntax.Walk(st, seen.visit)
	}
	if name, pos := w.prog.merge(seen); name != "" {
		w.refuse(pos, "readonly "+name+" after a script that assigns "+name+" was read,")
	}
}

// assignments are the variables of one text.
type assignments struct {
	assigned map[string]bool
	readonly map[string]syntax.Pos
	numeric  map[string]bool // only ever gets numbers, so that a counter in a loop needs no check
}

func (a *assignments) visit(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.Assign:
		if n.Name != nil {
			a.number(n.Name.Value, n.Value != nil && n.Index == nil && !n.Append && isNumber(n.Value))
		}
	case *syntax.ForClause:
		if i, ok := n.Loop.(*syntax.WordIter); ok {
			a.assigned[i.Name.Value] = true
			a.number(i.Name.Value, len(i.Items) > 0 && !slices.ContainsFunc(i.Items, func(x *syntax.Word) bool { return !isNumber(x) }))
		}
	case *syntax.DeclClause:
		if declaresReadonly(n) {
			for _, as := range n.Args {
				if as.Name != nil {
					a.readonly[as.Name.Value] = as.Pos()
				}
			}
		}
	case *syntax.CallExpr:
		for _, as := range n.Assigns {
			a.assigned[as.Name.Value] = true
		}
		for i, arg := range n.Args { // read, getopts, mapfile, printf -v, unset
			if name := quotedLit(arg); i > 0 && syntax.ValidName(name) {
				a.number(name, false)
			}
		}
	}
	return true
}

func (a *assignments) number(name string, is bool) {
	was, ok := a.numeric[name]
	a.numeric[name] = is && (was || !ok)
}

func declaresReadonly(n *syntax.DeclClause) bool {
	if n.Variant.Value == "readonly" {
		return true
	}
	for _, a := range n.Args {
		if flags := a.Value; a.Name == nil && flags != nil && strings.HasPrefix(flags.Lit(), "-") && strings.Contains(flags.Lit(), "r") {
			return true
		}
	}
	return false
}

// merge adds the variables of one text to those of the texts before it. It returns a
// variable that is readonly from now on although an earlier text assigns it: that text is
// already rewritten, without a check.
func (g *program) merge(a *assignments) (name string, pos syntax.Pos) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.numeric == nil {
		g.assigned, g.readonly, g.numeric = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	for n, p := range a.readonly {
		if g.assigned[n] && !g.readonly[n] {
			name, pos = n, p
		}
		g.readonly[n] = true
	}
	for n := range a.assigned {
		g.assigned[n] = true
	}
	for n, is := range a.numeric {
		was, ok := g.numeric[n]
		g.numeric[n] = is && (was || !ok)
	}
	return name, pos
}

func (g *program) isNumeric(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.numeric[name]
}

func (g *program) isReadonly(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.readonly[name]
}

// assigned refuses arithmetic that gives a value to a readonly variable.
func (w *rewriter) assigned(pos syntax.Pos, name string) {
	if w.prog.isReadonly(name) {
		w.refuse(pos, "arithmetic that assigns the readonly variable "+name)
	}
}

// guardReadonly ends the shell before a command that would give a readonly variable a
// value. The library prints a message and goes on with the next command.
func (w *rewriter) guardReadonly(cmd syntax.Command) syntax.Command {
	for _, name := range w.targets(cmd) {
		if !w.prog.isReadonly(name) {
			continue
		}
		is := &syntax.Word{Parts: []syntax.WordPart{&syntax.CmdSubst{Stmts: []*syntax.Stmt{{Cmd: callOf(callIsReadonly, name)}}}}}
		cmd = &syntax.CaseClause{Word: is, Items: []*syntax.CaseItem{
			{Op: syntax.Break, Patterns: []*syntax.Word{plain("yes")}, Stmts: []*syntax.Stmt{{Cmd: callOf(callReadonly, name)}}},
			{Op: syntax.Break, Patterns: []*syntax.Word{plain("*")}, Stmts: []*syntax.Stmt{{Cmd: cmd}}}}}
	}
	return cmd
}

// targets are the variables that a command assigns. A declaration of bash only fails.
func (w *rewriter) targets(cmd syntax.Command) (names []string) {
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		for _, a := range c.Assigns {
			names = append(names, a.Name.Value)
		}
	case *syntax.DeclClause:
		for _, a := range c.Args {
			if w.posix && a.Name != nil && a.Value != nil {
				names = append(names, a.Name.Value)
			}
		}
	case *syntax.ForClause:
		if i, ok := c.Loop.(*syntax.WordIter); ok {
			names = append(names, i.Name.Value)
		}
	}
	return names
}

// readonly says that a variable cannot be assigned, and ends the shell.
func (sh *shell) readonly(hc interp.HandlerContext, name string) []string {
	line := max(1, hc.Pos.Line())
	if sh.kind == "bash" { // it goes on with the next line of its script
		fmt.Fprintf(hc.Stderr, "%s: line %d: sandbox: an assignment to the readonly variable %s"+NotHere+"\n", sh.name, line, name)
		return []string{"exit", "1"}
	}
	fmt.Fprintf(hc.Stderr, "%s: %d: %s: is read only\n", sh.name, line, name)
	return []string{"exit", "2"}
}

// unset fails for a readonly variable: the library only prints a message.
func (sh *shell) unset(hc interp.HandlerContext, args []string) []string {
	for _, name := range args[1:] {
		if name == "-f" {
			break
		}
		if !hc.Env.Get(name).ReadOnly {
			continue
		}
		if sh.kind != "bash" {
			return sh.readonly(hc, name)
		}
		fmt.Fprintf(hc.Stderr, "%s: unset: %s: cannot unset: readonly variable\n", sh.name, name)
		return []string{"false"}
	}
	return args
}
