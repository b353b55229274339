package configmanager

import (
	"strings"
	"testing"
)

// served is a file on which nginx depends, with a check.
func served(target, content string) File {
	f := file("replace", target, content)
	f.Check, f.Notify = `! grep -r bad "$CONFIG_MANAGER_PREFIX/etc/nginx"`, []Notify{{"restart", "nginx"}}
	return f
}

// notify runs the checks and restarts of in.
func (g *fakeGuest) notify(in Input, causes ...Cause) (string, int) {
	g.t.Helper()
	return g.run("/", NotifyScript(in.Files, causes, nil))
}

// fakeUnits records what rc-service is asked for.
func (g *fakeGuest) fakeUnits() {
	g.write("fakes/rc-service", "#!/bin/sh\necho \"$@\" >>'"+g.path("asked")+"'\n", 0o755)
}

func (g *fakeGuest) asked() string {
	g.t.Helper()
	if !g.exists("asked") {
		return ""
	}
	said := g.read("asked")
	g.write("asked", "", 0o644)
	return said
}

func TestNotifyOnceAndOnlyForChanges(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakeUnits()
		in := func(a, b, other string) Input {
			o := file("replace", "/etc/other", other)
			o.Notify = []Notify{{"reload", "haproxy"}, {"restart", "nginx"}}
			return Input{Files: []File{served("/etc/nginx/a", a), served("/etc/nginx/b", b), o, file("replace", "/etc/none", a)}}
		}
		sync := func(in Input, want string) {
			t.Helper()
			if s := g.sync(in); s != 0 {
				t.Fatalf("status %d: %s", s, g.err)
			}
			if out, s := g.notify(in); s != 0 || g.asked() != want {
				t.Errorf("status %d, want %q: %s", s, want, out)
			}
			if g.exists(StateDir + "/notify/due") {
				t.Error("something is still due")
			}
		}
		sync(in("1", "1", "1"), "nginx restart\nhaproxy reload\n")
		sync(in("1", "1", "1"), "")
		sync(in("2", "2", "1"), "nginx restart\n")
		sync(in("2", "2", "2"), "nginx restart\nhaproxy reload\n")
		if out, s := g.notify(in("2", "2", "2"), Cause{"variable", "port", []Notify{{"restart", "app"}}}); s != 0 || g.asked() != "app restart\n" {
			t.Errorf("status %d: %s", s, out)
		}
	})
}

// TestFailedCheckPutsBack: a failed check puts back every file of the notify, a new file
// too, and leaves the others. The next comparison finds them changed.
func TestFailedCheckPutsBack(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakeUnits()
		in := func(a, content string) Input {
			with := file("replace", "/etc/with", content)
			with.Notify = []Notify{{"restart", "nginx"}, {"reload", "haproxy"}}
			alone := file("replace", "/etc/alone", content)
			alone.Notify = []Notify{{"restart", "app"}}
			return Input{Files: []File{served("/etc/nginx/a", a), with, alone}}
		}
		if s := g.sync(in("one", "one")); s != 0 {
			t.Fatal(g.err)
		}
		g.notify(in("one", "one"))
		g.asked()
		bad := in("bad", "two")
		bad.Files = append(bad.Files, served("/etc/nginx/new", "two"))
		if s := g.sync(bad); s != 0 {
			t.Fatal(g.err)
		}
		out, s := g.notify(bad, Cause{"package", "apt nginx", []Notify{{"restart", "nginx"}}})
		if s != StatusRefused || g.asked() != "app restart\n" {
			t.Errorf("status %d: %s", s, out)
		}
		for _, line := range []string{
			"/etc/nginx/a is as it was before: its check failed with exit status 1",
			"/etc/with is as it was before: the check of a file for nginx failed",
			"/etc/nginx/new is removed again: its check failed",
		} {
			if !strings.Contains(out, line) {
				t.Errorf("not said: %s\n%s", line, out)
			}
		}
		if g.read("/etc/nginx/a") != "one" || g.read("/etc/with") != "one" || g.exists("/etc/nginx/new") || g.read("/etc/alone") != "two" {
			t.Error("the files are not as they were")
		}
		want := "/etc/alone same\n/etc/nginx/a changed\n/etc/nginx/new missing\n/etc/with changed\n"
		if d := g.drift(bad); d.states() != want {
			t.Errorf("drift is\n%s", d.states())
		}
		good := in("two", "two")
		if s := g.sync(good); s != 0 {
			t.Fatal(g.err)
		}
		if out, s := g.notify(good); s != 0 || g.asked() != "nginx restart\nhaproxy reload\n" || g.read("/etc/nginx/a") != "two" {
			t.Errorf("status %d: %s", s, out)
		}
	})
}

