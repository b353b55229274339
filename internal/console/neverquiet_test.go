//go:build linux

package console

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

// lazyGetty takes a moment for everything, as on a busy node.
var lazyGetty = strings.Replace(slowGetty, "\tstty sane", "\tsleep 0.2; stty sane", 1)

// withRC is a terminal whose login shell reads rc.
func withRC(t *testing.T, script, rc string) *terminal {
	t.Helper()
	f := t.TempDir() + "/rc"
	if err := os.WriteFile(f, []byte("PS1='root@ct:~# '\n"+rc+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return newTerminal(t, strings.ReplaceAll(script, "exec $LOGIN_SHELL", "exec bash --rcfile "+f+" -i"))
}

// A kernel that prints all the time neither keeps us out of a real terminal nor hides that
// we are refused. TestNeverQuiet has other noises.
func TestConsoleNeverQuiet(t *testing.T) {
	t.Parallel()
	audit := func(i int) string {
		return fmt.Sprintf("[%5d.000123] audit: type=1400 apparmor=\"DENIED\" operation=\"mount\" no#%d\r\n", 100+i, i)
	}
	c := newTerminal(t, lazyGetty, "/bin/bash")
	c.Chatter(10*time.Millisecond, audit)
	g, err := c.openWithin(nil, longLimits)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
	g.Close()
	if n := strings.Count(c.Output(), "Login incorrect"); n > 0 {
		t.Errorf("%d logins refused", n)
	}
	c.Secret = "wrong"
	if _, err := c.openWithin(nil, longLimits); reasonOf(err) != PasswordRefused {
		t.Errorf("%v %v", reasonOf(err), err)
	}
}

// Text that is printed between two answers to Enter does not hide either of them.
func TestConsoleAnswersFarApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  state
		said   []string
		answer string
	}{
		"a login prompt":  {awaitPrompt, []string{"ct login: ", "ct login: "}, rootName + "\n"},
		"a refused login": {awaitShell, []string{"Login incorrect\n", "ct login: ", "ct login: "}, ""},
		"a password":      {awaitPassword, []string{"Password: "}, "secret\n"},
		"root's shell":    {awaitShell, []string{"root@ct:~# ", "root@ct:~# "}, clearLine + bootstrapLine("0123456789abcdef", "", true)},
	} {
		t.Run(name, func(t *testing.T) {
			var typed bytes.Buffer
			d := login{conn: &typed, tag: "0123456789abcdef", limits: UsualLimits, secret: "secret", enters: 2, busyTTY: true, others: contention{claims: maxClaims},
				password: func() (string, error) { return "secret", nil }}
			d.state = c.state
			for i, said := range c.said {
				d.hear([]byte(said))
				for n := range 3500 {
					d.hear(fmt.Appendf(nil, "[%5d.000123] audit: type=1400 no#%d-%d\r\n", n, n, i))
				}
				d.busyTTY = true
			}
			if _, err := d.judge(false); err != nil {
				t.Fatal(err)
			}
			if typed.String() != c.answer {
				t.Errorf("typed %q in place of %q", typed.String(), c.answer)
			}
			if c.answer == "" && d.refusals != 1 {
				t.Error("the refusal was not seen")
			}
			if len(d.text) > maxText {
				t.Errorf("%d bytes are kept", len(d.text))
			}
		})
	}
}

// Lines that no decision needs are left out; the lines that decide stay.
func TestRelevantLines(t *testing.T) {
	for _, line := range []string{
		"ct login: ", "root@ct:~# ", "Password: ", "Mot de passe : ", "~0123456789abcdef g;", "\x1b[1mLogin incorrect\x1b[0m", "AUTHENTICATION FAILURE", "incorrect password",
		"Your account has been locked", "System is going down", "login is disabled", "Your password has expired", "You must change your password",
	} {
		if got := string(relevantLines([]byte("work\n" + line + "\r\nplay\nand"))); got != line+"\r\nand" {
			t.Errorf("%q: %q", line, got)
		}
	}
	if got := relevantLines(bytes.Repeat([]byte("ct login: \n"), maxText/8)); len(got) > maxText/2 {
		t.Errorf("%d bytes are kept", len(got))
	}
}

