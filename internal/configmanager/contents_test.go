package configmanager

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestContents(t *testing.T) {
	dir := t.TempDir()
	text, large := filepath.Join(dir, "text"), filepath.Join(dir, "large")
	for name, content := range map[string]string{text: "a\nb \x00\xff", large: strings.Repeat("x", MaxContent+10)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	targets := []string{text, filepath.Join(dir, "missing"), dir, large}
	script, stdin := ContentsScript(targets)
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdin = strings.NewReader(string(stdin))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseContents(targets, out)
	if err != nil || string(got[text]) != "a\nb \x00\xff" || len(got[large]) != MaxContent+1 || len(got) != 2 {
		t.Errorf("got %d files, %v", len(got), err)
	}
	for _, bad := range []string{"", "== 0\n", "== 7\n== end\n", "== 0\n*\n== end\n"} {
		if _, err := ParseContents(targets, []byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
