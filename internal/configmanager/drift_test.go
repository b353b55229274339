package configmanager

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// drift runs DriftScript as the engine does: one command, with the targets on stdin. All
// paths lie below the fake guest's root.
func (g *fakeGuest) drift(in Input) Drift {
	g.t.Helper()
	script, stdin, err := DriftScript(in)
	if err != nil {
		g.t.Fatal(err)
	}
	f := filepath.Join(g.t.TempDir(), "drift")
	os.WriteFile(f, []byte(script), 0o600)
	cmd := exec.Command(g.shell[0], append(g.shell[1:], f)...)
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(stdin, []byte("/etc/"), []byte(g.root+"/etc/")))
	cmd.Env = []string{"CONFIG_MANAGER_PREFIX=" + g.root, "PATH=" + g.path("fakes") + ":" + os.Getenv("PATH")}
	if g.bare {
		cmd.Env[1] = "PATH=" + g.path("fakes")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		g.t.Fatalf("%v: %s", err, stderr.String())
	}
	d, err := ParseDrift(in, bytes.ReplaceAll(out, []byte(g.root), nil))
	if err != nil {
		g.t.Fatalf("%v: %s", err, out)
	}
	return d
}

func (d Drift) states() string {
	var b strings.Builder
	for _, f := range d.Files {
		fmt.Fprintf(&b, "%s %s\n", f.Target, f.State)
	}
	return b.String()
}

// versions returns two versions of one template. The name of each file says what happens
// to it.
func versions(g *fakeGuest) (one, two Input) {
	for _, n := range []string{"changed", "conflict", "deleted", "edited", "same", "kept", "it's a $name  /etc/edited"} {
		one.Files = append(one.Files, file("replace", "/etc/app/"+n, "one"))
		content := "one"
		if n == "changed" || n == "conflict" || n == "kept" {
			content = "two"
		}
		two.Files = append(two.Files, file("replace", "/etc/app/"+n, content))
	}
	one.Files = append(one.Files, file("replace", "/etc/app/removed", "one"), file("replace", "/etc/app/removed and gone", "one"))
	two.Files = append(two.Files, file("default", "/etc/app/new", "two"), file("default", "/etc/app/present", "two"), file("default", "/etc/app/there", "two"), file("replace", "/etc/app/\\back", "two"))
	return one, two
}

func (g *fakeGuest) deployOne() (two Input) {
	g.t.Helper()
	one, two := versions(g)
	g.write("/etc/app/present", "mine", 0o600)
	g.write("/etc/app/there/file", "", 0o600)
	g.write("/etc/app/\\back", "two", 0o600)
	if s := g.sync(one); s != 0 {
		g.t.Fatalf("status %d: %s%s", s, g.out, g.err)
	}
	for _, n := range []string{"edited", "conflict", "kept"} {
		g.write("/etc/app/"+n, "mine", 0o600)
	}
	os.Remove(g.path("/etc/app/deleted"))
	os.Remove(g.path("/etc/app/removed and gone"))
	return two
}

func TestDrift(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		if d := g.drift(Input{Files: []File{file("", "/etc/x", "one")}}); d.states() != "/etc/x missing\n" {
			t.Errorf("of a guest without a config-manager: %s", d.states())
		}
		two := g.deployOne()
		d := g.drift(two)
		want := `/etc/app/\back same
/etc/app/changed changed
/etc/app/conflict conflict
/etc/app/deleted missing
/etc/app/edited edited
/etc/app/it's a $name  /etc/edited same
/etc/app/kept conflict
/etc/app/new missing
/etc/app/present present
/etc/app/same same
/etc/app/there folder
/etc/app/removed removed
`
		if d.states() != want {
			t.Errorf("got\n%s", d.states())
		}
		for _, f := range d.Files {
			if f.Target == "/etc/app/conflict" && (f.Wanted != sumOf("two") || f.Deployed != sumOf("one") || f.Actual != sumOf("mine")) {
				t.Errorf("%+v", f)
			}
		}
	})
}

