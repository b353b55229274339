package ui

import (
	"encoding/json"
	"reflect"
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
		{"\x1b]0;title\x07after", "·]0;title·after"},
		{"a\x1b[2J\x1b[Hb", "ab"},
		{"a\x1b[", "a·["},
		{"a\x1b[ (not yours)", "a·[ (not yours)"},
		{"web\rother", "web·other"},
		{"ad\u200bmin \u00adx\ufeff\u2060y", "ad·min ·x··y"},
		{"a\u200db\u200d", "a·b·"},
		{"می\u200cخواهم 👩\u200d💻 ❤\ufe0f\u200d🔥 x\ufe0f", "می\u200cخواهم 👩\u200d💻 ❤\ufe0f\u200d🔥 x·"},
		{"\u061c\u200e\u2066\u3164\U000e0041", "·····"},
		{"\u009b31m", "·31m"},
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

func TestCleanOutput(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"\x1b]0;title\x07after", "after"},
		{"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\x1b]52;c;ZXZpbA==\x1b\\x\x1b(By\x1bcz\x1bPq#\x1b\\", "xyz"},
		{"10%\r50%\r100%\r", "100%"},
		{"\x1b]0;no end", "·]0;no end"},
		{"\x1b]0;a\x1b[31mb\a", "·]0;ab·"},
		{"a\x1b[?25l\x1b[1;31;4 qb", "ab"},
	} {
		if got := CleanOutput(tt.in); got != tt.want {
			t.Errorf("CleanOutput(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"x", "\x1b[", "\x1b]0;", "\x9b31m", "\u0085", "\x1b\x1b[[", "a\x1bPq\x1b", "\xc2\x1b[2J\x9b",
		"👩\u200d💻\u200d\u3164", "❤\ufe0f\ufe0f", nasty} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, clean := range []func(string) string{Clean, CleanOutput} {
			out := clean(in)
			if !utf8.ValidString(out) {
				t.Fatalf("%q became invalid: %q", in, out)
			}
			for _, r := range out {
				if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\u2060' || r == '\ufeff' {
					t.Fatalf("%q keeps %q", in, r)
				}
			}
			if again := clean(out); again != out {
				t.Fatalf("%q: %q becomes %q", in, out, again)
			}
			for _, width := range []int{0, 1, 7} {
				if w := ansi.StringWidth(cut(out, width)); w > width {
					t.Fatalf("%q cut to %d is %d wide", out, width, w)
				}
			}
		}
		// Our own words on both sides stay unchanged.
		if out := Clean("cannot do (" + in + ") it"); !strings.HasPrefix(out, "cannot do (") || !strings.HasSuffix(out, " it") {
			t.Fatalf("%q swallows what stands beside it: %q", in, out)
		}
		if json.Valid([]byte(in)) && !same(in, string(escape([]byte(in)))) {
			t.Fatalf("%q is another JSON than %q", escape([]byte(in)), in)
		}
	})
}

func same(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\r\nb\x1b[1m\n"); got != "a; b" {
		t.Errorf("%q", got)
	}
	if got := safeLines("a\n\x1b[Hb"); got != "a\n  b" || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}
