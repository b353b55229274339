// Package yamltext says in a person's words why a text is not YAML. The parser's own
// errors have no column, often another line than the one at fault, and no advice. It
// knows neither the config nor templates.
package yamltext

import (
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fault is why and where a text is not YAML. Line and Col are from 1; 0 is unknown.
type Fault struct {
	Line, Col int
	Text      string
	Next      string // what to do about it, "" where nothing is known
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// Explain is the fault behind an error of the parser.
func Explain(data string, err error) Fault {
	msg := err.Error()
	m := yamlLine.FindStringSubmatch(msg)
	if m == nil {
		return Fault{Text: "not YAML: " + msg}
	}
	f := Fault{Text: "not YAML: " + msg[len(m[0]):]}
	f.Line, _ = strconv.Atoi(m[1])
	f.Line = max(f.Line, 1) // the parser leaves the first out
	lines := strings.Split(data, "\n")
	switch {
	case strings.Contains(msg, "tab character"), strings.Contains(msg, "cannot start any token"):
		f.character(lines)
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "'-' indicator"):
		f.Line, f.Col = firstBad(lines, msg), 0
		f.Col = indent(lines[f.Line-1]) + 1
		f.Next = "indent it as what stands beside it, with spaces"
	case strings.Contains(msg, "expected ',' or"):
		f.Next = "close the bracket, and put commas between what is in it"
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

// character finds what stands where no word can begin: a tab in an indentation, at the
// line that is told or, since the parser counts from 0 here and from 1 there, after it.
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

// startsWith is a value or an item that begins with a character that none may.
var startsWith = regexp.MustCompile("(?:^|[:,\\[{-])\\s*[@`%]")

// indent counts the blanks and tabs before a line's text.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// firstBad is the number of the first line with which the text is bad in the same way:
// for some errors the parser tells where the block began that holds it.
func firstBad(lines []string, msg string) int {
	n := 1 + sort.Search(len(lines)-1, func(i int) bool {
		var doc yaml.Node
		err := yaml.NewDecoder(strings.NewReader(strings.Join(lines[:i+1], "\n"))).Decode(&doc)
		return err != nil && err.Error() == msg
	})
	return min(n, len(lines))
}
