package virtual

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// FuzzEscape runs scripts against a canary that lies beside and above the root
// file system: nothing that a guest does may read, list, change or remove it.
func FuzzEscape(f *testing.F) {
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
	}
	top := f.TempDir()
	canary := filepath.Join(top, "canary")
	const secret = "CANARY-5e7c"
	os.WriteFile(canary, []byte("echo "+secret+"\n"), 0o755)
	os.WriteFile(filepath.Join(top, "run.sh"), []byte("#!/bin/sh\necho "+secret+"\n"), 0o755)
	os.WriteFile("/tmp/sh-interp-1", []byte(secret), 0o600)
	f.Cleanup(func() { os.Remove("/tmp/sh-interp-1") })
	m, err := NewMachine(filepath.Join(top, "guests", "rootfs"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(m.Halt)
	f.Fuzz(func(t *testing.T, script string) {
		if len(script) > 2000 || strings.Contains(script, secret) {
			t.Skip()
		}
		script = strings.ReplaceAll(script, "@", top)
		for _, shell := range []string{"sh", "bash"} {
			var out bytes.Buffer
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			m.Run(ctx, kernel.Exec{Argv: []string{shell, "-c", script}, Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}, Cwd: "/tmp", Stdout: &syncBuffer{b: &out}, Stderr: &syncBuffer{b: &out}})
			cancel()
			if strings.Contains(out.String(), secret) || strings.Contains(out.String(), "CANARY\n") {
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
