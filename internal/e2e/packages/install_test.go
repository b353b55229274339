//go:build e2e

package packages

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// format is a package format with its own tool, which works on a folder as if it were the
// whole machine.
type format struct {
	pattern  string
	versions []string // of the releases, as the tool says them
	own      string   // where the tool keeps its records
	begin    func(t *testing.T, root string)
	install  func(t *testing.T, root, file string) string
	version  func(t *testing.T, root string) string
	verify   func(t *testing.T, root string) string // "" if each file is as in the package
	remove   func(t *testing.T, root string)
	zsh      string
}

func formats() map[string]format {
	return map[string]format{"deb": deb(), "rpm": rpm(), "archlinux": archlinux()}
}

func deb() format {
	dpkg := func(t *testing.T, root string, args ...string) string {
		return strings.TrimSpace(succeed(t, "dpkg", append([]string{"--root=" + root, "--log=" + root + "/var/lib/dpkg/log", "--force-script-chrootless"}, args...)...))
	}
	return format{
		pattern: "*.deb", versions: []string{"0.2.0~rc1", "0.2.0~rc1-r1", "0.2.0", "0.2.0.1"}, own: "var/lib/dpkg",
		begin: func(t *testing.T, root string) {
			for _, dir := range []string{"info", "updates", "triggers"} {
				mkdir(t, root, "var/lib/dpkg", dir)
			}
			write(t, filepath.Join(root, "var/lib/dpkg/status"), "")
		},
		install: func(t *testing.T, root, file string) string { return dpkg(t, root, "--install", file) },
		version: func(t *testing.T, root string) string {
			return succeed(t, "dpkg-query", "--root="+root, "--show", "--showformat=${Version}", "infrahaus")
		},
		verify: func(t *testing.T, root string) string { return dpkg(t, root, "--verify", "infrahaus") },
		remove: func(t *testing.T, root string) { dpkg(t, root, "--purge", "infrahaus") },
		zsh:    "usr/share/zsh/vendor-completions/_infrahaus",
	}
}

func rpm() format {
	tool := func(t *testing.T, root string, args ...string) string {
		// Debian's rpm installs nothing without --force-debian.
		return strings.TrimSpace(succeed(t, "rpm", append([]string{"--root", root, "--dbpath", "/var/lib/rpm"}, args...)...))
	}
	return format{
		pattern: "*.rpm", versions: []string{"0.2.0~rc1-1", "0.2.0~rc1_r1-1", "0.2.0-1", "0.2.0.1-1"}, own: "var/lib/rpm",
		begin:   func(t *testing.T, root string) { tool(t, root, "--initdb") },
		install: func(t *testing.T, root, file string) string { return tool(t, root, "--force-debian", "-U", file) },
		version: func(t *testing.T, root string) string {
			return tool(t, root, "-q", "--queryformat", "%{version}-%{release}", "infrahaus")
		},
		verify: func(t *testing.T, root string) string { return tool(t, root, "-V", "infrahaus") },
		remove: func(t *testing.T, root string) { tool(t, root, "--force-debian", "-e", "infrahaus") },
		zsh:    "usr/share/zsh/site-functions/_infrahaus",
	}
}

func archlinux() format {
	pacman := func(t *testing.T, root string, args ...string) string {
		return strings.TrimSpace(succeed(t, "pacman", append([]string{"--config", root + "/var/lib/pacman/conf", "--root", root, "--noconfirm"}, args...)...))
	}
	return format{
		// pacman takes an epoch of 0 for none.
		pattern: "*.pkg.tar.zst", versions: []string{"0:0.2.0rc1-1", "0:0.2.0rc1_r1-1", "0:0.2.0-1", "0:0.2.0.1-1"}, own: "var/lib/pacman",
		begin: func(t *testing.T, root string) {
			db := mkdir(t, root, "var/lib/pacman")
			write(t, db+"/conf", "[options]\nDBPath = "+db+"\nCacheDir = "+mkdir(t, db, "cache")+"\nLogFile = "+db+"/log\nHookDir = "+
				mkdir(t, db, "hooks")+"\nGPGDir = "+mkdir(t, db, "gnupg")+"\nArchitecture = auto\nSigLevel = Never\n")
		},
		// --needed skips a package that is not newer: a prerelease without its suffix would
		// make pacman skip the release.
		install: func(t *testing.T, root, file string) string { return pacman(t, root, "-U", "--needed", file) },
		version: func(t *testing.T, root string) string {
			return strings.TrimPrefix(pacman(t, root, "-Q", "infrahaus"), "infrahaus ")
		},
		verify: func(t *testing.T, root string) string {
			out := pacman(t, root, "-Qkk", "infrahaus")
			if strings.HasSuffix(out, ", 0 altered files") {
				return ""
			}
			return out
		},
		remove: func(t *testing.T, root string) { pacman(t, root, "-R", "infrahaus") },
		zsh:    "usr/share/zsh/site-functions/_infrahaus",
	}
}

