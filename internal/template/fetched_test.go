package template

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A fetched folder is found and named by its address, and checked before use.
func TestFetched(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var refuse error
	checked := "not checked"
	sources := []Source{{Name: "user", Dir: t.TempDir()}, {Name: Remote, Fetch: func(ref string, _ []Beside) (Fetched, bool, error) {
		if ref != "x://web@main" {
			return Fetched{}, false, nil
		}
		return Fetched{Dir: dir, Name: "web", Source: ref, Resolved: "x://web@1", Check: func(digest string) error { checked = digest; return refuse }}, true, nil
	}}}
	write("name: page\nos: debian-12\n")
	got, err := Find("x://web@main", sources)
	if err != nil {
		t.Fatal(err)
	}
	if got.Path != "x://web@main" || got.Resolved != "x://web@1" || got.Source != Remote || checked != got.Digest {
		t.Errorf("it is %q, %q of %q, checked %q", got.Path, got.Resolved, got.Source, checked)
	}
	if _, err := Folder("x://web@main", sources); err != nil {
		t.Errorf("its folder: %v", err)
	}
	if _, err := Find("y://web", sources); err == nil {
		t.Error("an address that no source knows is found")
	}
	refuse = errors.New("refused")
	if _, err := Find("x://web@main", sources); !errors.Is(err, refuse) {
		t.Errorf("refused, it says %v", err)
	}
	if _, err := Folder("x://web@main", sources); !errors.Is(err, refuse) {
		t.Errorf("refused, its folder says %v", err)
	}
	write("name: page\nnonsense: 1\n")
	var faulty *Error
	if _, err := Find("x://web@main", sources); !errors.As(err, &faulty) || faulty.Template != "x://web@main" {
		t.Errorf("a faulty one says %v", err)
	}
	if _, err := Folder("x://web@main", sources); !errors.Is(err, refuse) || checked != "" {
		t.Errorf("a faulty one's folder says %v, checked %q", err, checked)
	}
	refuse = nil
	if _, err := Folder("x://web@main", sources); err != nil {
		t.Errorf("a faulty one cannot be copied: %v", err)
	}
}
