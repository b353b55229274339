package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func stuck(f *faketty) { <-f.ended }

// The limits of each state, in full length: the errors say what did not come.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		getty  func(*faketty)
		reason Reason
		says   string
		within time.Duration // at most
	}{
		{"no getty", stuck, NoPrompt, "neither a login prompt nor a shell shows there within 1m0s", time.Minute},
		{"never quiet", func(f *faketty) {
			f.chatter(50*time.Millisecond, func(int) string { return "all work and no play\n" })
		}, NeverQuiet, "prints there without end", time.Minute},
		{"a flood", func(f *faketty) {
			for line := bytes.Repeat([]byte("all work and no play\n"), 800); f.print(string(line)); {
			}
		}, NeverQuiet, "prints there without end", 0},
		{"a password prompt that never comes", func(f *faketty) {
			for {
				if name, ok := f.ask("ct login: "); !ok || name != "" {
					return
				}
			}
		}, LoginStuck, "the password prompt does not show within 45s", 45 * time.Second},
		{"a shell that never comes", fakegetty{after: stuck}.run, LoginStuck, "root's shell does not show within 45s", 45 * time.Second},
		{"something else than a shell", fakegetty{after: func(f *faketty) {
			for ok := true; ok; {
				_, ok = f.ask("menu> ")
			}
		}}.run, NoShell, "does not answer as a shell of root's within 15s", 15 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, f := newFake(t, c.getty)
				began := time.Now()
				err := attachFake(t, conn, "s3cr3t")
				if reasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%v", err)
				}
				if took := time.Since(began); took < c.within || took > c.within+20*time.Second {
					t.Errorf("it took %s", took)
				}
				var e *Error
				if c.name == "never quiet" && errors.As(err, &e) && !strings.Contains(e.Screen, "no play") {
					t.Errorf("%q", e.Screen)
				}
				if strings.Count(f.keys(), "s3cr3t") > 1 {
					t.Errorf("typed %q", f.keys())
				}
			})
		})
	}
}

// Each refusal has its reason, shows what the console said last but not the password, and
// leaves no half login.
func TestRefusals(t *testing.T) {
	password := func(p string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return p, err }
	}
	answers := func(lines, then string) fakegetty {
		return fakegetty{after: func(f *faketty) { f.print(lines); f.ask(then) }}
	}
	ends := func(text string) func(*faketty) {
		return func(f *faketty) { f.print(text); time.Sleep(time.Second); f.conn.Close() }
	}
	right := password("s3cr3t", nil)
	for _, c := range []struct {
		name     string
		getty    func(*faketty)
		password func(context.Context) (string, error)
		reason   Reason
		says     string
		after    string // what the console shows in the end
		screen   string // in the error
	}{
		{"a wrong password", fakegetty{secret: "another"}.run, right, PasswordRefused, "root's password is refused", "ct login: ", ""},
		{"no password", fakegetty{}.run, password("", nil), NoPassword, "root's password is not known", "ct login: ", ""},
		{"a password that cannot be read", fakegetty{}.run, password("", errors.New("no key")), NoPassword, "cannot be read: no key", "ct login: ", ""},
		{"a password that cannot be typed", fakegetty{}.run, password("a\nb", nil), NoPassword, "cannot be typed", "ct login: ", ""},
		{"an expired password", answers("You are required to change your password immediately (administrator enforced).\n", "Current password: ").run, right,
			PasswordExpired, "has expired", "", ""},
		{"a locked account", answers("Your account has been locked; please contact your system administrator.\n", "").run, right, AccountLocked, "is not let in", "", ""},
		{"a second factor", answers("", "Verification code: ").run, right, SecondFactor, "a second factor", "", "Verification code:"},
		{"a second factor first", fakegetty{asked: "One-time password (OATH) for root: ", secret: "a code"}.run, right, SecondFactor, "a second factor", "ct login: ", "One-time password"},
		{"a console that ends", ends("lxc-console: 100: tty is not available\n"), right, Closed, "it was closed while a login prompt or a shell was waited for", "", "tty is not available"},
		{"a container that is stopped", ends("container 100 not running\n"), right, NotRunning, "it was closed while", "", "not running"},
		{"no tty", ends("lxc-console: 100: ../src/lxc/commands.c: lxc_cmd_get_tty_fd: 1200 Bad file descriptor - Denied access to tty\n"), right,
			NoTerminal, "has no terminal for it", "", "Denied access to tty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, f := newFake(t, c.getty)
				err := attachAs(t, conn, c.password)
				var e *Error
				if errors.As(err, &e); e == nil || e.Reason != c.reason || !strings.Contains(e.Message, c.says) {
					t.Fatalf("%v %v", reasonOf(err), err)
				}
				if strings.Contains(err.Error()+e.Screen, "s3cr3t") || !strings.Contains(e.Screen, c.screen) {
					t.Errorf("%v, %q", err, e.Screen)
				}
				go func() { // what is printed after Attach
					for b := make([]byte, 1024); ; {
						if _, err := conn.Read(b); err != nil {
							return
						}
					}
				}()
				time.Sleep(10 * time.Second)
				if f.mu.Lock(); !strings.HasSuffix(f.printed.String(), c.after) {
					t.Errorf("half a login stands there: %q", f.printed.String())
				}
				f.mu.Unlock()
			})
		})
	}
}

