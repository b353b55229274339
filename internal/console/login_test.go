//go:build linux

package console

import (
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

// slowGetty takes a moment to refuse, as PAM does, and shows then what was typed
// meanwhile.
var slowGetty = strings.Replace(consoletest.Getty, "sleep 0.2", "sleep 1", 1)

// Keys of somebody else's in the password are not a wrong password, although nobody
// sees them.
func TestConsoleKeysInThePassword(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 2} {
		c := newTerminal(t, slowGetty)
		asked := 0
		c.Hears(func(said string) {
			if strings.HasSuffix(said, "Password: ") && asked < times {
				asked++
				c.Type("reboot")
				if times > 1 {
					time.AfterFunc(300*time.Millisecond, func() { c.Type("oo") }) // and they are seen
				}
			}
		})
		g := c.open()
		if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
			t.Errorf("%q", out)
		}
		g.Close()
		if n := strings.Count(c.Output(), "Login incorrect"); n > times {
			t.Errorf("%d logins refused", n)
		}
	}
}

// A person who types all the time without pressing Enter does not keep the tool out, and
// the tool does not run the typed text.
func TestConsoleTypistAtLogin(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, slowGetty)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				c.Type("rebo0t")
			}
		}
	}()
	g := c.open()
	if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
	if strings.Contains(c.Output(), "rebo0t: command not found") || strings.Contains(c.Output(), "rebo0t: not found") {
		t.Errorf("it was run: %q", consoletest.Last(c.Output(), 900))
	}
}

// A wrong password is tried twice where nobody else types, for a third refusal may
// lock an account.
func TestConsoleWrongPassword(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, slowGetty)
	right := c.Secret
	c.Secret = "wrong"
	_, err := c.openWithin(nil, longLimits)
	if reasonOf(err) != PasswordRefused || !strings.Contains(err.Error(), "root's password is refused") {
		t.Fatal(reasonOf(err), err)
	}
	if n := strings.Count(c.Output(), "Login incorrect"); n != 2 {
		t.Errorf("%d logins refused", n)
	}
	c.Secret = right
	if out, _, _ := do(t, c.open(), "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
}