func sumOf(s string) string {
	sum, _ := File{Content: []byte(s)}.sum()
	return sum
}

// TestDriftIsFewProcesses: four hundred files are hashed in a few calls of sha256sum.
func TestDriftIsFewProcesses(t *testing.T) {
	inShell(t, "sh", func(t *testing.T, g *fakeGuest) {
		real := needs.Program(t, "sha256sum", "coreutils")
		var in Input
		for i := range 400 {
			in.Files = append(in.Files, file("replace", fmt.Sprintf("/etc/app/%04d", i), "one"))
		}
		if s := g.sync(in); s != 0 {
			t.Fatal(g.err)
		}
		g.write("/etc/app/0200", "mine", 0o600)
		g.fakes(map[string]string{"sha256sum": "exec " + real + ` "$@"`})
		d := g.drift(in)
		if n := strings.Count(g.calls(), "sha256sum"); n > 5 || len(d.Files) != 400 || d.Files[200].State != FileEdited {
			t.Errorf("%d processes, %d files, %v", n, len(d.Files), d.Files[200])
		}
		in, _ = in.Differing(d, "")
		if s := g.sync(in); s != 0 || len(g.contents(in)) != 1 || g.read("/etc/app/0200") != "one" {
			t.Errorf("status %d, shipped %d: %s", s, len(g.contents(in)), g.err)
		}
		if n := strings.Count(g.calls(), "sha256sum"); n > 12 {
			t.Errorf("%d processes to apply one file of four hundred", n)
		}
	})
}

func TestDriftOfPackages(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakes(map[string]string{
			"dpkg-query": installed, "apt-get": "exit 100",
			"npm":  `[ "$1" = list ] || exit 9; printf '/usr/lib\n/usr/lib/node_modules/pnpm:pnpm@8.1.0:undefined\n'`,
			"pip3": `case $1 in list) printf 'Flask_App==2.0\nuvicorn==0.30.1\n';; --isolated) case $* in *0.2) exit 0;; esac; exit 1;; *) exit 9;; esac`,
		})
		got := g.drift(Input{
			Packages: map[string][]string{
				"apt": {"curl", "curl=8.0", "vim", "nginx"}, "apk": {"never", "here"},
				"npm": {"pnpm@8.1.0", "pnpm@9.0.0", "@s/x"}, "pip": {"flask.app", "flask-app==2.1", "uvicorn[standard]>=0.2", "uvicorn>=0.31", "gone"},
			},
			Custom: []CustomPackage{{Name: "there", Check: "true", Install: "exit 1"}, {Name: "not", Check: "read x", Install: "touch " + g.path("ran")}},
		})
		var b strings.Builder
		for _, p := range got.Packages {
			fmt.Fprintf(&b, "%s %s: %s %s\n", p.Manager, p.Spec, p.State, p.Have)
		}
		want := `apt curl: same 7.88.1-10
apt curl=8.0: other version 7.88.1-10
apt vim: missing 
apt nginx: missing 
npm pnpm@8.1.0: same 8.1.0
npm pnpm@9.0.0: other version 8.1.0
npm @s/x: missing 
pip flask.app: same 2.0
pip flask-app==2.1: other version 2.0
pip uvicorn[standard]>=0.2: same 0.30.1
pip uvicorn>=0.31: other version 0.30.1
pip gone: missing 
custom there: same 
custom not: missing 
`
		if b.String() != want {
			t.Errorf("got\n%s", b.String())
		}
		if calls := g.calls(); strings.Contains(calls, "apt-get") || strings.Contains(calls, "npm install") || g.exists("ran") {
			t.Errorf("something was installed: %s", calls)
		}
	})
}

