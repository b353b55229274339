// Package yamltext explains in plain words why a text is not YAML. The parser's own
// errors have no column, often name another line than that of the fault, and give no
// advice. It knows neither the config nor templates.
package yamltext

import (
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fault is the reason why a text is not YAML, and its position. Line and Col start at 1;
// 0 is unknown.
type Fault struct {
	Line, Col int
	Text      string
	Next      string // advice, "" if there is none
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// Explain returns the fault behind an error of the parser.
func Explain(data string, err error) Fault {
	msg := err.Error()
	m := yamlLine.FindStringSubmatch(msg)
	if m == nil {
		return Fault{Text: "not YAML: " + msg}
	}
	f := Fault{Text: "not YAML: " + msg[len(m[0]):]}
	f.Line, _ = strconv.Atoi(m[1])
	f.Line = max(f.Line, 1) // the parser omits line 1
	lines := strings.Split(data, "\n")
	switch {
	case strings.Contains(msg, "tab character"), strings.Contains(msg, "cannot start any token"):
		f.character(lines)
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "'-' indicator"):
		f.Line, f.Col = firstBad(lines, msg), 0
		f.Col = indent(lines[f.Line-1]) + 1
		f.Next = "indent it like the lines beside it, with spaces"
	case strings.Contains(msg, "expected ',' or"):
		f.Next = "close the bracket, and put commas between its items"
	case strings.Contains(msg, "end of stream"):
		f.Next = "close the quotes"
	case strings.Contains(msg, "mapping values are not allowed"):
		f.Line = firstBad(lines, msg)
		if i := strings.LastIndex(strings.TrimRight(lines[f.Line-1], " \r")+" ", ": "); i >= 0 {
			f.Col = i + 1
		}
		f.Next = `quote a text with ": " in it, and give each key a line of its own`
	}
	return f
}

// character finds a character that cannot begin a word, or a tab in an indentation. It is
// in the reported line or in the next one, because the parser counts lines sometimes from
// 0 and sometimes from 1.
func (f *Fault) character(lines []string) {
	from := min(max(f.Line-1, 0), len(lines)-1)
	for i, line := range lines[from:] {
		if tab := strings.IndexByte(line[:indent(line)], '\t'); tab >= 0 {
			f.Line, f.Col, f.Next = from+i+1, tab+1, "indent with spaces: YAML takes no tabs"
			return
		}
	}
	f.Next = "quote a text that starts with @, ` or %"
	for i, line := range lines[from:] {
		if at := startsWith.FindStringIndex(line); at != nil {
			f.Line, f.Col = from+i+1, at[1]
			return
		}
	}
}

// startsWith matches a value or an item that begins with a forbidden character.
var startsWith = regexp.MustCompile("(?:^|[:,\\[{-])\\s*[@`%]")

// indent counts the blanks and tabs before a line's text.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// firstBad returns the number of the first line with which the text has the same error.
// For some errors the parser only reports the beginning of the surrounding block.
func firstBad(lines []string, msg string) int {
	n := 1 + sort.Search(len(lines)-1, func(i int) bool {
		var doc yaml.Node
		err := yaml.NewDecoder(strings.NewReader(strings.Join(lines[:i+1], "\n"))).Decode(&doc)
		return err != nil && err.Error() == msg
	})
	return min(n, len(lines))
}
