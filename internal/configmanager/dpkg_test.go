package configmanager

import (
	"os"
	"strings"
	"testing"
)

// dpkg installs a fake dpkg whose audit prints the content of the file half. The
// arguments are the shell commands that --configure -a and apt-get -f install run.
func (g *fakeGuest) dpkg(configure, fix string) {
	g.t.Helper()
	if g.shell[0] == "busybox" {
		g.t.Skip("busybox has a dpkg of its own")
	}
	half := "'" + g.path("half") + "'"
	g.fakes(map[string]string{
		"dpkg-query": "exit 1",
		"dpkg": `echo "frontend $DEBIAN_FRONTEND"; case $* in *--audit*) exec cat ` + half + ` 2>/dev/null ;; *--configure\ -a*) ` +
			configure + ` ;; esac`,
		"apt-get": `case " $* " in *" -f install "*) ` + fix + ` ;; esac; exit 0`,
	})
	// The audit must not print the line about the frontend: it would count as a report
	// about packages.
	g.write("fakes/dpkg", strings.Replace(g.read("fakes/dpkg"), `echo "frontend $DEBIAN_FRONTEND"; case`, `case $* in *configure*) echo "frontend $DEBIAN_FRONTEND";; esac; case`, 1), 0o755)
}

func TestInterruptedDpkgIsMended(t *testing.T) {
	tests := []struct {
		name           string
		half, journal  bool
		configure, fix string
		want           string // the relevant calls in order
		status         int
	}{
		{"whole", false, false, "", "", "update,install --allow-downgrades jq", 0},
		{"half configured", true, false, "rm HALF", "", "configure -a,update,install --allow-downgrades jq", 0},
		{"journal left", false, true, "rm -f JOURNAL/*", "", "configure -a,update,install --allow-downgrades jq", 0},
		{"configure is not enough", true, false, "exit 1", "rm HALF", "configure -a,update,-f install,install --allow-downgrades jq", 0},
		{"nothing helps", true, false, "exit 1", "exit 100", "configure -a,update,-f install", StatusGeneral},
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		journal := "/var/lib/dpkg/updates"
		paths := strings.NewReplacer("HALF", "'"+g.path("half")+"'", "JOURNAL", "'"+g.path(journal)+"'")
		for _, test := range tests {
			os.Remove(g.path("half"))
			os.RemoveAll(g.path(journal))
			os.MkdirAll(g.path(journal), 0o755)
			if test.half {
				g.write("half", "The following packages are only half configured:\n tzdata\n", 0o600)
			}
			if test.journal {
				g.write(journal+"/0003", "Package: tzdata\n", 0o600)
			}
			g.dpkg(paths.Replace(test.configure), paths.Replace(test.fix))
			s := g.sync(Input{Packages: map[string][]string{"apt": {"jq"}}})
			var got []string
			for l := range strings.Lines(g.calls()) {
				l = strings.TrimSpace(l)
				for _, verb := range []string{" update", " -f install", " install --allow-downgrades jq", " --force-confold --configure -a"} {
					if strings.HasSuffix(l, verb) {
						got = append(got, strings.TrimPrefix(strings.TrimPrefix(verb[1:], "--force-confold --"), " "))
						break
					}
				}
			}
			if s != test.status || strings.Join(got, ",") != test.want {
				t.Errorf("%s: status %d, %q: %s%s", test.name, s, got, g.out, g.err)
			}
			if (test.half || test.journal) != strings.Contains(g.out, "dpkg was interrupted") || test.half && !strings.Contains(g.out, "frontend noninteractive") {
				t.Errorf("%s: said %s", test.name, g.out)
			}
		}
	})
}

// TestEnsureInstalledMendsToo: a script that calls ensure_installed under -e and -u also
// gets an interrupted dpkg repaired.
func TestEnsureInstalledMendsToo(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("half", "half configured\n", 0o600)
		g.dpkg("exit 1", "rm '"+g.path("half")+"'")
		if out, s := g.script("ensure_installed jq; echo went on", "_PKG_MGR=apt"); s != 0 || !strings.Contains(out, "went on") {
			t.Errorf("status %d: %s", s, out)
		}
		if calls := g.calls(); strings.Count(calls, " -f install\n") != 1 || !strings.Contains(calls, " install jq\n") {
			t.Error(calls)
		}
	})
}

// TestNextTryMends: before a script is tried again, the helpers repair the dpkg that the
// first try left behind, even if the script calls apt itself. The first try repairs
// nothing.
func TestNextTryMends(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.write("half", "half configured\n", 0o600)
		g.dpkg("rm '"+g.path("half")+"'", "")
		for _, try := range []string{"", "INFRAHAUS_TRY=2", "INFRAHAUS_TRY=3"} {
			out, s := g.script("set -eu; apt-get install jq; echo went on", "_PKG_MGR=apt", try)
			mended := strings.Contains(g.calls(), "--configure -a")
			if want := try == "INFRAHAUS_TRY=2"; s != 0 || !strings.Contains(out, "went on") || mended != want {
				t.Errorf("%q: status %d, mended %v: %s", try, s, mended, out)
			}
		}
	})
}
