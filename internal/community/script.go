package community

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/infrahaus/infrahaus/internal/template"
)

// maxScript is the size in bytes of the largest file that is read: the project's own
// largest, misc/tools.func, has 400,000.
const maxScript = 4 << 20

// script is a shell script of the checkout, as text and as syntax.
type script struct {
	file      string
	text      []byte
	syntax    *syntax.File
	questions []question
	edits     []edit
}

// edit replaces a part of a script.
type edit struct {
	from, to uint // offsets in bytes
	with     string
}

// problem is a template.Problem that is an error.
type problem struct{ template.Problem }

func (p problem) Error() string { return p.String() }

// parse reads a script as bash does. A *syntax.ParseError becomes a problem.
func parse(fsys fs.FS, file string) (*script, error) {
	text, err := readFile(fsys, file)
	if err != nil {
		return nil, err
	}
	f, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(text), file)
	if wrong, ok := errors.AsType[syntax.ParseError](err); ok {
		return nil, problem{template.Problem{File: file, Line: int(wrong.Pos.Line()), Col: int(wrong.Pos.Col()), Message: "is no shell script: " + wrong.Text}}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return &script{file: file, text: text, syntax: f}, nil
}

// readFile reads a file with its line ends as a shell wants them.
func readFile(fsys fs.FS, file string) ([]byte, error) {
	info, err := fs.Stat(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxScript {
		return nil, fmt.Errorf("cannot read %s: it is no file of at most %d bytes", file, maxScript)
	}
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), nil
}

// replace notes that a node's text will be another one.
func (s *script) replace(n syntax.Node, with string) {
	s.edits = append(s.edits, edit{n.Pos().Offset(), n.End().Offset(), with})
}

// edited is the script after its edits.
func (s *script) edited() []byte {
	slices.SortFunc(s.edits, func(a, b edit) int { return int(a.from) - int(b.from) })
	var out bytes.Buffer
	at := uint(0)
	for _, e := range s.edits {
		out.Write(s.text[at:e.from])
		out.WriteString(e.with)
		at = e.to
	}
	out.Write(s.text[at:])
	return out.Bytes()
}

// calls visits each simple command that has a fixed name, together with the commands
// around it, the outermost first.
func (s *script) calls(visit func(name string, call *syntax.CallExpr, around []syntax.Node)) {
	var around []syntax.Node
	syntax.Walk(s.syntax, func(n syntax.Node) bool {
		if n == nil {
			around = around[:len(around)-1]
			return true
		}
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			if name := call.Args[0].Lit(); name != "" {
				visit(name, call, around)
			}
		}
		around = append(around, n)
		return true
	})
}

// plain is the text of a word as a reader sees it: colours and indents of the project's
// functions are left out, other expansions are kept as they are written.
func (s *script) plain(w *syntax.Word) string {
	var b strings.Builder
	var add func(parts []syntax.WordPart)
	add = func(parts []syntax.WordPart) {
		for _, p := range parts {
			switch p := p.(type) {
			case *syntax.Lit:
				b.WriteString(p.Value)
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				add(p.Parts)
			case *syntax.ParamExp:
				if p.Param != nil && slices.Contains(decoration, p.Param.Value) {
					continue
				}
				b.WriteString(s.source(p))
			default:
				b.WriteString(s.source(p))
			}
		}
	}
	add(w.Parts)
	return strings.TrimSpace(b.String())
}

// decoration are variables of misc/core.func with colours, icons and blanks.
var decoration = []string{
	"YW", "YWB", "BL", "RD", "BGN", "GN", "DGN", "CL", "BFR", "BOLD", "HOLD", "TAB", "TAB3", "CM", "CROSS", "INFO",
	"GATEWAY", "CREATING", "NETWORK", "DNSOK", "DNSFAIL", "OS", "OSVERSION", "ADVANCED", "DEFAULT", "ROOTSSH", "HOSTNAME",
}

// source is a node as it is written.
func (s *script) source(n syntax.Node) string {
	return string(s.text[n.Pos().Offset():n.End().Offset()])
}

// at is a problem at a node.
func (s *script) at(n syntax.Node, format string, args ...any) template.Problem {
	return template.Problem{File: s.file, Line: int(n.Pos().Line()), Col: int(n.Pos().Col()), Message: fmt.Sprintf(format, args...)}
}
