package configmanager

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// shells lists the POSIX shells that a guest may have. On Debian, sh is dash.
var shells = map[string][]string{"sh": {"sh"}, "bash": {"bash"}, "ash": {"busybox", "sh"}}

func eachShell(t *testing.T, f func(t *testing.T, g *fakeGuest)) {
	for name := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inShell(t, name, f)
		})
	}
}

func inShell(t *testing.T, name string, f func(t *testing.T, g *fakeGuest)) {
	argv := shells[name]
	needs.Program(t, argv[0], argv[0])
	f(t, &fakeGuest{t: t, root: t.TempDir(), shell: argv})
}

// fakeGuest is a folder that serves as the root of a guest.
type fakeGuest struct {
	t     *testing.T
	root  string
	shell []string
	bare  bool   // drift finds only the fake programs
	stage string // the last staging folder, as a path in the guest
	out   string // the output of the last sync
	err   string
}

func (g *fakeGuest) path(p string) string { return filepath.Join(g.root, p) }

func (g *fakeGuest) write(p, content string, mode os.FileMode) {
	g.t.Helper()
	if err := os.MkdirAll(filepath.Dir(g.path(p)), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(g.path(p), []byte(content), mode); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Chmod(g.path(p), mode); err != nil {
		g.t.Fatal(err)
	}
}

func (g *fakeGuest) read(p string) string {
	g.t.Helper()
	b, err := os.ReadFile(g.path(p))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

func (g *fakeGuest) run(dir, script string, env ...string) (string, int) {
	g.t.Helper()
	f := filepath.Join(g.t.TempDir(), "script")
	if err := os.WriteFile(f, []byte(script), 0o600); err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.Command(g.shell[0], append(g.shell[1:], f)...)
	cmd.Dir = dir
	cmd.Env = append([]string{"CONFIG_MANAGER_PREFIX=" + g.root, "CONFIG_MANAGER_PATH=" + g.path("fakes") + ":" + os.Getenv("PATH"),
		"PATH=" + g.path("fakes") + ":" + os.Getenv("PATH")}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		g.t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// sync ships in and runs a sync, as the engine does.
func (g *fakeGuest) sync(in Input) int {
	g.t.Helper()
	g.ship(in)
	return g.attempt()
}

// attempt syncs the files that were shipped last.
func (g *fakeGuest) attempt() int {
	g.t.Helper()
	attempt := g.path("attempt")
	os.RemoveAll(attempt)
	g.write("attempt/out", "", 0o600)
	said, status := g.run("/", SyncScript(), "INFRAHAUS_ATTEMPT="+attempt, StageEnv(g.path(g.stage)))
	if said != "" {
		g.t.Errorf("the sync script wrote past its files: %s", said)
	}
	g.out, g.err = g.read("attempt/out"), g.read("attempt/err")
	return status
}

// boot runs the config-manager without a request, as its unit does at boot.
func (g *fakeGuest) boot(env ...string) int {
	g.t.Helper()
	out, status := g.run("/", g.read(SyncPath), env...)
	if out != "" {
		g.t.Errorf("the config-manager wrote past its log: %s", out)
	}
	return status
}

func (g *fakeGuest) ship(in Input) {
	g.t.Helper()
	files, err := Bundle(in)
	if err != nil {
		g.t.Fatal(err)
	}
	g.stage = StagingDir()
	for _, f := range files {
		g.write(filepath.Join(g.stage, f.Path), string(f.Content), f.Mode)
	}
	if err := os.Chmod(g.path(g.stage), 0o700); err != nil {
		g.t.Fatal(err)
	}
	if out, status := g.run(g.path(g.stage), InstallScript()); status != 0 {
		g.t.Fatalf("install: status %d: %s", status, out)
	}
}

func file(policy, target, content string) File {
	return File{Target: target, Policy: policy, Mode: 0o640, Content: []byte(content)}
}

var backupName = regexp.MustCompile(`^(.+)\.backup-\d{8}-\d{6}(-\d+)?$`)

// backups maps the content of every backup of target to its name.
func (g *fakeGuest) backups(target string) []string {
	g.t.Helper()
	var found []string
	entries, _ := os.ReadDir(filepath.Dir(g.path(target)))
	for _, e := range entries {
		if m := backupName.FindStringSubmatch(e.Name()); m != nil && m[1] == filepath.Base(target) {
			found = append(found, filepath.Join(filepath.Dir(target), e.Name()))
		}
	}
	return found
}

func TestPolicies(t *testing.T) {
	tests := []struct {
		name, policy, before string // before "" means that the file is missing
		after                string
		backup               bool
	}{
		{"replace absent", "replace", "", "new", false},
		{"replace other", "replace", "old", "new", false},
		{"replace same", "replace", "new", "new", false},
		{"default absent", "default", "", "new", false},
		{"default other", "default", "old", "old", false},
		{"backup absent", "backup", "", "new", false},
		{"backup other", "backup", "old", "new", true},
		{"backup same", "backup", "new", "new", false},
		{"no policy is replace", "", "old", "new", false},
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		var in Input
		for i, test := range tests {
			target := "/etc/app/f " + string(rune('a'+i)) + "'$x"
			if test.before != "" {
				g.write(target, test.before, 0o600)
			}
			in.Files = append(in.Files, file(test.policy, target, "new"))
		}
		if status := g.sync(in); status != 0 {
			t.Fatalf("status %d: %s%s", status, g.out, g.err)
		}
		for i, test := range tests {
			target := in.Files[i].Target
			if got := g.read(target); got != test.after {
				t.Errorf("%s: content %q, want %q", test.name, got, test.after)
			}
			fi, _ := os.Stat(g.path(target))
			if want := os.FileMode(0o640); test.before != test.after && fi.Mode() != want {
				t.Errorf("%s: mode %v, want %v", test.name, fi.Mode(), want)
			}
			b := g.backups(target)
			if (len(b) == 1) != test.backup || len(b) == 1 && g.read(b[0]) != test.before {
				t.Errorf("%s: backups %v", test.name, b)
			}
		}
		want := "Files: 9 processed, 6 deployed, 2 unchanged, 1 skipped, 1 backed up, 0 errors"
		if !strings.Contains(g.out, want) || !strings.Contains(g.read(LogPath), want) {
			t.Errorf("output %q lacks %q", g.out, want)
		}
	})
}

func TestLinksAreReplacedNotWrittenThrough(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("/elsewhere", "precious", 0o600)
		g.write("/real/x", "", 0o600)
		for _, n := range []string{"replace", "backup", "default"} {
			if err := os.Symlink(g.path("/elsewhere"), g.path("/real/"+n)); err != nil {
				t.Fatal(err)
			}
		}
		os.Symlink("/nowhere", g.path("/real/dangling"))
		os.Symlink("real", g.path("/by-link"))
		status := g.sync(Input{Files: []File{
			file("replace", "/real/replace", "new"), file("backup", "/real/backup", "new"),
			file("default", "/real/default", "new"), file("default", "/real/dangling", "new"), file("replace", "/by-link/y", "new"),
		}})
		if status != 0 {
			t.Fatal(status, g.out, g.err)
		}
		if g.read("/elsewhere") != "precious" {
			t.Error("a link was written through")
		}
		for _, n := range []string{"replace", "backup"} {
			if fi, _ := os.Lstat(g.path("/real/" + n)); !fi.Mode().IsRegular() {
				t.Errorf("%s is still %v", n, fi.Mode())
			}
		}
		if b := g.backups("/real/backup"); len(b) != 1 || g.read(b[0]) != "precious" {
			t.Errorf("backups of the link: %v", b)
		}
		if to, _ := os.Readlink(g.path("/real/dangling")); to != "/nowhere" {
			t.Error("a dangling link is there already for policy default")
		}
		if g.read("/real/y") != "new" {
			t.Error("a folder that is a link is followed")
		}
	})
}

// TestFolderInTheWayIsAConflict: all files are checked before the first one is changed.
func TestFolderInTheWayIsAConflict(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("/etc/app/dir/x", "", 0o600)
		g.write("/etc/plain", "", 0o600)
		if err := exec.Command("mkfifo", g.path("/etc/app/pipe")).Run(); err != nil {
			t.Fatal(err)
		}
		in := Input{Files: []File{file("replace", "/etc/app/other", "new")}, Custom: []CustomPackage{{Name: "x", Check: "false", Install: "touch " + g.path("/ran")}}}
		for target, why := range map[string]string{"/etc/app/dir": "a folder is there", "/etc/app/pipe": "something that is no file is there", "/etc/plain/y/z": "/etc/plain is no folder"} {
			status := g.sync(Input{Files: append(in.Files, file("replace", target, "new")), Custom: in.Custom})
			if status != StatusConflict || !strings.Contains(g.err, why) || !strings.Contains(g.out, "2 processed, 0 deployed, 0 unchanged, 0 skipped, 0 backed up, 1 errors") {
				t.Errorf("%s: status %d: %s%s", target, status, g.out, g.err)
			}
		}
		for _, p := range []string{"/etc/app/other", "/ran"} {
			if _, err := os.Lstat(g.path(p)); err == nil {
				t.Errorf("%s is there although the sync was refused", p)
			}
		}
	})
}

