package configmanager

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// TestBootExits covers every exit status of the config-manager when it runs without a
// request.
func TestBootExits(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := Input{Template: "web", Files: []File{file("replace", "/etc/a", "one")}}
		if s := g.sync(in); s != 0 {
			t.Fatal(g.err)
		}
		g.write("fakes/sleep", "#!/bin/sh\n", 0o755) // otherwise the six attempts to pull and the wait for the lock take real time
		env := func(settings string) { g.write(ConfigPath, settings, 0o600) }
		cases := []struct {
			name   string
			before func()
			want   int
			said   string
		}{
			{"nothing to do", func() {}, 0, ""},
			{"settings that are no sh", func() { env("CONFIG_REPO_URL='\n") }, -1, ""},
			{"no settings", func() { os.Remove(g.path(ConfigPath)) }, StatusConfig, "cannot read /etc/config-manager/config.env"},
			{"no address", func() { env("CONFIG_REPO_URL='--upload-pack=reboot'\n") }, StatusConfig, "no repository's address"},
			{"no repository", func() { env("CONFIG_REPO_URL=file://" + g.path("nowhere") + "\nCONFIG_PATH=web\n") }, StatusGit, "cannot clone the repository"},
			{"a path out of it", func() {
				os.MkdirAll(g.path("opt/config-manager/repo/.git"), 0o755)
				env("CONFIG_REPO_URL=file://" + g.path("nowhere") + "\nCONFIG_PATH=../../etc\n")
			}, StatusConfig, "leads out of the repository"},
			{"no such folder", func() { env("CONFIG_REPO_URL=file://" + g.path("nowhere") + "\nCONFIG_PATH=web\n") }, StatusConfig, "the repository has no folder web"},
			{"helpers that are gone", func() { os.Remove(g.path(HelpersPath)) }, -1, ""},
		}
		for _, c := range cases {
			if g.shell[0] == "busybox" && c.want != 0 && strings.Contains(c.said, "reposit") && !strings.Contains(c.said, "address") {
				continue // its built-in sleep cannot be replaced by a fake
			}
			c.before()
			os.Remove(g.path(LogPath))
			// A shell exits with a status of its own if a file that it sources has a
			// syntax error.
			if s := g.boot(); s != c.want && (c.want >= 0 || s == 0) || !strings.Contains(g.read(LogPath), c.said) {
				t.Errorf("%s: status %d: %s", c.name, s, g.read(LogPath))
			}
			if g.exists("/run/config-manager.lock") {
				t.Errorf("%s: the lock is left", c.name)
			}
		}
		if g.read("/etc/a") != "one" || len(g.backups("/etc/a")) > 0 {
			t.Error("a boot that failed changed a file")
		}
	})
}

func TestBootWaitsForNobodysLock(t *testing.T) {
	inShell(t, "sh", func(t *testing.T, g *fakeGuest) {
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "one")}}); s != 0 {
			t.Fatal(g.err)
		}
		g.write("fakes/sleep", "#!/bin/sh\n", 0o755)
		os.Symlink(fmt.Sprint(os.Getpid()), g.path("/run/config-manager.lock"))
		if s := g.boot(); s != StatusLock || !strings.Contains(g.read(LogPath), "another sync runs") {
			t.Errorf("status %d: %s", s, g.read(LogPath))
		}
		if to, _ := os.Readlink(g.path("/run/config-manager.lock")); to != fmt.Sprint(os.Getpid()) {
			t.Error("the other's lock is gone")
		}
	})
}

// TestKeptFileAtBoot: a file of which the user kept the guest's version is neither
// changed nor reported at boot, until it is edited again.
func TestKeptFileAtBoot(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := Input{SyncOnBoot: true, Files: []File{file("replace", "/etc/a", "one")}}
		if s := g.sync(in); s != 0 {
			t.Fatal(g.err)
		}
		g.write("/etc/a", "mine", 0o600)
		in.Files[0].Content, in.Files[0].Policy = []byte("two"), PolicyKeep
		if s := g.sync(in); s != 0 {
			t.Fatal(g.err)
		}
		if s := g.boot(); s != 0 || g.exists(StateDir+"/drift") || g.read("/etc/a") != "mine" {
			t.Errorf("status %d: %s", s, g.read(LogPath))
		}
		g.write("/etc/a", "mine, too", 0o600)
		if s := g.boot(); s != 0 || !strings.Contains(g.read(StateDir+"/drift"), "/etc/a: FAILED") || g.read("/etc/a") != "mine, too" {
			t.Errorf("status %d: %s", s, g.read(LogPath))
		}
	})
}

