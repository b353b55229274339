package guestfiles

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRepository pulls a folder in the original's layout at boot.
func TestRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here")
	}
	inShell(t, "sh", func(t *testing.T, g *fakeGuest) {
		repo := func(script string) {
			t.Helper()
			out, err := exec.Command("sh", "-ec", "cd "+g.path("repo")+"; git() { command git -c user.name=x -c user.email=x@y \"$@\"; };"+script).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		g.write("repo/web/files/a.conf", "one", 0o644)
		g.write("repo/web/files/a.conf.path", "/etc/app\n", 0o644)
		g.write("repo/web/files/a.conf.policy", "replace\n", 0o644)
		g.write("repo/web/files/README.md", "no path", 0o644)
		g.write("repo/web/scripts/01-x.sh", "log_info from the script\n", 0o644)
		repo("git init -q -b main .; git add -A; git commit -qm 1")
		in := Input{Template: "web", RepoURL: "file://" + g.path("repo")}
		if g.sync(in) != 0 {
			t.Fatal(g.out, g.err)
		}
		boot := func() int {
			_, s := g.run("/", g.read(SyncPath))
			return s
		}
		if s := boot(); s != 0 || g.read("/etc/app/a.conf") != "one" {
			t.Fatalf("status %d: %s", s, g.read(LogPath))
		}
		if !strings.Contains(g.read(LogPath), "[INFO   ] from the script") {
			t.Error(g.read(LogPath))
		}
		repo("printf two >web/files/a.conf; git commit -qam 2")
		if s := boot(); s != 0 || g.read("/etc/app/a.conf") != "two" {
			t.Fatalf("status %d: %s", s, g.read(LogPath))
		}
		g.write("/etc/app/a.conf", "mine", 0o644)
		if s := boot(); s != 0 || g.read("/etc/app/a.conf") != "mine" {
			t.Fatalf("status %d: an edit alone is no conflict: %s", s, g.read(LogPath))
		}
		repo("printf three >web/files/a.conf; git commit -qam 3")
		for range 2 {
			if s := boot(); s != StatusConflict || g.read("/etc/app/a.conf") != "mine" {
				t.Fatalf("status %d: %s", s, g.read(LogPath))
			}
		}
	})
}
