package configmanager

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSyncOfWhatDiffers: a sync ships only the contents that it writes, and settles
// conflicts. After it, the only drift left is what the user decided for the guest.
func TestSyncOfWhatDiffers(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		two := g.deployOne()
		os.RemoveAll(g.path("/etc/app/there"))
		_, refused := two.Differing(g.drift(two), "")
		if len(refused) != 2 || refused[0].Target != "/etc/app/conflict" || refused[1].Target != "/etc/app/kept" {
			t.Errorf("refused %v", refused)
		}
		before := tree(t, g.path("/etc"))
		if s := g.sync(two); s != StatusConflict || !strings.Contains(g.err, "edited here and has changed in the template") {
			t.Errorf("status %d: %s", s, g.err)
		}
		if now := tree(t, g.path("/etc")); now != before {
			t.Errorf("a conflict changed something:\n%s\n%s", before, now)
		}
		half := two
		half.Files = nil
		for _, f := range two.Files {
			if f.Target == "/etc/app/kept" {
				f.Policy = PolicyKeep
			}
			half.Files = append(half.Files, f)
		}
		out, refused := half.Differing(g.drift(half), "template")
		if len(refused) != 0 {
			t.Errorf("refused %v", refused)
		}
		if s := g.sync(out); s != 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		if !strings.Contains(g.out, "11 processed, 6 deployed, 3 unchanged, 2 skipped, 2 backed up, 0 errors") {
			t.Error(g.out)
		}
		for n, want := range map[string]string{"changed": "two", "conflict": "two", "deleted": "one", "edited": "one", "kept": "mine", "present": "mine", "new": "two"} {
			if got := g.read("/etc/app/" + n); got != want {
				t.Errorf("%s: %q, want %q", n, got, want)
			}
		}
		for _, n := range []string{"conflict", "edited"} {
			if b := g.backups("/etc/app/" + n); len(b) != 1 || g.read(b[0]) != "mine" {
				t.Errorf("backups of %s: %v", n, b)
			}
		}
		for _, f := range g.drift(two).Files {
			want := map[string]FileState{"/etc/app/kept": FileKept, "/etc/app/present": FilePresent, "/etc/app/removed": FileRemoved}[f.Target]
			if want == "" {
				want = FileSame
			}
			if f.State != want {
				t.Errorf("afterwards %s is %s", f.Target, f.State)
			}
		}
		// The next sync ships nothing at all and changes nothing.
		before = tree(t, g.path("/etc/app"))
		out, refused = two.Differing(g.drift(two), "")
		if s := g.sync(out); s != 0 || len(refused) > 0 || tree(t, g.path("/etc/app")) != before {
			t.Errorf("status %d: %s%s%v", s, g.out, g.err, refused)
		}
		if !strings.Contains(g.out, "0 deployed, 9 unchanged, 2 skipped, 0 backed up") || len(g.contents(out)) != 0 {
			t.Errorf("%s, shipped %v", g.out, g.contents(out))
		}
		if d := g.drift(two); !strings.Contains(d.states(), "/etc/app/kept kept\n") {
			t.Errorf("not kept any more: %s", d.states())
		}
	})
}

// contents returns the targets of the template's files that in ships.
func (g *fakeGuest) contents(in Input) []string {
	g.t.Helper()
	files, err := Bundle(in)
	if err != nil {
		g.t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		if strings.HasPrefix(f.Path, "root/") {
			out = append(out, f.Path)
		}
	}
	return out
}

// tree returns the content of every file below a folder, with its path.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(p string, fi os.FileInfo, err error) error {
		if err == nil && fi.Mode().IsRegular() {
			content, _ := os.ReadFile(p)
			fmt.Fprintf(&b, "%s %v %q\n", p, fi.Mode(), content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEditedAfterTheComparison: the comparison found a file unchanged, so its content was
// not shipped. If it was edited meanwhile, the sync refuses it.
func TestEditedAfterTheComparison(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := Input{Files: []File{file("replace", "/etc/a", "one"), file("replace", "/etc/b", "one"), file("replace", "/etc/c", "one")}}
		if s := g.sync(in); s != 0 {
			t.Fatal(g.err)
		}
		os.Remove(g.path("/etc/a"))
		out, _ := in.Differing(g.drift(in), "")
		g.write("/etc/b", "mine", 0o600)
		if s := g.sync(out); s != StatusConflict || !strings.Contains(g.err, "/etc/b: it was edited after it had been compared") ||
			g.exists("/etc/a") || g.read("/etc/b") != "mine" {
			t.Errorf("status %d: %s", s, g.err)
		}
		os.Remove(g.path("/etc/c"))
		g.write("/etc/b", "one", 0o600)
		if s := g.sync(out); s != StatusGeneral || !strings.Contains(g.err, "/etc/c: its content was not shipped") || g.exists("/etc/a") {
			t.Errorf("status %d: %s", s, g.err)
		}
	})
}

