package ui

import (
	"os/exec"
	"strings"
	"testing"
)

func TestValueCells(t *testing.T) {
	tests := []struct{ value, cells string }{
		{"va l#ue", "va l#ue"},
		{`a"b\n`, `a"b\n`},
		{"x==\n", "x=="},
		{"", ""},
		{"a\x1b[1m", "a\x1b[1m"},
		{"two\nlines\\n\n", `two\nlines\\n\n|escaped, 2 lines`},
		{"x\n\n", `x\n\n|escaped, 2 lines`},
		{"a\tb", `a\tb|escaped, 1 line`},
		{"a\r\n", `a\0015\n|escaped, 1 line`},
		{"\x00\xff1\n", `\0000\03771\n|escaped, 4 bytes that are no text`},
		{"caf\u00e9\n\u2028\n", "caf\u00e9\\n\u2028\\n|escaped, 2 lines"},
	}
	for _, test := range tests {
		cells := ValueCells(test.value)
		if got := strings.Join(cells, "|"); got != test.cells {
			t.Errorf("%q is %q, want %q", test.value, got, test.cells)
		}
		if len(cells) == 2 {
			if back, err := exec.Command("printf", "%b", cells[0]).Output(); err != nil || string(back) != test.value {
				t.Errorf("printf %%b makes %q of %q: %v", back, test.value, err)
			}
		}
	}
}

func TestWriteValue(t *testing.T) {
	const value = "one\n\x1b]0;x\atwo\tx\r\n"
	var out strings.Builder
	if err := WriteValue(&Streams{Out: &out}, value); err != nil || out.String() != value {
		t.Errorf("a program gets %q, %v", out.String(), err)
	}
	out.Reset()
	if err := WriteValue(&Streams{Out: &out, OutTTY: true}, value); err != nil || strings.ContainsAny(out.String(), "\x1b\a\r") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("a screen gets %q, %v", out.String(), err)
	}
	if Shown(value) || !Shown("one\ntwo\n") || Shown("a\tb") {
		t.Error("what a screen shows as it is")
	}
}
