package provision

import (
	"strings"
	"testing"
)

func TestUnified(t *testing.T) {
	redact := func(s string) string { return strings.ReplaceAll(s, "known", "***") }
	for _, c := range []struct{ name, have, want, diff, note string }{
		{"a line", "a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", ""},
		{"a secret on both sides", "key=known\nx\n", "key=known\ny\n", "@@ -1,2 +1,2 @@\n key=***\n-x\n+y\n", ""},
		{"another secret in the container", "key=strange;\nx\n", "key=known;\ny\n", "@@ -1,2 +1,2 @@\n key=***;\n-x\n+y\n", ""},
		{"only a secret", "key=strange\n", "key=known\n", "", "differs in secret values only"},
		{"a secret alone on its line", "strange\nx\n", "known\nx\n", "", "has a secret on a line of its own: not compared line by line"},
		{"binary", "a\x00", "b\n", "", "not a text: not compared line by line"},
		{"large", strings.Repeat("x", 300<<10), "b\n", "", "larger than 256 KiB: not compared line by line"},
	} {
		diff, note := unified("/etc/a", []byte(c.have), []byte(c.want), redact)
		if c.diff != "" {
			c.diff = "--- /etc/a in the container\n+++ /etc/a of the template\n" + c.diff
		}
		if diff != c.diff || note != c.note {
			t.Errorf("%s: got %q, %q", c.name, diff, note)
		}
	}
}