// TestPoliciesAfterAChange covers each policy on a file that was deployed before.
func TestPoliciesAfterAChange(t *testing.T) {
	tests := []struct {
		policy, now, tmpl string // version one was deployed
		status            int
		after             string
		backup            bool
	}{
		{"replace", "one", "two", 0, "two", false},
		{"replace", "mine", "one", 0, "one", true},
		{"replace", "mine", "two", StatusConflict, "mine", false},
		{"backup", "one", "two", 0, "two", true},
		{"backup", "mine", "one", 0, "one", true},
		{"backup", "mine", "two", StatusConflict, "mine", false},
		{"default", "one", "two", 0, "one", false},
		{"default", "mine", "two", 0, "mine", false},
		{PolicyTake, "one", "two", 0, "two", true},
		{PolicyTake, "mine", "two", 0, "two", true},
		{PolicyKeep, "mine", "two", 0, "mine", false},
		{PolicyKeep, "two", "two", 0, "two", false},
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		target := func(i int) string { return fmt.Sprintf("/etc/app/%d", i) }
		var one, two Input
		for i, test := range tests {
			one.Files = append(one.Files, file("replace", target(i), "one"))
			if test.status == 0 {
				two.Files = append(two.Files, file(test.policy, target(i), test.tmpl))
			}
		}
		if s := g.sync(one); s != 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		for i, test := range tests {
			g.write(target(i), test.now, 0o600)
		}
		if s := g.sync(two); s != 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		for i, test := range tests {
			if test.status != 0 {
				if s := g.sync(Input{Files: []File{file(test.policy, target(i), test.tmpl)}}); s != test.status {
					t.Errorf("%s: status %d: %s%s", test.policy, s, g.out, g.err)
				}
			}
			b := g.backups(target(i))
			if g.read(target(i)) != test.after || (len(b) == 1) != test.backup || len(b) == 1 && g.read(b[0]) != test.now {
				t.Errorf("%s, %s→%s: %q, backups %v", test.policy, test.now, test.tmpl, g.read(target(i)), b)
			}
		}
	})
}

// TestNotDeployedByUs: a later sync loses no file that we did not deploy, with any
// policy: the file or a copy of it stays. The first sync goes by the policy.
func TestNotDeployedByUs(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		var in Input
		for _, policy := range []string{"replace", "backup", "default"} {
			in.Files = append(in.Files, file(policy, "/etc/app/"+policy, "ours"))
			g.write("/etc/app/"+policy, "mine", 0o600)
		}
		if s := g.sync(Input{}); s != 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		out, refused := in.Differing(g.drift(in), "")
		if s := g.sync(out); s != 0 || len(refused) > 0 || !strings.Contains(g.out, "it was not deployed from here") {
			t.Errorf("status %d: %s%s%v", s, g.out, g.err, refused)
		}
		for _, policy := range []string{"replace", "backup"} {
			b := g.backups("/etc/app/" + policy)
			if g.read("/etc/app/"+policy) != "ours" || len(b) != 1 || g.read(b[0]) != "mine" {
				t.Errorf("%s: %q, backups %v", policy, g.read("/etc/app/"+policy), b)
			}
		}
		if g.read("/etc/app/default") != "mine" || len(g.backups("/etc/app/default")) > 0 {
			t.Error("policy default did something")
		}
	})
}

// TestTakenBack: taking the template's version replaces a kept file, leaves a copy of it,
// and removes the record that the user kept it.
func TestTakenBack(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		one, two := Input{Files: []File{file("replace", "/etc/a", "one")}}, Input{Files: []File{file("replace", "/etc/a", "two")}}
		take := func(how string, want FileState) Input {
			t.Helper()
			out, refused := two.Differing(g.drift(two), how)
			if s := g.sync(out); s != 0 || len(refused) > 0 {
				t.Fatalf("status %d: %s%s%v", s, g.out, g.err, refused)
			}
			if d := g.drift(two); d.Files[0].State != want {
				t.Errorf("after %q: %s", how, d.states())
			}
			return out
		}
		g.sync(one)
		g.write("/etc/a", "mine", 0o600)
		if out := take("guest", FileKept); !out.ToApply() || len(g.contents(out)) != 0 {
			t.Error("what is kept is to be remembered, and not shipped")
		}
		if out, _ := two.Differing(g.drift(two), "guest"); out.ToApply() {
			t.Error("it is remembered already")
		}
		take("template", FileSame)
		if b := g.backups("/etc/a"); g.read("/etc/a") != "two" || len(b) != 1 || g.read(b[0]) != "mine" {
			t.Errorf("%q, backups %v", g.read("/etc/a"), b)
		}
		if out, _ := two.Differing(g.drift(two), "template"); out.ToApply() {
			t.Error("it is taken already")
		}
	})
}

// TestLater: with Later, a sync also keeps the files that it finds if no sync ever
// finished in the guest.
func TestLater(t *testing.T) {
	inShell(t, "sh", func(t *testing.T, g *fakeGuest) {
		g.write("/etc/a", "mine", 0o600)
		if s := g.sync(Input{Later: true, Files: []File{file("replace", "/etc/a", "ours")}}); s != 0 || g.read("/etc/a") != "ours" || len(g.backups("/etc/a")) != 1 {
			t.Errorf("status %d: %s%s", s, g.out, g.err)
		}
	})
}
