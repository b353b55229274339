//go:build linux

package console

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			if out, errs, status := do(t, g, "cat; printf 'a\\0b\\r\\n\\r\\377'; echo x >&2; exit 7", "in\x00\xff\x1c\r\n"); out != "in\x00\xff\x1c\r\na\x00b\r\n\r\xff" || errs != "x\n" || status != 7 {
				t.Errorf("%q %q %d", out, errs, status)
			}
			data := make([]byte, 100<<10)
			rand.Read(data)
			began := time.Now()
			out, errs, status := do(t, g, "cat", string(data))
			if !bytes.Equal([]byte(out), data) || errs != "" || status != 0 {
				t.Errorf("it came back as %d bytes, %q %d", len(out), errs, status)
			}
			t.Logf("both ways: %s", time.Since(began))
			began = time.Now()
			if out, _, _ := do(t, g, `head -c 65536 /dev/zero | tr '\000' x`, ""); out != strings.Repeat("x", 65536) {
				t.Errorf("a line of 64 KiB came as %d bytes", len(out))
			}
			size := 100 << 10
			if name == "dash" { // as much as the pump keeps at most
				size = 1 << 20
			}
			if out, _, _ := do(t, g, fmt.Sprintf("head -c %d /dev/urandom", size), ""); len(out) != size {
				t.Error(len(out))
			}
			t.Logf("%d bytes out: %s", size, time.Since(began))
			began = time.Now()
			do(t, g, ":", "")
			t.Logf("one command: %s", time.Since(began))
			g.Close()
			c.Eventually("ct login: ")
			if strings.Contains(c.Output(), c.Secret) {
				t.Error("the password was echoed")
			}
			for _, m := range consoletest.PumpHello.FindAllStringSubmatch(c.Output(), -1) {
				if _, err := os.Stat("/run/infrahaus-" + m[1]); err == nil {
					t.Error("its folder is left")
				}
			}
		})
	}
}