// TestInstall installs the first release, upgrades to each later one, and removes the last.
// No step may be a downgrade, and nothing is left at the end.
func TestInstall(t *testing.T) {
	for name, f := range formats() {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			f.begin(t, root)
			for i, r := range releases(t) {
				out := f.install(t, root, r.only(t, f.pattern))
				if lower := strings.ToLower(out); strings.Contains(lower, "downgrad") || strings.Contains(lower, "skipping") {
					t.Errorf("%s: %s", r.version, out)
				}
				if got := f.version(t, root); got != f.versions[i] {
					t.Errorf("%s: the version is %q, want %q", r.version, got, f.versions[i])
				}
				if got := f.verify(t, root); got != "" {
					t.Errorf("%s: installed files differ: %s", r.version, got)
				}
				installed(t, root, r.version)
			}
			completions(t, root, f.zsh)
			pages(t, root)
			unit(t, root)
			f.remove(t, root)
			if left := filesIn(t, root, f.own); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// installed runs the program that was installed.
func installed(t *testing.T, root, version string) {
	t.Helper()
	var is struct{ Version, Commit, Date string }
	out := succeed(t, filepath.Join(root, "usr/bin/infrahaus"), "version", "--json")
	if err := json.Unmarshal([]byte(out), &is); err != nil {
		t.Fatal(err)
	}
	if is.Version != version || len(is.Commit) != 40 || !strings.HasPrefix(is.Date, "2026-01-0") {
		t.Errorf("it says %+v, want version %s, a commit and its date", is, version)
	}
}

// completions compares the installed scripts with what the program prints.
func completions(t *testing.T, root, zsh string) {
	t.Helper()
	for shell, file := range map[string]string{
		"bash": "usr/share/bash-completion/completions/infrahaus",
		"zsh":  zsh,
		"fish": "usr/share/fish/vendor_completions.d/infrahaus.fish",
	} {
		got, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		if want := succeed(t, filepath.Join(root, "usr/bin/infrahaus"), "completion", shell); string(got) != want {
			t.Errorf("%s is not what `infrahaus completion %s` prints", file, shell)
		}
	}
	succeed(t, "bash", "-n", filepath.Join(root, "usr/share/bash-completion/completions/infrahaus"))
}

// pages reads man pages as a user would.
func pages(t *testing.T, root string) {
	t.Helper()
	for page, want := range map[string]string{"infrahaus": "ENVIRONMENT", "infrahaus-create": "EXIT STATUS", "infrahaus-config": "KEYS"} {
		out := succeed(t, "man", "-M", filepath.Join(root, "usr/share/man"), "-P", "cat", page)
		if !strings.Contains(out, want) || !strings.Contains(out, "infrahaus 0.2.0.1") {
			t.Errorf("man %s has no %s, or another version:\n%s", page, want, out)
		}
	}
}

// unit has systemd read the worker's unit: an unknown directive or value is only a warning when
// the unit is started, and without its protection. The program that it starts has to be there.
func unit(t *testing.T, root string) {
	t.Helper()
	// Units of other packages, such as sysinit.target, are not in this root.
	if out := succeed(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root="+root, "infrahaus-worker.service"); out != "" {
		t.Errorf("systemd says of the unit: %s", out)
	}
}

func filesIn(t *testing.T, root, but string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case rel == but:
			return filepath.SkipDir
		case !d.IsDir():
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func mkdir(t *testing.T, path ...string) string {
	t.Helper()
	dir := filepath.Join(path...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
