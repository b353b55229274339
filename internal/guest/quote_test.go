package guest

import (
	"os/exec"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "a": "a", "a b": "'a b'", "it's": `'it'"'"'s'`, "$x": "'$x'", "-n": "-n", "~": "'~'", "a=b": "'a=b'", "\n": "'\n'", "a\x00b": "ab",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// words are what a name, a path or a value may be at its worst.
var words = []string{"", " ", "it's", "$(reboot)", "`id`", "a\nb\r\t", "\xff\xfe", `\`, `\\n`, "-e", "-n", "--", "!", "!!", "~root", "{a,b}", "*", "[a-z]*", "#x", "é", "日本",
	"a;reboot", "a&b|c>d<e", "$x${y}$((1))", "'", "''", "\"", `'"'"'`, "'\n'", "a=b", "=x", "%s%n", "\x1b[2J\x1b]52;c;eA==\a", "\x01\x7f", "EOF\nreboot", "x\\\n", "\u202e", "/etc/../etc"}

// FuzzQuote: each word of a list arrives in a real shell as it is, beside the
// others, as an argument and as a variable's value.
func FuzzQuote(f *testing.F) {
	f.Add(strings.Join(words, "\x00"))
	f.Add("a\x00'\x00\\")
	f.Fuzz(func(t *testing.T, list string) {
		script, want := "p() { printf '<%s>' \"$@\"; }\np", ""
		for word := range strings.SplitSeq(list, "\x00") {
			script += " " + Quote(word)
			want += "<" + word + ">"
		}
		for word := range strings.SplitSeq(list, "\x00") {
			script += "\nv=" + Quote(word) + "\np \"$v\""
			want += "<" + word + ">"
		}
		for name, argv := range shells(t) {
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
			cmd.Stdin = strings.NewReader(script + "\n")
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
				t.Fatalf("%s: %q became %q, %v", name, want, out, err)
			}
		}
	})
}

// A NUL byte, which no word can hold, is dropped and ends nothing early.
func TestQuoteDropsNUL(t *testing.T) {
	if got := Quote("a\x00'; reboot; '\x00"); got != `'a'"'"'; reboot; '"'"''` {
		t.Errorf("%s", got)
	}
}
