package template

import (
	"bytes"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// scriptVariables finds the variables that a shell script uses and that nobody sets. Names in
// capitals may come from the environment, so they are only compared with those that the tool
// itself sets.
func (c *lint) scriptVariables() {
	for _, s := range c.t.allScripts() {
		if s.inherited || interpreter(s.Content) == "" {
			continue
		}
		f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(s.Content), "")
		if err != nil {
			continue // Load has said so
		}
		u := usesOf(f)
		if u.opaque {
			continue
		}
		for name := range s.Env {
			u.set[name] = true
		}
		for _, p := range u.used {
			c.scriptVariable(c.dir+"scripts/"+s.Name, u, p)
		}
	}
}

func (c *lint) scriptVariable(file string, u *uses, p *syntax.ParamExp) {
	name, at := p.Param.Value, p.Pos()
	if u.set[name] || u.said[name] || c.provides(name) {
		return
	}
	names := c.variableNames()
	line, col := int(at.Line()), int(at.Col())
	near := slip(name, names)
	if rest, own := strings.CutPrefix(name, envPrefix); own { // the prefix alone makes any two alike
		if near = slip(rest, c.variableNames()); near != "" {
			near = EnvName(near)
		}
	}
	switch upper := strings.ToUpper(name) == name; {
	case near != "" && (!upper || strings.ToUpper(near) == near):
		u.said[name] = true
		c.in(file, line, col, true, "did you mean $"+near+"?", "nothing sets $%s", name)
	case strings.HasPrefix(name, envPrefix):
		u.said[name] = true
		c.in(file, line, col, true, "declare it under variables", "the template has no variable for $%s", name)
	case !upper:
		u.said[name] = true
		c.in(file, line, col, false, "declare it under variables, or write ${"+name+":-} if it may be empty", "nothing sets $%s", name)
	}
}

func (c *lint) variableNames() (names []string) {
	for _, v := range c.t.Variables {
		names = append(names, v.Name)
	}
	return names
}

// provides reports whether the tool sets a variable for scripts.
func (c *lint) provides(name string) bool {
	for _, v := range c.t.Variables {
		if name == v.Name || name == EnvName(v.Name) || name == v.Generate.partner(v.Name) || name == EnvName(v.Generate.partner(v.Name)) {
			return true
		}
	}
	return slices.Contains(reserved, name) || slices.Contains([]string{"http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "all_proxy", "histchars"}, name)
}

// uses are the variables of a script: those that it sets, and the places where it uses one
// without a default.
type uses struct {
	set    map[string]bool
	said   map[string]bool
	used   []*syntax.ParamExp
	opaque bool // it reads another file or runs text, which may set anything
}

var assignment = lazy.Regexp(`^([A-Za-z_][A-Za-z0-9_]*)(=.*)?$`)

func usesOf(f *syntax.File) *uses {
	u := &uses{set: map[string]bool{}, said: map[string]bool{}}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name != nil {
				u.set[n.Name.Value] = true
			}
		case *syntax.WordIter:
			u.set[n.Name.Value] = true
		case *syntax.ParamExp:
			u.param(n)
		case *syntax.CallExpr:
			u.call(n)
		case *syntax.BinaryArithm, *syntax.UnaryArithm, *syntax.CStyleLoop:
			u.opaque = u.opaque || sets(n)
		}
		return true
	})
	return u
}

// sets reports whether an arithmetic expression may set a variable.
func sets(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.BinaryArithm:
		return strings.HasSuffix(n.Op.String(), "=") && !slices.Contains([]string{"==", "!=", "<=", ">="}, n.Op.String())
	case *syntax.UnaryArithm:
		return n.Op == syntax.Inc || n.Op == syntax.Dec
	}
	return true
}

func (u *uses) param(p *syntax.ParamExp) {
	if p.Param == nil || !varName().MatchString(p.Param.Value) {
		return
	}
	if p.Exp != nil && p.Exp.Op != syntax.RemSmallPrefix && p.Exp.Op != syntax.RemLargePrefix && p.Exp.Op != syntax.RemSmallSuffix && p.Exp.Op != syntax.RemLargeSuffix {
		u.set[p.Param.Value] = true // ${x:-…}, ${x:=…}, ${x:?…}: the script knows that it may be missing
		return
	}
	if p.Excl || p.Names != 0 {
		u.opaque = true
		return
	}
	u.used = append(u.used, p)
}

// call notes what a command sets: read, export, local, mapfile, getopts, printf -v, and what
// may set anything.
func (u *uses) call(n *syntax.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	switch name := n.Args[0].Lit(); name {
	case ".", "source", "eval":
		u.opaque = true
	case "read", "mapfile", "readarray", "getopts", "export", "local", "declare", "typeset", "readonly", "unset", "let", "printf", "wait":
		for _, a := range n.Args[1:] {
			lit := a.Lit()
			if lit == "" && len(a.Parts) > 0 {
				if l, ok := a.Parts[0].(*syntax.Lit); ok {
					lit = l.Value
				}
			}
			if m := assignment().FindStringSubmatch(lit); m != nil {
				u.set[m[1]] = true
			}
		}
	}
}
