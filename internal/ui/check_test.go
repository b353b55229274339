package ui

import "testing"

func TestCheckLines(t *testing.T) {
	st := styles{}
	for _, c := range []struct{ title, detail, where, fix, want string }{
		{"clock", "as this machine's", "", "", "✗ clock                     as this machine's\n"},
		{"clock", "", "", "", "✗ clock\n"},
		{"a title that is longer than its column", "x", "", "", "✗ a title that is longer than its column\n                            x\n"},
		{"clock", "one two three four five six seven", "on the node", "chronyc makestep && timedatectl set-ntp true", "✗ clock                     one two three four\n" +
			"                            five six seven\n  → on the node: chronyc makestep && timedatectl set-ntp true\n"},
		{"bad\x1b[31m", "two\nlines", "", "a\x07b", "✗ bad\x1b[31m"},
	} {
		got := checkLines(st, 48, MarkBad, c.title, c.detail, c.where, c.fix)
		if c.title == "bad\x1b[31m" {
			for _, r := range got {
				if r < ' ' && r != '\n' {
					t.Errorf("control character %q in %q", r, got)
				}
			}
			continue
		}
		if got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}