// Guests that print odd things before and after the login let us in all the same.
func TestOddGuests(t *testing.T) {
	prints := func(text string, pause time.Duration, more string) func(*faketty) {
		return func(f *faketty) { f.print(text); time.Sleep(pause); f.print(more) }
	}
	speaks := func(line string) fakegetty {
		return fakegetty{named: func(f *faketty, name string) {
			if name == "root" {
				f.echo(true)
				f.print("\n" + line + "\n")
				time.Sleep(time.Second)
			}
		}}
	}
	for name, g := range map[string]fakegetty{
		"a banner that asks":      {before: prints("Unauthorized login: forbidden\nPassword: ask the helpdesk ", 300*time.Millisecond, "\n")},
		"a line of 64 KiB":        {before: prints(strings.Repeat("x", 65536), 0, "")},
		"1 MB of noise":           {before: prints(strings.Repeat("all work and no play\n", 50_000), 0, "")},
		"a motd that complains":   {after: prints("-bash: /root/x: Permission denied\n", 500*time.Millisecond, "You must change your password regularly\n")},
		"a slow motd":             {after: prints("last login failed never\n", 4*time.Second, "")},
		"a prompt after a pause":  {before: prints("", 3*time.Second, "")},
		"a failed password":       speaks("sshd[312]: Failed password for root from fe80::1 port 22 ssh2"),
		"a failed password alone": speaks("Failed password for root from fe80::1 port 22 ssh2"),
		"a locked account":        speaks("sshd[312]: User bob not allowed because account is locked"),
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { mustLogIn(t, g) }) })
	}
}

// A kernel that prints all the time, so that no prompt stays the last line, neither keeps
// us out nor hides that we are refused; and no line that looks like a prompt is taken for
// one. TestConsoleNeverQuiet does the same on a real terminal.
func TestNeverQuiet(t *testing.T) {
	audit := func(i int) string {
		return fmt.Sprintf("[%5d.000123] audit: type=1400 apparmor=\"DENIED\" operation=\"mount\" no#%d\n", 100+i, i)
	}
	for name, c := range map[string]struct {
		every time.Duration
		noise func(i int) string
	}{
		"seldom": {150 * time.Millisecond, audit},
		"much":   {40 * time.Millisecond, func(i int) string { return strings.Repeat(audit(i), 4) }},
		"arrows": {50 * time.Millisecond, func(i int) string { return fmt.Sprintf("<6>GET /health -> 200 in %d us: 95%% done\n", i) }},
	} {
		lazy := func(secret string) fakegetty {
			return fakegetty{secret: secret, refuse: time.Second, before: func(f *faketty) {
				f.noise.Do(func() { go f.chatter(c.every, c.noise) })
				time.Sleep(200 * time.Millisecond)
			}}
		}
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { mustLogIn(t, lazy("")) }) })
		t.Run(name+", refused", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, _ := newFake(t, lazy("another").run)
				if err := attachFake(t, conn, "s3cr3t"); reasonOf(err) != PasswordRefused {
					t.Errorf("%v %v", reasonOf(err), err)
				}
			})
		})
	}
}

// A program that prints all the time is noted once, even if a block arrives whole now and then.
func TestSpoiltNotedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		notes := 0
		m := newMux(ours, testTag, time.Minute, func(string) { notes++ })
		word := "~" + testTag + " "
		spoilt := strings.Repeat(word+"e 1 o 1;\n", spoiledNoted)
		whole := word + "d 1 e 1 t 3;\nhi\n" + word + "e 1 e 1;\n"
		said := make(chan []byte, 3)
		for _, text := range []string{spoilt, whole, spoilt} {
			said <- []byte(text)
		}
		close(said)
		m.read(said, func() error { return io.EOF })
		theirs.Close()
		synctest.Wait()
		if notes != 1 || m.spoiled != spoiledNoted {
			t.Errorf("%d notes, %d spoilt", notes, m.spoiled)
		}
	})
}
