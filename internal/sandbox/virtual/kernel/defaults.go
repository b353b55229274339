package kernel

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The library treats the word of ${x:-word} as a separate word. So its quotes act as
// quotes even between double quotes, and quoted text in it is split when the whole is
// split.

// hasDefault reports whether an expansion has a word that may replace the value.
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

// quotedDefault corrects the word of an expansion between double quotes. There a single
// quote is an ordinary character, and a backslash only quotes the characters that it
// quotes between double quotes.
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

// unescapedParts quotes each character that has a backslash before it.
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

// doubleQuoted returns text as a part that can be printed and parsed again.
func doubleQuoted(text string) *syntax.DblQuoted {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text)
	return &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
}

// splitDefaults refuses an expansion that the library would split in the wrong place: one
// that is not quoted itself and has a quoted text with blanks as its default.
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

// associative records the names of declare -A, because the library counts their elements
// wrong.
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
