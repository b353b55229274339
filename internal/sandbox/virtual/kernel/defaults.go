package kernel

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The library takes the word of ${x:-word} for a word of its own: quotes in it are
// quotes even between double quotes, and what they hold is split where the whole is.

// hasDefault reports whether an expansion has a word that may stand for the value.
func hasDefault(x *syntax.ParamExp) bool {
	if x.Exp == nil || x.Exp.Word == nil {
		return false
	}
	switch x.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AlternateUnset, syntax.AlternateUnsetOrNull,
		syntax.AssignUnset, syntax.AssignUnsetOrNull, syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return true
	}
	return false
}

// quotedDefault mends the word of an expansion between double quotes, where a single
// quote is a character like any other and a backslash quotes what it quotes there.
func (w *rewriter) quotedDefault(x *syntax.ParamExp) {
	var parts []syntax.WordPart
	for _, part := range x.Exp.Word.Parts {
		switch q := part.(type) {
		case *syntax.SglQuoted:
			if strings.ContainsAny(q.Value, "$`") {
				w.refuse(q.Pos(), `an expansion in single quotes in "${…}"`)
			}
			parts = append(parts, doubleQuoted("'"+q.Value+"'"))
		case *syntax.Lit:
			parts = append(parts, unescapedParts(q, "$`\"\\}")...)
		default:
			parts = append(parts, part)
		}
	}
	x.Exp.Word.Parts = parts
}

// unescapedParts quotes each of the characters that have a backslash before them.
func unescapedParts(l *syntax.Lit, quotable string) []syntax.WordPart {
	var parts []syntax.WordPart
	text := l.Value
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' || strings.IndexByte(quotable, text[i+1]) < 0 {
			continue
		}
		if i > 0 {
			parts = append(parts, &syntax.Lit{Value: text[:i]})
		}
		parts = append(parts, doubleQuoted(text[i+1:i+2]))
		text, i = text[i+2:], -1
	}
	if text != "" {
		parts = append(parts, &syntax.Lit{ValuePos: l.ValuePos, ValueEnd: l.ValueEnd, Value: text})
	}
	return parts
}

// doubleQuoted is a text as a part that may be printed and read again.
func doubleQuoted(text string) *syntax.DblQuoted {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text)
	return &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
}

// splitDefaults refuses what would be split in the wrong place: a quoted text with
// blanks as the default of an expansion that is not quoted itself.
func (w *rewriter) splitDefaults(words []*syntax.Word) {
	for _, word := range words {
		for _, part := range word.Parts {
			x, ok := part.(*syntax.ParamExp)
			if !ok || !hasDefault(x) {
				continue
			}
			for _, p := range x.Exp.Word.Parts {
				if strings.ContainsAny(quotedText(p), " \t\n*?[") {
					w.refuse(x.Pos(), `a quoted text with blanks in ${…} that is not quoted as a whole`)
				}
			}
		}
	}
}

func quotedText(part syntax.WordPart) string {
	switch q := part.(type) {
	case *syntax.SglQuoted:
		return q.Value
	case *syntax.DblQuoted:
		text := ""
		for _, p := range q.Parts {
			if l, ok := p.(*syntax.Lit); ok {
				text += l.Value
			}
		}
		return text
	}
	return ""
}

// associative notes the names of declare -A: the library counts their elements wrong.
func (w *rewriter) associative(d *syntax.DeclClause) {
	is := false
	for _, a := range d.Args {
		switch {
		case a.Name == nil && a.Value != nil:
			is = is || strings.HasPrefix(a.Value.Lit(), "-") && strings.Contains(a.Value.Lit(), "A")
		case is && a.Name != nil:
			w.prog.associative(a.Name.Value)
		}
	}
}
