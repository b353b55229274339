package configmanager

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const requestPath = "/run/config-manager.request"

// request makes a request as sync.sh does, in the name of the process asker.
func (g *fakeGuest) request(asker int, stage string) {
	g.t.Helper()
	os.RemoveAll(g.path("attempt"))
	g.write("attempt/out", "", 0o600)
	g.write(requestPath, fmt.Sprintf("asker=%d\nattempt=%s\nstage=%s\n", asker, g.path("attempt"), g.path(stage)), 0o600)
}

func (g *fakeGuest) exists(p string) bool {
	_, err := os.Lstat(g.path(p))
	return err == nil
}

// dead is the id of no process.
const dead = 999999999

func TestStaleLocks(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.ship(Input{Files: []File{file("replace", "/etc/a", "one")}})
		// The lock of a dead process does not count.
		os.MkdirAll(g.path("/run"), 0o755)
		lock := g.path("/run/config-manager.lock")
		os.Symlink(fmt.Sprint(dead), lock)
		if s := g.attempt(); s != 0 || g.read("/etc/a") != "one" {
			t.Errorf("status %d with a stale lock: %s%s", s, g.out, g.err)
		}
		// Nor does a lock from before a power cut whose process had the same id as this
		// one.
		mine := "ln -s $$ " + lock + "\n. " + g.path(SyncPath) + "\n"
		if out, s := g.run("/", mine); s != 0 {
			t.Errorf("status %d with a lock that names this process: %s", s, out)
		}
		if g.exists("/run/config-manager.lock") {
			t.Error("the lock is left")
		}
	})
}

// TestStagingIsChecked: the config-manager applies only a folder that looks like one that
// the tool made.
func TestStagingIsChecked(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.ship(Input{Files: []File{file("replace", "/etc/a", "one")}})
		good := g.stage
		g.write("/elsewhere/manifest", "group /etc '' replace x y\n", 0o600)
		link := StateDir + "/staged.linklinklink"
		os.Symlink(g.path(good), g.path(link))
		moved := func(to string) string {
			os.MkdirAll(filepath.Dir(g.path(to)), 0o700)
			if err := os.Rename(g.path(good), g.path(to)); err != nil {
				t.Fatal(err)
			}
			good = to
			return to
		}
		cases := []struct {
			name  string
			stage func() string
		}{
			{"a link", func() string { return link }},
			{"elsewhere", func() string { return "/elsewhere" }},
			{"climbing", func() string { return StateDir + "/staged.x/../../../../elsewhere" }},
			{"nowhere", func() string { return StateDir + "/staged.nothinghere1" }},
			{"deeper", func() string { return moved(StateDir + "/staged.deeper/staged.b") }},
			{"another name", func() string { return moved(StateDir + "/other") }},
			{"open to all", func() string {
				moved(StateDir + "/staged.aaaabbbbcccc")
				os.Chmod(g.path(good), 0o755)
				return good
			}},
			{"half shipped", func() string {
				os.Chmod(g.path(good), 0o700)
				os.Rename(g.path(good+"/manifest"), g.path(good+"/manifes_"))
				return good
			}},
		}
		for _, c := range cases {
			g.request(os.Getpid(), c.stage())
			if s := g.boot(); s != StatusConfig || !strings.Contains(g.read("attempt/err"), "not as the tool makes them") ||
				g.read("attempt/sync.rc") != "3\n" || g.exists("/etc/a") {
				t.Errorf("%s: status %d: %s", c.name, s, g.read("attempt/err"))
			}
		}
		os.Rename(g.path(good+"/manifes_"), g.path(good+"/manifest"))
		g.request(os.Getpid(), good)
		if s := g.boot(); s != 0 || g.read("/etc/a") != "one" || g.exists(good) {
			t.Errorf("the good one: status %d: %s", s, g.read("attempt/err"))
		}
		g.request(os.Getpid(), good)
		os.RemoveAll(g.path("attempt"))
		if s := g.boot(); s != StatusConfig {
			t.Errorf("status %d for a request without an attempt", s)
		}
	})
}

// TestRequestThatNobodyWaitsFor: between the request and the start of the work, the guest
// was restarted or the attempt was killed.
func TestRequestThatNobodyWaitsFor(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.ship(Input{Files: []File{file("replace", "/etc/a", "one")}})
		g.request(dead, g.stage)
		if s := g.boot(); s != 0 || g.exists("/etc/a") || g.exists(requestPath) {
			t.Errorf("status %d: %s", s, g.read(LogPath))
		}
		if !strings.Contains(g.read(LogPath), "request is dropped") {
			t.Error(g.read(LogPath))
		}
		// It does not block the next request, and its shipped files are removed.
		g.request(dead, g.stage)
		left := g.stage
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "two")}}); s != 0 || g.read("/etc/a") != "two" {
			t.Errorf("status %d: %s%s", s, g.out, g.err)
		}
		if g.exists(left) {
			t.Error("the old staging folder is left")
		}
	})
}

func TestSecondRequestIsRefused(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.ship(Input{Files: []File{file("replace", "/etc/a", "one")}})
		first := fmt.Sprintf("asker=%d\nattempt=/other\nstage=%s\n", os.Getpid(), g.path(StateDir+"/staged.firstfirst12"))
		g.write(requestPath, first, 0o600)
		if s := g.attempt(); s != StatusLock || !strings.Contains(g.err, "another sync was asked for") || g.exists("/etc/a") {
			t.Errorf("status %d: %s", s, g.err)
		}
		if g.read(requestPath) != first {
			t.Error("the first request is changed")
		}
		if left, _ := filepath.Glob(g.path(requestPath + ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestLeftoversAreSwept(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("/precious/x", "", 0o600)
		at := func(name string, age time.Duration) string {
			p := StateDir + "/staged." + name
			g.write(p+"/root/x", "", 0o600)
			os.Chtimes(g.path(p), time.Now().Add(-age), time.Now().Add(-age))
			return p
		}
		old, young, waiting := at("oldoldoldold", time.Hour), at("youngyoung12", -time.Hour), at("waitingwaiti", time.Hour)
		os.Symlink(g.path("/precious"), g.path(StateDir+"/staged.linklinklink"))
		claim := fmt.Sprintf("%s.%d", requestPath, os.Getpid())
		g.write(claim, "stage="+g.path(waiting)+"\n", 0o600)
		g.write(fmt.Sprintf("%s.%d", requestPath, dead), "stage="+g.path(old)+"\n", 0o600)
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "one")}}); s != 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		for p, want := range map[string]bool{
			old: false, young: true, waiting: true, StateDir + "/staged.linklinklink": false, "/precious/x": true,
			g.stage: false, claim: true, fmt.Sprintf("%s.%d", requestPath, dead): false,
		} {
			if g.exists(p) != want {
				t.Errorf("%s is there: %v", p, !want)
			}
		}
	})
}

func TestStagingDir(t *testing.T) {
	a, b := StagingDir(), StagingDir()
	if rest, ok := strings.CutPrefix(a, StateDir+"/staged."); !ok || len(rest) != 12 || strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") != "" || a == b {
		t.Errorf("%q, %q", a, b)
	}
}
