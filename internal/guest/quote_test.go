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

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "it's", "$(id)`id`", "a\nb\r\t", "\xff\xfe", `\`, "-e", "!", "~root", "{a,b}", "*", "#x", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := exec.Command("sh", "-c", "printf %s. "+Quote(s)).Output()
		if want := strings.ReplaceAll(s, "\x00", "") + "."; err != nil || string(out) != want {
			t.Fatalf("%q became %q, %v", want, out, err)
		}
	})
}