func TestDriftIsRecordedAtBoot(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		files := []File{file("replace", "/etc/a", "one"), file("replace", "/etc/b", "one")}
		if g.sync(Input{Files: files}) != 0 {
			t.Fatal(g.out, g.err)
		}
		boot := func() {
			t.Helper()
			if s := g.boot(); s != 0 {
				t.Fatalf("status %d: %s", s, g.read(LogPath))
			}
		}
		boot()
		if _, err := os.Stat(g.path(StateDir + "/drift")); err == nil {
			t.Error("drift without a change")
		}
		g.write("/etc/b", "mine", 0o600)
		boot()
		if d := g.read(StateDir + "/drift"); !strings.Contains(d, "/etc/b: FAILED") || strings.Contains(d, "/etc/a") {
			t.Errorf("drift %q", d)
		}
		if g.read("/etc/b") != "mine" {
			t.Error("boot changed a file")
		}
	})
}

func TestSyncOnBootAppliesAgain(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := Input{SyncOnBoot: true, Files: []File{file("replace", "/etc/a", "one"), file("replace", "/etc/b", "one")}}
		if g.sync(in) != 0 {
			t.Fatal(g.out, g.err)
		}
		os.Remove(g.path("/etc/a"))
		g.write("/etc/b", "mine", 0o600)
		g.run("/", g.read(SyncPath))
		if g.read("/etc/a") != "one" {
			t.Error("what is missing comes back")
		}
		if b := g.backups("/etc/b"); g.read("/etc/b") != "one" || len(b) != 1 || g.read(b[0]) != "mine" {
			t.Errorf("the edited file is %q, its backups %v", g.read("/etc/b"), b)
		}
	})
}
