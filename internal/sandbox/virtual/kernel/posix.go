package kernel

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The parser reads every script as bash. For dash, the constructs that only bash has are
// replaced so that they fail as on a real guest: with a syntax error, with "bad
// substitution" when the expansion is reached, or with a command that is not found. So a
// script with #!/bin/sh that needs bash also fails here.

// varBadSubst is never set: expanding it with ? ends the shell with a message.
const varBadSubst = callPrefix + "bad"

// posixNode is the part of walk for dash.
func (w *rewriter) posixNode(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.CaseItem:
		if n.Op != syntax.Break {
			w.syntaxError(n.OpPos, `"`+n.Op.String()[1:]+`" unexpected`)
		}
	case *syntax.CStyleLoop:
		w.syntaxError(n.Pos(), "Bad for loop variable")
	case *syntax.BinaryCmd:
		if n.Op == syntax.PipeAll {
			w.syntaxError(n.OpPos, `"&" unexpected`)
		}
	case *syntax.FuncDecl:
		if n.RsrvWord {
			w.syntaxError(n.Pos(), `"function" is bash's`)
		}
	case *syntax.ForClause:
		if n.Select {
			w.syntaxError(n.Pos(), `"do" unexpected`)
		}
		if items, ok := n.Loop.(*syntax.WordIter); ok {
			noBraces(items.Items)
		}
	case *syntax.CallExpr:
		noBraces(n.Args)
	case *syntax.BinaryArithm:
		if n.Op == syntax.Pow || n.Op == syntax.PowAssgn || n.Op == syntax.Comma {
			w.syntaxError(n.OpPos, "arithmetic expression: expecting primary")
		}
	case *syntax.UnaryArithm:
		if n.Op == syntax.Inc || n.Op == syntax.Dec {
			w.syntaxError(n.OpPos, "arithmetic expression: expecting primary")
		}
	}
}

// posixCommand replaces the commands that dash takes for names of programs.
func (w *rewriter) posixCommand(cmd syntax.Command) syntax.Command {
	switch c := cmd.(type) {
	case *syntax.TestClause:
		return named("[[")
	case *syntax.ArithmCmd:
		return named("((")
	case *syntax.LetClause:
		return named("let")
	case *syntax.DeclClause:
		switch v := c.Variant.Value; v {
		case "local", "export", "readonly":
		default:
			return named(v)
		}
	case *syntax.CallExpr:
		for i, a := range c.Assigns {
			if !a.Append {
				continue
			}
			// x+=1 is a command of that name, and the words after it are its arguments.
			name := lit(a.Name.Value + "+=")
			if a.Value != nil {
				name.Parts = append(name.Parts, a.Value.Parts...)
			}
			c.Args = append([]*syntax.Word{name}, c.Args...)
			c.Assigns = c.Assigns[:i]
			break
		}
	}
	return cmd
}

// named calls a command whose name is a keyword in bash. The name is quoted, so that it
// stays a name when a sourced script is parsed a second time, from the rewritten text.
func named(name string) *syntax.CallExpr { return &syntax.CallExpr{Args: []*syntax.Word{lit(name)}} }

// posixParam replaces an expansion that only bash has by one that ends the shell when it
// is reached.
func (w *rewriter) posixParam(x *syntax.ParamExp) {
	bash := x.Excl || x.Slice != nil || x.Repl != nil || x.Names != 0 || x.Index != nil
	if x.Exp != nil {
		switch x.Exp.Op {
		case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll, syntax.OtherParamOps:
			bash = true
		}
	}
	if !bash {
		return
	}
	x.Param, x.Short = &syntax.Lit{Value: varBadSubst}, false
	x.Excl, x.Length, x.Slice, x.Repl, x.Names, x.Index = false, false, nil, nil, 0, nil
	x.Exp = &syntax.Expansion{Op: syntax.ErrorUnset, Word: plain("Bad substitution (bash alone has it)")}
}

// posixParts rewrites $'x' and $"x" as dash reads them: a dollar and a quoted text.
func posixParts(parts []syntax.WordPart) []syntax.WordPart {
	out := parts[:0:0]
	for _, part := range parts {
		switch q := part.(type) {
		case *syntax.SglQuoted:
			if q.Dollar {
				out = append(out, &syntax.SglQuoted{Value: "$"})
				q.Dollar = false
			}
		case *syntax.DblQuoted:
			if q.Dollar {
				out = append(out, &syntax.SglQuoted{Value: "$"})
				q.Dollar = false
			}
		}
		out = append(out, part)
	}
	return out
}

// noBraces keeps {a,b} as it is written.
func noBraces(words []*syntax.Word) {
	for _, word := range words {
		var parts []syntax.WordPart
		for _, part := range word.Parts {
			l, ok := part.(*syntax.Lit)
			if !ok || !strings.Contains(l.Value, "{") || !strings.ContainsAny(l.Value, ",.") {
				parts = append(parts, part)
				continue
			}
			text := l.Value
			for i := 0; i < len(text); i++ {
				switch text[i] {
				case '\\':
					i++
				case '{':
					if i > 0 {
						parts = append(parts, &syntax.Lit{Value: text[:i]})
					}
					parts = append(parts, &syntax.SglQuoted{Value: "{"})
					text, i = text[i+1:], -1
				}
			}
			if text != "" {
				parts = append(parts, &syntax.Lit{Value: text})
			}
		}
		word.Parts = parts
	}
}

// posixRedirect refuses redirections that dash reads differently.
func (w *rewriter) posixRedirect(r *syntax.Redirect) {
	switch r.Op {
	case syntax.WordHdoc:
		w.syntaxError(r.Pos(), "redirection unexpected")
	case syntax.RdrAll, syntax.AppAll:
		w.refuse(r.Pos(), r.Op.String()+" in a shell other than bash (it sends the command to the background)")
	}
}

// posixBuiltins exist only in bash: dash looks for a program of that name.
var posixBuiltins = map[string]bool{
	"source": true, "shopt": true, "mapfile": true, "readarray": true, "let": true, "declare": true, "typeset": true,
	"pushd": true, "popd": true, "dirs": true, "caller": true, "compgen": true, "complete": true, "compopt": true,
	"bind": true, "enable": true, "disown": true, "help": true, "history": true, "suspend": true, "logout": true,
	"builtin": true,
}
