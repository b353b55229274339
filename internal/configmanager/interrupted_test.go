package configmanager

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// dies replaces a program by a fake that kills the config-manager at the n-th call.
// Before that, the fake runs last, which does the program's work or half of it. It counts
// only calls whose arguments match the pattern about.
func (g *fakeGuest) dies(program, about, last string, n int) {
	g.t.Helper()
	if g.shell[0] == "busybox" {
		g.t.Skip("busybox has programs of its own")
	}
	real := needs.Program(g.t, program, program)
	count := g.path("calls of " + program)
	g.write("fakes/"+program, fmt.Sprintf("#!/bin/sh\ncase $* in *%s*) echo >>'%s' ;; *) exec %s \"$@\" ;; esac\n"+
		"[ \"$(wc -l <'%s')\" -ge %d ] || exec %s \"$@\"\n%s\nkill -9 $PPID\n", about, count, real, count, n, real, last), 0o755)
}

func (g *fakeGuest) alive(program string) { os.Remove(g.path("fakes/" + program)) }

// TestKilledBetweenFilesAndRecord: files that a sync wrote before it was killed count as
// deployed by us. A newer template then causes neither a conflict nor a backup.
func TestKilledBetweenFilesAndRecord(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := func(content string) Input {
			return Input{Files: []File{file("replace", "/etc/a/x", content), file("replace", "/etc/b/y", content), file("replace", "/etc/c/new-"+content, content)}}
		}
		if s := g.sync(in("one")); s != 0 {
			t.Fatal(g.err)
		}
		g.dies("mv", "/etc/[abc]/", `/bin/mv "$@"`, 2)
		if s := g.sync(in("two")); s == 0 || g.read("/etc/a/x") != "two" || g.read("/etc/b/y") != "two" || g.exists("/etc/c/new-two") {
			t.Fatalf("status %d: the kill came at another place: %s%s", s, g.out, g.err)
		}
		g.alive("mv")
		want := "/etc/a/x changed\n/etc/b/y changed\n/etc/c/new-three missing\n/etc/c/new-one removed\n"
		if d := g.drift(in("three")); d.states() != want {
			t.Errorf("drift is\n%s", d.states())
		}
		three, refused := in("three").Differing(g.drift(in("three")), "")
		if s := g.sync(three); s != 0 || len(refused) > 0 {
			t.Fatalf("status %d: %s%s", s, g.out, g.err)
		}
		if !strings.Contains(g.out, "3 deployed, 0 unchanged, 0 skipped, 0 backed up, 0 errors") || !strings.Contains(g.out, "interrupted") {
			t.Error(g.out)
		}
		sums := g.read(StateDir + "/state/checksums")
		if strings.Count(sums, "\n") != 4 || strings.Count(sums, sumOf("three")) != 3 || g.exists(StateDir+"/state/pending") {
			t.Errorf("records:\n%s", sums)
		}
		g.sync(in("three"))
		if strings.Contains(g.out, "interrupted") {
			t.Error("it is still said to be interrupted")
		}
	})
}

// TestKilledInTheMiddleOfAFile: a half-written file is written again with every policy. A
// copy of it is kept, because it may be the user's.
func TestKilledInTheMiddleOfAFile(t *testing.T) {
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		in := Input{SyncOnBoot: true, Files: []File{file("default", "/etc/a", "the whole content")}}
		g.dies("cp", "/root/etc/a", "printf 'the who' >"+g.path("/etc/a"), 1)
		if s := g.sync(in); s == 0 || g.read("/etc/a") != "the who" {
			t.Fatalf("status %d, %q: %s", s, g.read("/etc/a"), g.err)
		}
		g.alive("cp")
		d := g.drift(in)
		if d.states() != "/etc/a interrupted\n" || d.Files[0].Effect() != Backup {
			t.Error(d.states())
		}
		if s := g.sync(in); s != 0 || g.read("/etc/a") != "the whole content" {
			t.Errorf("status %d: %s%s", s, g.out, g.err)
		}
		if b := g.backups("/etc/a"); len(b) != 1 || g.read(b[0]) != "the who" {
			t.Errorf("backups %v", b)
		}
		if d := g.drift(in); d.states() != "/etc/a same\n" {
			t.Error(d.states())
		}
	})
}

// TestRecordThatCannotBeWritten: if the new record cannot be written, the old one stays.
func TestRecordThatCannotBeWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	eachShell(t, func(t *testing.T, g *fakeGuest) {
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "one")}}); s != 0 {
			t.Fatal(g.err)
		}
		before := g.read(StateDir + "/state/checksums")
		os.Symlink("/dev/full", g.path(StateDir+"/state/checksums.new"))
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "two")}}); s != StatusGeneral || !strings.Contains(g.err, "is the disk full?") {
			t.Errorf("status %d: %s", s, g.err)
		}
		if g.read(StateDir+"/state/checksums") != before {
			t.Error("the record is gone")
		}
		os.Remove(g.path(StateDir + "/state/checksums.new"))
		if s := g.sync(Input{Files: []File{file("replace", "/etc/a", "three")}}); s != 0 || len(g.backups("/etc/a")) > 0 {
			t.Errorf("status %d: %s", s, g.err)
		}
	})
}
