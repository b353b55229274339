//go:build linux

package guest

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"
)

func TestConsole(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			c := newTerminal(t, getty, sh...)
			g := c.open()
			if g.Transport() != "api" {
				t.Error(g.Transport())
			}
			if out, errs, status := do(t, g, "cat; printf 'a\\0b\\r\\n\\r\\377'; echo x >&2; exit 7", "in\x00\xff\x1c\r\n"); out != "in\x00\xff\x1c\r\na\x00b\r\n\r\xff" || errs != "x\n" || status != 7 {
				t.Errorf("%q %q %d", out, errs, status)
			}
			data := make([]byte, 1<<20)
			rand.Read(data)
			began := time.Now()
			out, errs, status := do(t, g, "cat", string(data))
			if !bytes.Equal([]byte(out), data) || errs != "" || status != 0 {
				t.Errorf("a MiB came back as %d bytes, %q %d", len(out), errs, status)
			}
			t.Logf("1 MiB both ways: %s", time.Since(began))
			began = time.Now()
			if out, _, _ := do(t, g, "head -c 10000000 /dev/urandom", ""); len(out) != 10000000 {
				t.Error(len(out))
			}
			t.Logf("10 MB out: %s", time.Since(began))
			began = time.Now()
			do(t, g, ":", "")
			t.Logf("one command: %s", time.Since(began))
			g.Close()
			c.eventually("ct login: ")
			if strings.Contains(c.output(), c.secret) {
				t.Error("the password was echoed")
			}
		})
	}
}
