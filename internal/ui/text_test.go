package ui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain text\r\n", "plain text"},
		{"\x1b[31mred\x1b[0m", "red"},
		{"\x1b]0;title\x07after", "after"},
		{"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"a\x1b[2J\x1b[Hb", "ab"},
		{"10%\r50%\r100%\r", "100%"},
		{"a\tb", "a       b"},
		{"bell\x07 nul\x00", "bell· nul·"},
		{"\u202egnp.exe", "·gnp.exe"},
		{"bad \xff\xfe utf8", "bad \uFFFD utf8"},
		{"two\nlines", "two·lines"},
		{"日本語 é 🎉", "日本語 é 🎉"},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"x", "\x1b[", "\x1b]0;", "\x9b31m", "\u0085", "\x1b\x1b[[", "a\x1bPq\x1b", "\xc2\x1b[2J\x9b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := Clean(in)
		if !utf8.ValidString(out) {
			t.Fatalf("%q became invalid: %q", in, out)
		}
		for _, r := range out {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q keeps %q", in, r)
			}
		}
		if again := Clean(out); again != out {
			t.Fatalf("%q: %q becomes %q", in, out, again)
		}
		for _, width := range []int{0, 1, 7} {
			if w := ansi.StringWidth(cut(out, width)); w > width {
				t.Fatalf("%q cut to %d is %d wide", out, width, w)
			}
		}
	})
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\r\nb\x1b[1m\n"); got != "a; b" {
		t.Errorf("%q", got)
	}
	if got := safeLines("a\n\x1b[Hb"); got != "a\n  b" || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}
