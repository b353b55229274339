package virtual

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// FuzzEscape runs scripts against a canary that lies beside and above the root
// file system: nothing that a guest does may read, list, change or remove it.
func FuzzEscape(f *testing.F) {
	seeds := map[string]bool{} // those that print CANARY do so only if they find the file
	for _, s := range []string{
		"cat @/canary", "cat /../../../@/canary", "cd ..; cd ..; cat canary", "ln -s @ l; cat l/canary; ls l/", "ln -s ../../.. up; cat up/canary; echo up/*",
		". @/canary", "source @/canary; . ../../canary", "exec @/run.sh", "@/run.sh; sh @/run.sh", "echo @/*; echo /../*", "cat < @/canary", "echo x > @/canary", "echo x >> /../canary",
		"cat /proc/self/root/@/canary", "cat /proc/self/cwd/../../canary", "cat /proc/1/root@/canary", "cat /dev/fd/../../@/canary", "ln @/canary hard; cat hard", "cp @/canary c; cat c", "mv @/canary m; cat m",
		"tar -C @ -cf - canary | cat", "rm -rf @ /..", "x=$(<@/canary); echo $x", "read x <@/canary; echo $x", "cat <(cat @/canary)", "TMPDIR=@; export TMPDIR; cat < @/sh-interp-1", "cat < /tmp/sh-interp-1",
		"type @/run.sh; command -v @/run.sh; PATH=@ run.sh", "test -e @/canary && echo CANARY", "[ -r @/canary ] && echo CANARY", "[[ -f @/canary ]] && echo CANARY", "echo ~/@/canary ~root/../../@/canary", "cd @ && pwd -P",
		"find / -name canary -exec cat {} +", "find @", "eval 'cat @/canary'", "trap '. @/canary' EXIT", "sed -n p @/canary", "dd if=@/canary", "mapfile < @/canary; echo $MAPFILE", "pushd @; ls", "chmod 000 @/canary", "sed -i s/C/x/ @/canary",
		"exec 3<@/canary; cat <&3", "ln -s / s; ln -s s/../.. t; cat t/canary", "env -C @ cat canary", "curl file://@/canary", "install @/canary z; cat z", "mkfifo @/p", "while read l; do echo $l; done < @/canary", "printf '%s' \"$(cat @/canary)\"",
	} {
		f.Add(s)
		seeds[s] = true
	}
	top := f.TempDir()
	canary := filepath.Join(top, "canary")
	const secret = "CANARY-5e7c"
	os.WriteFile(canary, []byte("echo "+secret+"\n"), 0o755)
	os.WriteFile(filepath.Join(top, "run.sh"), []byte("#!/bin/sh\necho "+secret+"\n"), 0o755)
	os.WriteFile("/tmp/sh-interp-1", []byte(secret), 0o600)
	f.Cleanup(func() { os.Remove("/tmp/sh-interp-1") })
	m := boundedMachine(f, filepath.Join(top, "guests", "rootfs"))
	f.Fuzz(func(t *testing.T, script string) {
		if len(script) > 2000 || strings.Contains(script, secret) {
			t.Skip()
		}
		seed := seeds[script]
		script = strings.ReplaceAll(script, "@", top)
		for _, shell := range []string{"sh", "bash"} {
			var out bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			m.Run(ctx, kernel.Exec{Argv: []string{shell, "-c", script}, Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}, Cwd: "/tmp", Stdout: &syncBuffer{b: &out}, Stderr: &syncBuffer{b: &out}})
			cancel()
			killAll(t, m, script)
			if strings.Contains(out.String(), secret) || seed && strings.Contains(out.String(), "CANARY\n") {
				t.Fatalf("%q read the canary: %q", script, out.String())
			}
			if b, err := os.ReadFile(canary); err != nil || string(b) != "echo "+secret+"\n" {
				t.Fatalf("%q changed the canary: %q, %v", script, b, err)
			}
			if i, err := os.Stat(canary); err != nil || i.Mode().Perm() != 0o755 {
				t.Fatalf("%q changed the canary's mode", script)
			}
		}
	})
}

// boundedMachine is one whose scripts cannot take the time, the disk or the
// process table from those that come after.
func boundedMachine(f *testing.F, root string) *Machine {
	f.Helper()
	if err := os.MkdirAll(root, 0o755); err != nil {
		f.Fatal(err)
	}
	fsy, err := fsys.Open(root, root+".owners", 16<<20)
	if err != nil {
		f.Fatal(err)
	}
	if err := image.Layout(fsy, image.Spec{OS: image.Parse("debian-12"), Hostname: "web"}); err != nil {
		f.Fatal(err)
	}
	m := kernel.New(kernel.Config{FS: fsy, Commands: commands(), Hostname: "web", Limits: kernel.Limits{Procs: 64, Output: 1 << 20, Steps: 50_000}})
	f.Cleanup(m.Halt)
	return m
}

// killAll ends what a script left in the background: loops would pile up. What
// is killed has to end, whatever it was doing.
func killAll(t *testing.T, m *Machine, script string) {
	t.Helper()
	for _, p := range m.Procs() {
		p.Signal(9)
		select {
		case <-p.Done():
		case <-time.After(5 * time.Minute):
			b := make([]byte, 1<<20)
			t.Fatalf("%q left a process that cannot be killed\n%s", script, b[:runtime.Stack(b, true)])
		}
	}
}

// syncBuffer is written by the two streams, one at a time, and bounded.
var fuzzMu sync.Mutex

type syncBuffer struct{ b *bytes.Buffer }

func (s *syncBuffer) Write(p []byte) (int, error) {
	fuzzMu.Lock()
	defer fuzzMu.Unlock()
	if s.b.Len() < 1<<20 {
		s.b.Write(p)
	}
	return len(p), nil
}
