//go:build linux

package guest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// slowGetty takes a moment to refuse, as PAM does, and shows then what was typed
// meanwhile.
var slowGetty = strings.Replace(getty, "sleep 0.2", "sleep 1", 1)

// Keys of somebody else's in the password are not a wrong password, although nobody
// sees them.
func TestConsoleKeysInThePassword(t *testing.T) {
	for _, times := range []int{1, 2} {
		c := newTerminal(t, slowGetty)
		asked := 0
		c.hears(func(said string) {
			if strings.HasSuffix(said, "Password: ") && asked < times {
				asked++
				c.typed("reboot")
				if times > 1 {
					time.AfterFunc(300*time.Millisecond, func() { c.typed("oo") }) // and they are seen
				}
			}
		})
		g := c.open()
		if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
			t.Errorf("%q", out)
		}
		g.Close()
		if n := strings.Count(c.output(), "Login incorrect"); n > times {
			t.Errorf("%d logins refused", n)
		}
	}
}

// Who types all the time, but never presses Enter, does not keep us out, and what he
// types is not run by us.
func TestConsoleTypistAtLogin(t *testing.T) {
	c := newTerminal(t, slowGetty)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				c.typed("rebo0t")
			}
		}
	}()
	g := c.open()
	if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
	if strings.Contains(c.output(), "rebo0t: command not found") || strings.Contains(c.output(), "rebo0t: not found") {
		t.Errorf("it was run: %q", last(c.output(), 900))
	}
}

// A wrong password is tried twice where nobody else types, for a third refusal may
// lock an account.
func TestConsoleWrongPassword(t *testing.T) {
	c := newTerminal(t, slowGetty)
	right := c.secret
	c.secret = "wrong"
	_, err := c.openWithin(nil, longLimits)
	if KindOf(err) != AuthRefused || !strings.Contains(err.Error(), "root's password is refused") {
		t.Fatal(KindOf(err), err)
	}
	if n := strings.Count(c.output(), "Login incorrect"); n != 2 {
		t.Errorf("%d logins refused", n)
	}
	c.secret = right
	if out, _, _ := do(t, c.open(), "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
}

// Hints name the container that they are about.
func TestConsoleHints(t *testing.T) {
	c := newTerminal(t, getty)
	c.secret = "wrong"
	for _, shows := range []string{"", "infrahaus credentials web root --reveal"} {
		_, err := c.openWithin(func(o *Options) { o.ShowPassword = shows }, longLimits)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Fix, "passwd root after this on the node: pct enter 100") || !strings.Contains(e.Fix, shows) || strings.Contains(e.Fix, "CTID") || strings.Contains(e.Fix, "CONTAINER") {
			t.Errorf("%v", err)
		}
	}
}

// A terminal in canonical mode silently drops everything after byte 4,095 of a line, with
// busybox after 1,023. Every line typed before the terminal is raw is shorter.
func TestTypedLinesAreShort(t *testing.T) {
	for _, logged := range []bool{true, false} {
		if line := clearLine + loaderLine("0123456789abcdef", logged); len(line) > 1023 || strings.Count(line, "\n") != 1 {
			t.Errorf("%d bytes, %d lines", len(line), strings.Count(line, "\n"))
		}
	}
}