// TestKilledBeforeNotify: what is due is on record before a file is written. The version
// from before the first sync that was killed is the one that a failed check puts back.
func TestKilledBeforeNotify(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakeUnits()
		in := func(content string) Input { return Input{Files: []File{served("/etc/nginx/a", content)}} }
		g.sync(in("one"))
		g.notify(in("one"))
		g.asked()
		for _, killed := range []string{"two", "three", "three"} {
			if s := g.sync(in(killed)); s != 0 {
				t.Fatal(g.err)
			}
		}
		if out, s := g.notify(in("three")); s != 0 || g.asked() != "nginx restart\n" {
			t.Errorf("status %d: %s", s, out)
		}
		g.sync(in("four"))
		g.sync(in("bad"))
		if out, s := g.notify(in("bad")); s != StatusRefused || g.read("/etc/nginx/a") != "three" || g.asked() != "" {
			t.Errorf("status %d: %s", s, out)
		}
	})
}

// TestFailedRestartIsTriedAgain, and what succeeded is not.
func TestFailedRestartIsTriedAgain(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		g.fakeUnits()
		f := served("/etc/nginx/a", "one")
		f.Notify = append(f.Notify, Notify{"restart", "app"})
		in := Input{Files: []File{f}}
		g.sync(in)
		g.write("fakes/rc-service", "#!/bin/sh\n[ \"$1\" = nginx ] && echo \"$@\" >>'"+g.path("asked")+"'\n", 0o755)
		if out, s := g.notify(in); s != 1 || !strings.Contains(out, "cannot restart app") || g.asked() != "nginx restart\n" {
			t.Errorf("status %d: %s", s, out)
		}
		g.fakeUnits()
		if out, s := g.notify(in); s != 0 || g.asked() != "app restart\n" {
			t.Errorf("status %d: %s", s, out)
		}
	})
}

// TestNotifyInVirtualGuest: a unit that was started after its files were written is not
// restarted, another is; a stopped service is started and enabled.
func TestNotifyInVirtualGuest(t *testing.T) {
	m := bootMachine(t, "debian-12")
	in := func(content string) Input {
		f := file("replace", "/etc/nginx/conf.d/a.conf", content)
		f.Check, f.Notify = "nginx -t", []Notify{{"restart", "nginx"}}
		return Input{Packages: map[string][]string{"apt": {"nginx-light"}}, Files: []File{f}}
	}
	const pid = "systemctl show -p MainPID --value nginx"
	notify := func(in Input, causes []Cause, mends ...Mend) string {
		t.Helper()
		out, s := m.sh(NotifyScript(in.Files, causes, mends))
		if s != 0 {
			t.Fatalf("status %d: %s", s, out)
		}
		return out
	}
	if out, s := m.sync(in("# 1")); s != 0 {
		t.Fatal(out)
	}
	was, _ := m.sh("sleep 0.05; systemctl restart nginx;" + pid)
	out := notify(in("# 1"), nil)
	if now, _ := m.sh(pid); now != was || !strings.Contains(out, "nginx was started after the change") {
		t.Errorf("it was restarted: %s", out)
	}
	if out, s := m.sync(in("# 2")); s != 0 {
		t.Fatal(out)
	}
	out = notify(in("# 2"), nil)
	if now, _ := m.sh(pid); now == was || !strings.Contains(out, "nginx: restarted") {
		t.Errorf("it was not restarted: %s", out)
	}
	m.sh("systemctl stop nginx; systemctl disable nginx")
	out = notify(in("# 2"), nil, Mend{"start", "nginx"}, Mend{"enable", "nginx"})
	if s, _ := m.sh("systemctl is-active nginx; systemctl is-enabled nginx"); s != "active\nenabled\n" {
		t.Errorf("%s%s", s, out)
	}
	if u := m.d.Unknown(); len(u) > 0 {
		t.Errorf("unknown programs: %v", u)
	}
}
