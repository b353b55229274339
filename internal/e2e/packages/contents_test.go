//go:build e2e

package packages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSameBytes: two builds of one commit, in folders with other names, in another time zone
// and with fewer threads, give the same files.
func TestSameBytes(t *testing.T) {
	first := releases(t)[0]
	names := func(r *release) (names []string) {
		found, err := filepath.Glob(filepath.Join(r.dist, "infrahaus*.*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range append(found, filepath.Join(r.dist, "checksums.txt"), filepath.Join(r.dist, "homebrew/Casks/infrahaus.rb")) {
			name, _ := filepath.Rel(r.dist, path)
			names = append(names, name)
		}
		return names
	}
	all := names(first)
	if again := names(history.again); !slices.Equal(all, again) || len(all) < 8 {
		t.Fatalf("the files are %q and %q", all, again)
	}
	for _, name := range all {
		a, err1 := os.ReadFile(filepath.Join(first.dist, name))
		b, err2 := os.ReadFile(filepath.Join(history.again.dist, name))
		if err1 != nil || err2 != nil || string(a) != string(b) {
			t.Errorf("%s differs (%v, %v)", name, err1, err2)
		}
	}
}

// TestArchive: the archive has what a release has, and its notices name every module that
// the program was linked from, as its list of modules does.
func TestArchive(t *testing.T) {
	first := releases(t)[0]
	dir := t.TempDir()
	succeed(t, "tar", "-xzf", first.only(t, "*.tar.gz"), "-C", dir)
	for _, name := range []string{"infrahaus", "README.md", "LICENSE", "NOTICES", "man/infrahaus.1", "man/infrahaus-config.7",
		"completions/infrahaus.bash", "completions/infrahaus.zsh", "completions/infrahaus.fish", "completions/infrahaus.ps1"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if got := succeed(t, filepath.Join(dir, "infrahaus"), "completion", "powershell"); got != read(t, filepath.Join(dir, "completions/infrahaus.ps1")) {
		t.Error("completions/infrahaus.ps1 is not what `infrahaus completion powershell` prints")
	}
	notices := read(t, filepath.Join(dir, "NOTICES"))
	var list struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(read(t, first.only(t, "*.cdx.json"))), &list); err != nil {
		t.Fatal(err)
	}
	linked := regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(succeed(t, "go", "version", "-m", filepath.Join(dir, "infrahaus")), -1)
	if len(linked) < 20 {
		t.Fatalf("only %d modules are linked", len(linked))
	}
	for _, m := range linked {
		if !strings.Contains(notices, "\n"+m[1]+" "+m[2]+"\n") {
			t.Errorf("NOTICES has no %s %s", m[1], m[2])
		}
		if !slices.ContainsFunc(list.Components, func(c struct{ Name, Version string }) bool { return c.Name == m[1] && c.Version == m[2] }) {
			t.Errorf("the list of modules has no %s %s", m[1], m[2])
		}
	}
	if !strings.Contains(notices, "The Go standard library") || !strings.Contains(notices, "LICENSE-SQLITE") {
		t.Error("NOTICES lacks the Go standard library or SQLite")
	}
}

// TestVersions: version.sh and the template in .goreleaser.yaml give a commit one version.
func TestVersions(t *testing.T) {
	rs := releases(t)
	last := filepath.Join(history.dir, "repo")
	for i, r := range rs {
		at := "HEAD"
		if back := len(rs) - 1 - i; back > 0 {
			at += "~" + string(rune('0'+back))
		}
		if _, err := output(last, nil, "git", "checkout", "-q", at); err != nil {
			t.Fatal(err)
		}
		got, err := output(last, nil, "sh", "packaging/version.sh")
		if err != nil || strings.TrimSpace(got) != r.version {
			t.Errorf("version.sh says %q, want %q, err %v", got, r.version, err)
		}
		if _, err := output(last, nil, "git", "checkout", "-q", "main"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCask: the cask has the archive's checksum.
func TestCask(t *testing.T) {
	first := releases(t)[0]
	cask := read(t, first.only(t, "homebrew/Casks/infrahaus.rb"))
	archive := filepath.Base(first.only(t, "*.tar.gz"))
	for line := range strings.Lines(read(t, first.only(t, "checksums.txt"))) {
		if sum, name, _ := strings.Cut(strings.TrimSpace(line), "  "); name == archive && strings.Contains(cask, sum) {
			return
		}
	}
	t.Errorf("no checksum of %s in the cask:\n%s", archive, cask)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
