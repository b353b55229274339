package template

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImport: the original's layout with all its oddities makes the same template, and every
// file of the folder is in the report.
func TestImport(t *testing.T) {
	from := filepath.Join(t.TempDir(), "web3")
	for name, f := range legacyFolder() {
		file := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "new")
	files, report, err := Import(to, from)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"template.yaml", "files/.bashrc", "files/search.path", "scripts/2_y.sh", "packages/base.apt", "packages/x.custom"} {
		if !slices.Contains(files, name) {
			t.Errorf("%s is not in %v", name, files)
		}
	}
	old, err := LoadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	now, err := LoadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	if what := unlike(old, now); what != "" || len(now.Warnings) > 0 {
		t.Errorf("%s differ; %v", what, now.Warnings)
	}
	said := map[string]Imported{}
	for _, r := range report {
		said[strings.TrimPrefix(r.From, confRoot+"/")] = r
	}
	for from, want := range map[string]Imported{
		"files/.bashrc": {To: "files/.bashrc", Note: "/home/coder/.bashrc, default"}, "files/lost": {Note: "the template does not use it"},
		"scripts/lib.sh": {Note: "the template does not use it"}, "packages/base.apt:4": {Note: `the original skips "bad name"; it is a comment now`},
		"TEMPLATE_CONFIG_PATH": {Note: "template.yaml has no such field: CONFIG_PATH in the container is web3"},
		"scripts/10-z.sh":      {To: "scripts/10-z.sh", Note: "its first line names bash, which ran every script of the original, or its line ends are LF now"},
	} {
		if got := said[from]; got.To != want.To || got.Note != want.Note {
			t.Errorf("%s: %+v", from, got)
		}
	}
	if _, _, err := Import(to, from); !errors.Is(err, ErrExists) {
		t.Errorf("over another: %v", err)
	}
	if _, _, err := Import(filepath.Join(t.TempDir(), "x"), to); err == nil || !strings.Contains(err.Error(), "has a template.yaml already") {
		t.Errorf("a template.yaml: %v", err)
	}
}
