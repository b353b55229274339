package configmanager

import (
	"os"
	"strings"
	"testing"
	"time"
)

// fakes puts programs on the guest's PATH that record their calls.
func (g *fakeGuest) fakes(programs map[string]string) {
	for name, body := range programs {
		g.write("fakes/"+name, "#!/bin/sh\nprintf '%s' \""+name+"\" >>"+g.root+"/calls\nfor a; do printf ' %s' \"$a\" >>"+
			g.root+"/calls; done\nprintf '\\n' >>"+g.root+"/calls\n"+body+"\n", 0o755)
	}
}

func (g *fakeGuest) calls() string {
	b, _ := os.ReadFile(g.path("calls"))
	os.Remove(g.path("calls"))
	return string(b)
}

const installed = `printf 'curl 7.88.1-10 install ok installed\nvim 2:9.0 deinstall ok config-files\njq 1.6-2 install ok installed\n'; exit 1`

func TestApt(t *testing.T) {
	tests := []struct {
		name   string
		specs  []string
		update string // the output of apt-get update
		want   string // the packages that are installed; "" means that apt-get is not called
		status int
	}{
		{"nothing is missing", []string{"curl", "jq=1.6-2", "jq:amd64", "curl=7.88*"}, "exit 0", "", 0},
		{"only what is missing", []string{"curl", "nginx", "jq"}, "exit 0", "nginx", 0},
		{"removed is missing", []string{"vim"}, "exit 0", "vim", 0},
		{"a pin that changed", []string{"curl=8.0", "jq=1.6*"}, "exit 0", "curl=8.0", 0},
		{"the index cannot be had", []string{"nginx"}, "exit 100", "", StatusGeneral},
		{"an install fails", []string{"broken"}, "exit 0", "broken", StatusGeneral},
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		for _, test := range tests {
			g.fakes(map[string]string{
				"dpkg-query": installed,
				"apt-get": "echo \"frontend $DEBIAN_FRONTEND\"; case \" $* \" in *' update '*) " + test.update +
					";; *broken*) echo 'E: Unable to locate package broken' >&2; exit 100;; esac",
			})
			status := g.sync(Input{Packages: map[string][]string{"apt": test.specs, "apk": {"never"}}})
			calls := g.calls()
			if status != test.status {
				t.Errorf("%s: status %d: %s%s", test.name, status, g.out, g.err)
			}
			got := ""
			for l := range strings.Lines(calls) {
				if _, specs, ok := strings.Cut(l, " install --allow-downgrades "); ok {
					got += strings.TrimSpace(specs)
				}
			}
			if got != test.want || strings.Count(calls, "dpkg-query ") != 1 {
				t.Errorf("%s: installed %q, want %q; calls:\n%s", test.name, got, test.want, calls)
			}
			if n := strings.Count(calls, " update\n"); n != 1 && test.want != "" || n > 1 {
				t.Errorf("%s: %d updates:\n%s", test.name, n, calls)
			}
			if test.name == "an install fails" && (!strings.Contains(g.err, "Unable to locate package broken") ||
				!strings.Contains(g.out, "frontend noninteractive")) {
				t.Errorf("output is not streamed: %q %q", g.out, g.err)
			}
		}
	})
}

func TestOtherManagers(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakes(map[string]string{
			"apt-get": "", "dpkg-query": "exit 1",
			"npm":  `[ "$1" != list ] || printf '/usr/lib\n/usr/lib/node_modules/pnpm:pnpm@8.1.0:undefined\n/usr/lib/node_modules/@s/x:@s/x@1.0.0:undefined\n'`,
			"pip3": `[ "$1" != list ] || printf 'Flask_App==2.0\nrequests==2.31.0\n'`,
		})
		status := g.sync(Input{Packages: map[string][]string{
			"npm": {"pnpm@8.1.0", "pnpm", "@s/x@1.0.0", "pnpm@9.0.0", "@s/y"},
			"pip": {"flask-app", "requests==2.31.0", "requests==2.32.0", "uvicorn[standard]>=0.2,<1"},
		}})
		calls := g.calls()
		if status != 0 {
			t.Fatalf("status %d: %s%s", status, g.out, g.err)
		}
		for _, want := range []string{
			"npm install -g --no-fund --no-audit --no-progress pnpm@9.0.0 @s/y\n",
			"requests==2.32.0 uvicorn[standard]>=0.2,<1\n",
		} {
			if !strings.Contains(calls, want) {
				t.Errorf("calls lack %q:\n%s", want, calls)
			}
		}
		if strings.Contains(calls, "flask-app") || strings.Contains(calls, "==2.31.0") {
			t.Errorf("what is there is installed again:\n%s", calls)
		}
	})
}

func TestCustomPackages(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		here := g.path("made by it's installer")
		mark := "test -e \"" + here + "\""
		in := Input{Custom: []CustomPackage{{Name: "tool", Check: mark, Install: "echo x | cat >\"" + here + "\"; echo installing"}}}
		for i := range 2 {
			if s := g.sync(in); s != 0 || strings.Contains(g.out, "installing") != (i == 0) {
				t.Errorf("time %d: status %d: %s%s", i, s, g.out, g.err)
			}
		}
		in.Custom = []CustomPackage{
			{Name: "fails", Check: "false", Install: "exit 3"},
			{Name: "lies", Check: "false", Install: "true"},
			{Name: "slow", Check: "false", Install: "sleep 20", Timeout: time.Second},
		}
		s := g.sync(in)
		for _, want := range []string{"cannot install fails: exit status 3", "cannot install lies: its check still fails",
			"cannot install slow: it took more than 1 s", "could not be installed: fails lies slow"} {
			if s != StatusGeneral || !strings.Contains(g.err, want) {
				t.Errorf("status %d, stderr lacks %q:\n%s", s, want, g.err)
			}
		}
	})
}
