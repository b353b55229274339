package cli

import "strings"

// literal begins a line that no renderer fills or quotes.
const literal = "    "

// helpWidth is the number of columns of a topic on a terminal.
const helpWidth = 78

// Text is the topic for a terminal or a pager.
func (t Topic) Text() string {
	var b strings.Builder
	for i, p := range t.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		if p.title != "" {
			b.WriteString(p.title + ":\n")
		}
		for j, para := range paragraphs(p.text) {
			if j > 0 {
				b.WriteString("\n")
			}
			if para.literal {
				b.WriteString(para.text + "\n")
			} else {
				b.WriteString(wrapped(strings.ReplaceAll(para.text, "`", ""), "", helpWidth))
			}
		}
		if p.text != "" && p.terms != nil {
			b.WriteString("\n")
		}
		for _, e := range p.terms {
			b.WriteString("  " + e.name + "\n" + wrapped(strings.ReplaceAll(e.text, "`", ""), "      ", helpWidth))
			if e.example != "" {
				b.WriteString("      " + strings.ReplaceAll(e.example, "\n", "\n      ") + "\n")
			}
		}
	}
	return b.String()
}

// Markdown is the topic as a page of docs/reference.
func (t Topic) Markdown() string {
	var b strings.Builder
	b.WriteString("<!-- Written by `make docs` from the texts of `infrahaus help " + t.Name + "`. -->\n\n# " + t.Short + "\n")
	for _, p := range t.parts {
		if p.title != "" {
			b.WriteString("\n## " + p.title + "\n")
		}
		for _, para := range paragraphs(p.text) {
			if para.literal {
				b.WriteString("\n" + para.text + "\n")
			} else {
				b.WriteString("\n" + wrapped(markdownText(para.text), "", 92))
			}
		}
		for _, e := range p.terms {
			b.WriteString("\n### `" + e.name + "`\n\n" + wrapped(markdownText(e.text), "", 92))
			if e.example != "" {
				b.WriteString("\n    " + strings.ReplaceAll(e.example, "\n", "\n    ") + "\n")
			}
		}
	}
	return b.String()
}

// markdownText quotes what Markdown would take for HTML or emphasis, outside of code.
func markdownText(s string) string {
	parts := strings.Split(s, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("<", `\<`, "*", `\*`, " _", ` \_`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// Roff is the topic as the sections of a man page, without its header.
func (t Topic) Roff() string {
	var b strings.Builder
	for _, p := range t.parts {
		title := p.title
		if title == "" {
			title = "Description"
		}
		b.WriteString(".SH " + strings.ToUpper(title) + "\n")
		for _, para := range paragraphs(p.text) {
			if para.literal {
				b.WriteString(".PP\n.RS 4\n.nf\n" + roffText(para.text) + "\n.fi\n.RE\n")
			} else {
				b.WriteString(".PP\n" + roffText(para.text) + "\n")
			}
		}
		for _, e := range p.terms {
			b.WriteString(".TP\n\\fB" + roffText(e.name) + "\\fR\n" + roffText(e.text) + "\n")
			if e.example != "" {
				b.WriteString(".RS\n.PP\n.nf\n" + roffText(e.example) + "\n.fi\n.RE\n")
			}
		}
	}
	return b.String()
}

// roffText quotes what roff would take for an escape, a minus or a request.
func roffText(s string) string {
	parts := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s), "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = `\fB` + parts[i] + `\fR`
	}
	lines := strings.Split(strings.Join(parts, ""), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

type paragraph struct {
	text    string
	literal bool
}

// paragraphs splits a text at its blank lines. Literal lines keep their line ends and
// indentation.
func paragraphs(text string) []paragraph {
	var out []paragraph
	for block := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		switch {
		case block == "":
		case strings.HasPrefix(block, literal):
			if n := len(out); n > 0 && out[n-1].literal { // a blank line within
				out[n-1].text += "\n\n" + block
				continue
			}
			out = append(out, paragraph{block, true})
		default:
			out = append(out, paragraph{strings.Join(strings.Fields(block), " "), false})
		}
	}
	return out
}

// wrapped fills a text in lines of at most width columns, each after indent.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		long := len([]rune(word))
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+long > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += long
	}
	return b.String() + "\n"
}