func TestDriftOfApk(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.bare = true // the machine's own apt-get must not answer
		for _, p := range []string{"sh", "cat", "sed", "sort", "grep", "sha256sum", "timeout"} {
			real := needs.Program(t, "/usr/bin/"+p, "coreutils")
			os.MkdirAll(g.path("fakes"), 0o755)
			os.Symlink(real, g.path("fakes/"+p))
		}
		g.fakes(map[string]string{"apk": `case $* in
			"info -e curl=8.1-r0") echo curl ;; "info -e -v curl") echo curl-8.1-r0 ;; *) exit 1 ;; esac`})
		got := g.drift(Input{Packages: map[string][]string{"apk": {"curl=8.1-r0", "curl=9", "jq"}, "apt": {"x"}}})
		want := []PackageDrift{{"apk", "curl=8.1-r0", PackageSame, "8.1-r0"}, {"apk", "curl=9", PackageOtherVersion, "8.1-r0"}, {"apk", "jq", PackageMissing, ""}}
		if fmt.Sprint(got.Packages) != fmt.Sprint(want) {
			t.Errorf("%v", got.Packages)
		}
	})
}

func TestDriftScriptRefuses(t *testing.T) {
	for name, in := range map[string]Input{
		"line end": {Files: []File{{Target: "/etc/a\nb"}}},
		"package":  {Packages: map[string][]string{"apt": {"$(reboot) x"}}},
		"no sum":   {Files: []File{{Target: "/etc/a", SHA256: "x; reboot"}}},
	} {
		if _, _, err := DriftScript(in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseDriftCutShort(t *testing.T) {
	whole := "== files\nM /etc/a\n== recorded\n\n== packages\n== end\n"
	in := Input{Files: []File{file("", "/etc/a", "one")}}
	if d, err := ParseDrift(in, []byte(whole)); err != nil || d.states() != "/etc/a missing\n" {
		t.Errorf("%v %v", d, err)
	}
	for i := range len(whole) {
		if _, err := ParseDrift(in, []byte(whole[:i])); !errors.Is(err, errShort) {
			t.Errorf("%q: %v", whole[:i], err)
		}
	}
}

// FuzzParseDrift: a guest may print anything. The result stays bounded, is safe to show
// on a terminal, and concerns only the files and packages that were asked about.
func FuzzParseDrift(f *testing.F) {
	one := sumOf("one")
	for _, s := range []string{
		"== files\n" + one + "  /etc/a\nM /etc/b\n== recorded\n" + one + "  /etc/a\n" + one + "  /x\x1b[2J\n" + one + "  /etc/gone\n== pending\n" + one + "  /etc/b\n== kept\n" + one + " -  /etc/a\n== packages\nP 0 other 1\x1b]0;x\a\nP 99 same\nP -1 same\n== end\n",
		"\\" + one + "  /etc/\\\\n\n== files\nD \nL /\n== end\n", "== end\n", "", "== files\n== files\nP 1 same\n== end",
	} {
		f.Add([]byte(s))
	}
	in := Input{Files: []File{file("", "/etc/a", "one"), file("default", "/etc/b", "two")}, Packages: map[string][]string{"apt": {"x", "y"}}}
	f.Fuzz(func(t *testing.T, out []byte) {
		d, err := ParseDrift(in, out)
		if err != nil {
			return
		}
		for i, f := range d.Files {
			known := i < 2 && f.State != FileRemoved && f.Policy != "" || i >= 2 && f.State == FileRemoved && f.Policy == ""
			if !known || strings.ContainsFunc(f.Target, isControl) || !strings.HasPrefix(f.Target, "/") ||
				f.Deployed != "" && !isSum(f.Deployed) || f.Actual != "" && !isSum(f.Actual) {
				t.Fatalf("file %d: %+v", i, f)
			}
		}
		for _, p := range d.Packages {
			if p.Manager != "apt" || p.Spec != "x" && p.Spec != "y" || len(p.Have) > maxHave || strings.ContainsFunc(p.Have, isControl) {
				t.Fatalf("%+v", p)
			}
		}
	})
}
