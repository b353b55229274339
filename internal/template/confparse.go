package template

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// parseConf reads the assignments in a template.conf as bash would, without running
// anything. It handles quotes, trailing comments, ${NAME:-default} and earlier
// assignments, and ignores the environment. The original's reader, a regular expression,
// took trailing comments for part of the value.
func parseConf(data []byte) ([]confWord, []Problem) {
	if why := badText(data); why != "" {
		return nil, []Problem{{File: confFile, Message: why}}
	}
	text := strings.Join(lines(data), "\n")
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), confFile)
	if err != nil {
		p := Problem{File: confFile, Message: err.Error()}
		var pe syntax.ParseError
		var le syntax.LangError
		switch {
		case errors.As(err, &pe):
			p.Line, p.Col, p.Message = int(pe.Pos.Line()), int(pe.Pos.Col()), pe.Text
		case errors.As(err, &le):
			p.Line, p.Col, p.Message = int(le.Pos.Line()), int(le.Pos.Col()), le.Feature+" cannot be read"
		}
		return nil, []Problem{p}
	}
	e := evaluator{}
	var out []confWord
	for _, stmt := range file.Stmts {
		for _, a := range assignments(stmt) {
			if a.Name == nil {
				continue
			}
			w := confWord{name: a.Name.Value, line: int(a.Pos().Line()), col: int(a.Pos().Col())}
			value, ok := e.word(a.Value)
			w.value, w.opaque = value, !ok || a.Append || a.Array != nil || a.Index != nil
			if !w.opaque {
				e[w.name] = w.value
			}
			out = append(out, w)
		}
	}
	return out, nil
}

// assignments returns the assignments in a statement. Like the original, it ignores
// everything else.
func assignments(stmt *syntax.Stmt) []*syntax.Assign {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) == 0 {
			return cmd.Assigns
		}
	case *syntax.DeclClause: // export, readonly, declare
		return cmd.Args
	}
	return nil
}

// evaluator holds the variables assigned so far.
type evaluator map[string]string

// word returns a word's text, or false if only a shell could compute it.
func (e evaluator) word(w *syntax.Word) (string, bool) {
	if w == nil {
		return "", true
	}
	return e.parts(w.Parts, false)
}

func (e evaluator) parts(parts []syntax.WordPart, quoted bool) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		text, ok := "", true
		switch p := part.(type) {
		case *syntax.Lit:
			text = unescape(p.Value, quoted)
		case *syntax.SglQuoted:
			text, ok = p.Value, !p.Dollar
		case *syntax.DblQuoted:
			text, ok = e.parts(p.Parts, true)
		case *syntax.ParamExp:
			text, ok = e.param(p)
		default:
			ok = false
		}
		// Repeated doubling (A=$B$B, B=$A$A, …) must not use up the memory.
		if !ok || b.Len()+len(text) > maxDocument {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// param expands $NAME, ${NAME}, ${NAME-word} or ${NAME:-word}.
func (e evaluator) param(p *syntax.ParamExp) (string, bool) {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		return "", false
	}
	if !varName().MatchString(p.Param.Value) {
		return "", false // $1, $?, …
	}
	value, set := e[p.Param.Value]
	if p.Exp == nil {
		return value, true
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset:
	case syntax.DefaultUnsetOrNull:
		set = value != ""
	default:
		return "", false
	}
	if set {
		return value, true
	}
	return e.word(p.Exp.Word)
}

// unescape removes backslashes as a shell does. In double quotes they only count before $
// ` " \ and the end of a line.
func unescape(s string, quoted bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			switch {
			case s[i] == '\n':
				continue
			case quoted && !strings.ContainsRune("$`\"\\", rune(s[i])):
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
