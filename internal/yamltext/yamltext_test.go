package yamltext

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		text      string
		line, col int
		next      string
	}{
		{"a:\n\tb: 1\n", 2, 1, "no tabs"},
		{"\tx: 1", 1, 1, "no tabs"},
		{"hosts:\n  a:\n\t  url: x\n", 3, 1, "no tabs"},
		{"hosts:\n  a:\n    url: x\n  \tnode: y", 4, 3, "no tabs"},
		{"a:\n  - b\n\t- c\n", 3, 1, "no tabs"},
		{"a: |\n\ttext\n", 2, 1, "no tabs"},
		{"ok: 1\nx: `a`", 2, 4, "quote"},
		{"x: [b, @a]", 1, 8, "quote"},
		{"hosts:\n  h:\n    url: x\n   node: y\n", 4, 4, "indent it like"},
		{"ok: 1\na: b: c", 2, 5, "quote"},
		{"a: b\n  c: d", 2, 4, "line of its own"},
		{"a: [b\nc: d\n", 1, 0, "bracket"},
		{"a: \"b", 1, 0, "quotes"},
	} {
		var doc yaml.Node
		err := yaml.NewDecoder(strings.NewReader(c.text)).Decode(&doc)
		if err == nil {
			t.Errorf("%q is YAML", c.text)
			continue
		}
		f := Explain(c.text, err)
		if f.Line != c.line || f.Col != c.col || !strings.Contains(f.Next, c.next) || !strings.HasPrefix(f.Text, "not YAML: ") {
			t.Errorf("%q: %+v, wanted %d:%d %q (%v)", c.text, f, c.line, c.col, c.next, err)
		}
	}
}

// FuzzExplain checks that the position is always within the text.
func FuzzExplain(f *testing.F) {
	for _, s := range []string{"a:\n\tb: 1", "x: @", "a: b: c", "a:\n   b: 1\n  c: 1", "\t", "", "- a\nb", "a: [", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var doc yaml.Node
		err := yaml.NewDecoder(strings.NewReader(text)).Decode(&doc)
		if err == nil {
			return
		}
		got, lines := Explain(text, err), strings.Split(text, "\n")
		if got.Col > 0 && (got.Line < 1 || got.Line > len(lines) || got.Col > len(lines[got.Line-1])+1) {
			t.Fatalf("%q: %+v", text, got)
		}
	})
}
