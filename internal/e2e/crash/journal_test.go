package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJournal is a run that is interrupted, with a line that was cut off, and its second
// start: by the same build, and by another one.
func TestJournal(t *testing.T) {
	doc := filepath.Join(t.TempDir(), "crash.md")
	cases := []kase{{row: "create", name: "one"}, {row: "create", name: "two"}, {row: "sync", name: "one"}}
	j, err := openJournal(doc, "a")
	if err != nil {
		t.Fatal(err)
	}
	failed := &trial{note: "exit 4"}
	failed.lost("gone\nfor good")
	for i, tried := range []*trial{{}, failed} {
		if err := j.add(cases[i], tried); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.file.WriteString("\n{\"row\":\"sync\",\"na"); err != nil {
		t.Fatal(err)
	}
	j.file.Close()

	h := &harness{doc: doc}
	if h.journal, err = openJournal(doc, "a"); err != nil {
		t.Fatal(err)
	}
	if rest := h.rest(cases); len(rest) != 1 || rest[0].row != "sync" {
		t.Errorf("the rest is %v", rest)
	}
	var b strings.Builder
	if h.table.print(&b) || !strings.Contains(b.String(), "points=2 lost=1 ") || !strings.Contains(b.String(), "exit 4") {
		t.Errorf("the table is\n%s", b.String())
	}
	if err := h.journal.add(cases[2], &trial{}); err != nil {
		t.Fatal(err)
	}
	h.journal.file.Close()

	h = &harness{doc: doc}
	if h.journal, err = openJournal(doc, "a"); err != nil {
		t.Fatal(err)
	}
	if rest := h.rest(cases); len(rest) != 0 {
		t.Errorf("after the second start the rest is %v", rest)
	}
	if err := h.finish(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(doc + ".*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if text, err := os.ReadFile(doc); err != nil || !strings.Contains(string(text), "points=3") {
		t.Errorf("%v\n%s", err, text)
	}

	if j, err = openJournal(doc, "a"); err != nil {
		t.Fatal(err)
	}
	if err := j.add(cases[0], &trial{}); err != nil {
		t.Fatal(err)
	}
	j.file.Close()
	h = &harness{doc: doc}
	if h.journal, err = openJournal(doc, "b"); err != nil {
		t.Fatal(err)
	}
	defer h.journal.file.Close()
	if rest := h.rest(cases); len(rest) != 3 {
		t.Errorf("another build goes on with %v", rest)
	}
}
