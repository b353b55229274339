package virtual

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// agentFile is one of the guest room's shell files; they are data here, so that
// client and simulator share no code.
func agentFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "guest", name))
	if err != nil {
		t.Skip(err)
	}
	return string(b)
}

// TestAgentProtocol speaks to the production agent as its client does: several
// commands over one process, payloads on stdin, a detached attempt that is
// followed and one that is killed.
func TestAgentProtocol(t *testing.T) {
	for _, os := range []string{"debian-12", "alpine-3.22"} {
		t.Run(os, func(t *testing.T) { agentProtocol(t, os) })
	}
}

func agentProtocol(t *testing.T, osName string) {
	d := testDriver(t, Options{})
	boot(t, d, 100, osName)
	const nonce = "\x02nonce42"
	pr, pw := io.Pipe()
	outR, outW := io.Pipe()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var errs bytes.Buffer
	go func() {
		st, err := d.Exec(ctx, 100, driver.Exec{Argv: []string{"sh", "-c", strings.TrimSpace(agentFile(t, "boot.sh"))}, Stdin: pr, Stdout: outW, Stderr: &errs})
		if st != 0 || err != nil {
			t.Errorf("the agent ended with %d, %v: %s", st, err, errs.String())
		}
		outW.CloseWithError(io.EOF) // which the test waits for
	}()
	go io.WriteString(pw, nonce+"\n"+agentFile(t, "agent.sh")+"\n"+nonce+"\n")
	buf := make([]byte, 4096)
	var all string
	until := func() (string, string) {
		for {
			if i := strings.Index(all, nonce+" "); i >= 0 {
				if j := strings.IndexByte(all[i:], '\n'); j > 0 {
					body, st := all[:i], all[i+len(nonce)+1:i+j]
					all = all[i+j+1:]
					return body, st
				}
			}
			n, err := outR.Read(buf)
			all += string(buf[:n])
			if err != nil {
				t.Fatalf("%v; had %q; stderr %q", err, all, errs.String())
			}
		}
	}
	until()
	run := func(script, payload string) (string, string) {
		tail := nonce + "\n0 0\n"
		if payload != "" {
			tail = nonce + "\n0 " + itoa(len(payload)) + "\n" + payload
		}
		go io.WriteString(pw, "0\n"+script+"\n"+tail) // 0: a short text, which a shell reads
		return until()
	}
	if out, st := run("echo hello; exit 3", ""); out != "hello\n" || st != "3" {
		t.Errorf("%q %q", out, st)
	}
	if out, st := run("cat >/tmp/f; cat /tmp/f", "line\nno end"); out != "line\nno end" || st != "0" {
		t.Errorf("%q %q", out, st)
	}
	dir := "/var/lib/config-manager/runs/r/01.1"
	run("mkdir -p "+dir+"; cat >"+dir+"/run", agentFile(t, "run.sh"))
	run("cat >"+dir+"/script", "#!/bin/sh\necho one\nsleep 0.1\necho two >&2\nexit 7\n")
	out, st := run("ih_claim "+dir+" && ih_launch "+dir+" "+dir+"/script '' 01 && ih_follow "+dir+" 0 0 0", "")
	if !strings.Contains(out, "one\n") || !strings.Contains(out, "two\n") || !strings.HasSuffix(out, "x 7\n") || st != "0" {
		t.Errorf("followed %q, status %q, stderr %q", out, st, errs.String())
	}
	dir = strings.Replace(dir, "01.1", "02.1", 1)
	run("mkdir -p "+dir+"; cat >"+dir+"/run", agentFile(t, "run.sh"))
	run("cat >"+dir+"/script", "#!/bin/sh\n: >/tmp/started\nwhile :; do sleep 1; done\n")
	out, _ = run("ih_claim "+dir+" && ih_launch "+dir+" "+dir+"/script '' 02; until [ -e /tmp/started ]; do sleep 0.01; done; ih_kill "+dir+" 60; cd "+dir+"; cat rc", "")
	if out != "143\n" {
		out2, _ := run("cat "+dir+"/err; ls "+dir+"; ps -ef", "")
		t.Errorf("killed: %q, %q", out, out2)
	}
	pw.Close()
	io.Copy(io.Discard, outR)
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