// A run that has waited for another one announces again that it logs in next.
func TestConsoleTurn(t *testing.T) {
	t.Parallel()
	var typed bytes.Buffer
	d := login{conn: &typed, tag: "0123456789abcdef"}
	turn := func() bool {
		now, err := d.claim()
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	for range 2 {
		if turn() {
			t.Error("it types its name before it has seen who is first")
		}
	}
	if strings.Count(typed.String(), "~0123456789abcdef?") != 1 {
		t.Errorf("typed %q", typed.String())
	}
	if d.text = bytes.Clone(typed.Bytes()); !turn() {
		t.Error("it came first, and did not see it")
	}
	d.text, d.others.claims, d.others.claimedAt = nil, maxClaims, time.Now().Add(-time.Minute)
	if !turn() {
		t.Error("what is not shown there is waited for")
	}
	d.restart()
	if typed.Reset(); turn() || typed.Len() == 0 {
		t.Error("it is said no more")
	}
}

// Two that log in at once where nobody hears the other do not take each other's
// keys for a wrong password.
func TestConsoleNeverQuietAtOnce(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, slowGetty)
	c.Chatter(50*time.Millisecond, func(i int) string { return fmt.Sprintf("[%5d.000123] audit: no#%d\r\n", 100+i, i) })
	c.Mangles(func(b []byte) []byte { // a busy machine is late to print: no prompt is the last word then either
		if bytes.HasSuffix(b, []byte(": ")) {
			b = append(b, "[   99.000123] audit: late\r\n"...)
		}
		return b
	})
	errs := make(chan error)
	for range 2 {
		go func() {
			g, err := c.openWithin(nil, longLimits)
			if err == nil {
				g.Close()
			}
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if said := c.Output(); strings.Contains(said, c.Secret) || strings.Contains(said, "Login incorrect") {
		t.Error("the password is on the screen, or one was refused")
	}
}

// A shell that we logged in to is left, whatever ends us before it is used; and so is
// half a login.
func TestConsoleLeftWhereGivenUp(t *testing.T) {
	t.Parallel()
	motd := strings.Replace(consoletest.Getty, "(trap - INT", "sleep 1; (trap - INT", 1)
	for name, given := range map[string]func(t *testing.T) *terminal{
		"a prompt that is none": func(t *testing.T) *terminal {
			c := withRC(t, consoletest.Getty, "PS1='❯ '")
			if _, err := c.openWithin(nil, func(l *Limits) { longLimits(l); l.Login = 8 * time.Second }); reasonOf(err) != LoginStuck {
				t.Errorf("%v", err)
			}
			return c
		},
		"cancelled in the motd": func(t *testing.T) *terminal {
			c := newTerminal(t, motd)
			cancelled(t, c, "Last login")
			return c
		},
		"cancelled at the password": func(t *testing.T) *terminal {
			c := newTerminal(t, motd)
			cancelled(t, c, "Password: ")
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := given(t)
			for end := time.Now().Add(5 * time.Minute); !loginPrompt().MatchString(c.Output()); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("it is not as it was")
				}
			}
		})
	}
}

// cancelled ends an Open once the console has said at.
func cancelled(t *testing.T, c *terminal, at string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c.Hears(func(said string) {
		if strings.Contains(consoletest.Last(said, 60), at) {
			cancel()
		}
	})
	s := &session{t: t, tty: c, console: New(c.config(nil, nil))}
	if err := s.attach(ctx); ctx.Err() == nil || err == nil {
		t.Errorf("%v", err)
	}
	c.Hears(nil)
}

// Shells as people set them up: what ends them by themselves may be fixed.
func TestConsoleReadonlyTimeout(t *testing.T) {
	t.Parallel()
	c := withRC(t, consoletest.Getty, "readonly TMOUT=900")
	g := c.open()
	if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
		t.Errorf("%q", out)
	}
}

// A line that a person has typed but not sent is not run, wherever the cursor is. The
// person's history stays the same, whether or not it would keep our line.
func TestConsoleOfSomebody(t *testing.T) {
	t.Parallel()
	for _, rc := range []string{"HISTCONTROL=ignoreboth", "HISTCONTROL="} {
		c := withRC(t, "exec $LOGIN_SHELL", rc)
		c.Eventually("# ")
		c.Type("echo precious\n")
		c.Eventually("\rprecious")
		c.Type("touch " + c.Home + "/ran\x01")
		c.Eventually("touch")
		g := c.open()
		g.Close()
		if _, err := os.Stat(c.Home + "/ran"); err == nil {
			t.Errorf("%s: it was run", rc)
		}
		c.Type("history; echo all-of-$((40+2))\n")
		c.Eventually("all-of-42")
		_, history, _ := strings.Cut(consoletest.Last(c.Output(), 400), "$((40+2))")
		if !strings.Contains(history, "echo precious") || strings.Contains(history, "stty raw") {
			t.Errorf("%s: %q", rc, history)
		}
	}
}

// A line in which somebody else's login is spoken of does not end our shell; and a
// console that ended is not held.
func TestConsoleIsNotHeld(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, consoletest.Getty)
	g := c.open()
	c.Show([]byte("\r\nsshd: invalid login:"))
	if out, _, _ := do(t, g, "echo in", ""); out != "in\n" || c.Attached() != 1 {
		t.Errorf("%q, %d attached", out, c.Attached())
	}
	c.Show([]byte("\r\nct login: ")) // as if
	if err := g.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Close()
	for end := time.Now().Add(5 * time.Minute); c.Attached() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are still attached", c.Attached())
		}
	}
}
