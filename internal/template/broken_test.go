package template

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestBrokenTemplates compares what is said of each template in testdata/templates/broken
// with expected.txt there. A row of a file is "error", "doubt" (create only warns about it,
// validate refuses it) or "warning", and the problem.
func TestBrokenTemplates(t *testing.T) {
	const dir = "../../testdata/templates/broken"
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	n := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		n++
		before := b.Len()
		b.WriteString("== " + e.Name() + "\n")
		all := Source{Name: "broken", FS: os.DirFS(dir)}
		tpl, err := all.load(e.Name(), []Source{all})
		var wrong *Error
		if err != nil && !errors.As(err, &wrong) {
			t.Fatal(err)
		}
		head := b.Len()
		problems, warnings := Diagnose(tpl, wrong)
		for _, p := range problems {
			kind := "error   "
			if p.Doubt {
				kind = "doubt   "
			}
			b.WriteString(kind + p.String() + "\n")
		}
		for _, p := range warnings {
			b.WriteString("warning " + p.String() + "\n")
		}
		if b.Len() == head {
			t.Errorf("nothing is said of %s", b.String()[before:])
		}
	}
	if n < 40 {
		t.Errorf("%d broken templates", n)
	}
	if *update {
		if err := os.WriteFile(dir+"/expected.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(dir + "/expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("another text than in expected.txt; look at the difference after: go test ./internal/template -run BrokenTemplates -update\n%s", b.String())
	}
}