// TestBootAppliesOnlyWhenAsked: without syncOnBoot and without a repository, boot only
// records drift.
func TestBootAppliesOnlyWhenAsked(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		ran := g.path("ran")
		for _, asked := range []bool{false, true} {
			os.Remove(ran)
			in := Input{SyncOnBoot: asked, Files: []File{file("replace", "/etc/a", "one")}, Custom: []CustomPackage{{Name: "x", Check: "test -e '" + ran + "'", Install: "touch '" + ran + "'"}}}
			if s := g.sync(in); s != 0 {
				t.Fatal(g.err)
			}
			os.Remove(ran)
			os.Remove(g.path("/etc/a"))
			if s := g.boot(); s != 0 || g.exists("/etc/a") != asked || g.exists("ran") != asked {
				t.Errorf("syncOnBoot %v: status %d: %s", asked, s, g.read(LogPath))
			}
		}
	})
}

// TestUnitsHoldUpNobody: no systemd target waits for the unit, and its start has no
// timeout. At boot the OpenRC service works in the background.
func TestUnitsHoldUpNobody(t *testing.T) {
	unit, err := embedded.ReadFile("guest/config-manager.service")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(unit), "\n")
	// Without the default dependencies, multi-user.target starts the unit but does not
	// wait for it.
	for _, l := range []string{"DefaultDependencies=no", "After=basic.target network.target", "Before=shutdown.target", "Type=oneshot", "TimeoutStartSec=infinity", "WantedBy=multi-user.target"} {
		if !slices.Contains(lines, l) {
			t.Errorf("the unit lacks %s", l)
		}
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "Before=") && l != "Before=shutdown.target" || strings.HasPrefix(l, "RequiredBy=") || strings.Contains(l, "network-online") {
			t.Errorf("somebody waits: %s", l)
		}
	}
	twin, err := embedded.ReadFile("guest/config-manager.openrc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{requestPath + " ]", "config-sync.sh </dev/null >/dev/null 2>&1 &\n", "after net localmount"} {
		if !strings.Contains(string(twin), p) {
			t.Errorf("the OpenRC twin lacks %q", p)
		}
	}
	if strings.Contains(string(twin), "\tbefore ") || strings.Contains(string(twin), "\tneed ") {
		t.Error("the OpenRC twin holds something up")
	}
}

// TestRepository pulls a folder with the layout of the original at boot.
func TestRepository(t *testing.T) {
	needs.Program(t, "git", "git")
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
		g.write("/etc/app/a.conf", "mine", 0o644) // before the repository is applied for the first time
		if s := boot(); s != 0 || g.read("/etc/app/a.conf") != "one" {
			t.Fatalf("status %d: %s", s, g.read(LogPath))
		}
		for _, p := range []string{LogPath, "/opt/config-manager/repo/.git"} { // both may contain a secret
			if fi, err := os.Stat(g.path(p)); err != nil || fi.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, %v", p, fi.Mode(), err)
			}
		}
		if fi, err := os.Stat(g.path("/opt/config-manager/repo")); err != nil || fi.Mode().Perm() != 0o755 {
			t.Errorf("%v, %v", fi, err)
		}
		if b := g.backups("/etc/app/a.conf"); len(b) != 1 || g.read(b[0]) != "mine" {
			t.Errorf("a file of nobody's was not kept: %v", b)
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
		g.write("repo/web/scripts/02-y.sh", "touch "+g.path("script ran")+"\n", 0o644)
		repo("printf three >web/files/a.conf; printf x >web/files/b.conf; printf /etc/app >web/files/b.conf.path; git add -A; git commit -qm 3")
		for range 2 {
			if s := boot(); s != StatusConflict || g.read("/etc/app/a.conf") != "mine" || g.exists("/etc/app/b.conf") || g.exists("script ran") {
				t.Fatalf("status %d: %s", s, g.read(LogPath))
			}
		}
		// If the repository cannot be reached, boot applies the copy.
		g.write("fakes/sleep", "#!/bin/sh\n", 0o755)
		g.write("/etc/app/a.conf", "two", 0o644)
		os.Rename(g.path("repo"), g.path("repo away"))
		if s := boot(); s != 0 || g.read("/etc/app/a.conf") != "three" || !g.exists("/etc/app/b.conf") || !strings.Contains(g.read(LogPath), "going on with what was pulled last") {
			t.Fatalf("status %d: %s", s, g.read(LogPath))
		}
		// A new address of the repository takes effect.
		os.Rename(g.path("repo away"), g.path("repo moved"))
		g.write(ConfigPath, "CONFIG_REPO_URL='file://"+g.path("repo moved")+"'\nCONFIG_PATH=web\n", 0o600)
		before := g.read(LogPath)
		if s := boot(); s != 0 || strings.Contains(g.read(LogPath)[len(before):], "pulled last") {
			t.Fatalf("status %d: %s", s, g.read(LogPath))
		}
	})
}
