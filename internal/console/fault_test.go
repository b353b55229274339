//go:build linux

package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

// Refusals as a terminal shows them; TestRefusals has all of them.
func TestConsoleRefusals(t *testing.T) {
	t.Parallel()
	prompt := "while :; do stty sane; printf 'ct login: '; read -r u; stty -echo; printf 'Password: '; read -r p; stty echo; echo; "
	for _, c := range []struct {
		name, script string
		reason       Reason
		after        string // what the console shows in the end
	}{
		{"an expired password", prompt + "echo 'You are required to change your password immediately (administrator enforced).'; printf 'Current password: '; read -r x; done", PasswordExpired, ""},
		{"a second factor", prompt + "printf 'Verification code: '; read -r x; done", SecondFactor, "ct login: "},
		{"a flood", "yes 'all work and no play'", NeverQuiet, ""},
		{"a console that ends", "echo 'lxc-console: 100: tty is not available'; exit 1", Closed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tt := newTerminal(t, c.script)
			_, err := tt.openWithin(nil, longLimits)
			var e *Error
			if errors.As(err, &e); e == nil || e.Reason != c.reason || strings.Contains(err.Error()+e.Screen, tt.Secret) {
				t.Fatalf("%v %v", reasonOf(err), err)
			}
			for end := time.Now().Add(5 * time.Minute); c.after != "" && !strings.HasSuffix(tt.Output(), c.after); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("half a login stands there: %q", consoletest.Last(tt.Output(), 200))
				}
			}
		})
	}
}

// A shell that somebody left open is used and left as it was.
func TestConsoleOpenShell(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		c := newTerminal(t, "exec $LOGIN_SHELL", sh...)
		c.Type("X=kept\n")
		c.Eventually("X=kept")
		g := c.open()
		if out, _, _ := do(t, g, "echo a; echo \"[$X]\"", ""); out != "a\n[]\n" {
			t.Errorf("%s: %q", name, out)
		}
		g.Close()
		c.Type("echo is $X; stty -a\n")
		c.Eventually("is kept")
		c.Eventually(" echo ")
		if s := c.Output(); strings.Contains(s, "\nexit") {
			t.Errorf("%s: its shell was ended: %q", name, consoletest.Last(s, 300))
		}
		for _, f := range []string{"/history", "/.ash_history"} {
			if b, _ := os.ReadFile(c.Home + f); strings.Contains(string(b), "stty raw") {
				t.Errorf("%s: %s has %q", name, f, b)
			}
		}
	}
}

// A shell that is not this container's root's is left alone, as it was.
func TestConsoleNotRoot(t *testing.T) {
	t.Parallel()
	for says, script := range map[string]string{
		"not root's (uid 1000)": "exec $LOGIN_SHELL",
		"of an SSH session":     "export SSH_CONNECTION='10.0.0.2 40000 10.0.0.3 22'; exec $LOGIN_SHELL",
	} {
		c := newTerminal(t, script)
		if !strings.Contains(script, "SSH") {
			os.WriteFile(c.Home+"/bin/id", []byte("#!/bin/bash\necho 1000\n"), 0o755)
		}
		if _, err := c.openWithin(nil, longLimits); reasonOf(err) != OtherShell || !strings.Contains(err.Error(), says) {
			t.Error(err)
		}
		c.Type("echo is $((40+2))\n")
		c.Eventually("is 42")
	}
}

func TestConsoleLacksPrograms(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, "PATH=$PWD/bin; exec $LOGIN_SHELL")
	for _, tool := range []string{"stty", "sha256sum", "id", "mkdir", "mkfifo", "rm", "cat", "dd"} {
		os.Symlink("/usr/bin/"+tool, c.Home+"/bin/"+tool)
	}
	if _, err := c.openWithin(nil, longLimits); reasonOf(err) != LacksPrograms || !strings.Contains(err.Error(), "lacks a program") {
		t.Error(err)
	}
}

// Text that the kernel, systemd or a person puts between is left out of the output, and
// bytes that it damages are sent again.
func TestConsoleNoise(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			var mu sync.Mutex
			var notes []string
			n := 0
			c.Mangles(func(b []byte) []byte { // in the middle of every thirtieth read
				if n++; n%30 != 0 {
					return b
				}
				at := len(b) / 2
				return bytes.Join([][]byte{b[:at], []byte("\r\n[  12.3] eth0: link up; [ OK ] Started x.service\r\n"), b[at:]}, nil)
			})
			g, err := c.openWithin(func(o *Config) {
				o.Note = func(s string) { mu.Lock(); notes = append(notes, s); mu.Unlock() }
			}, longLimits)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			stop := make(chan struct{})
			go func() {
				for { // a quick shell ends before a second one would be typed
					c.Type("ls\r")
					select {
					case <-stop:
						return
					case <-time.After(60 * time.Millisecond):
					}
				}
			}()
			data := make([]byte, 48<<10)
			rand.Read(data)
			out, errs, status := do(t, g, "cat; echo e >&2; exit 3", string(data))
			close(stop)
			if !bytes.Equal([]byte(out), data) || errs != "e\n" || status != 3 {
				t.Errorf("%d bytes, %q, %d", len(out), errs, status)
			}
			mu.Lock()
			defer mu.Unlock()
			if said := strings.Count(strings.Join(notes, "\n"), "somebody else types"); said != 1 {
				t.Errorf("%q", notes)
			}
		})
	}
}

// Lines that somebody prints into what a guest says are left out of it; who prints
// without end what cannot be told from it is said and given up.
func TestConsoleSpoilt(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, consoletest.Getty)
	var mu sync.Mutex
	notes := ""
	g, err := c.openWithin(func(o *Config) {
		o.Note = func(s string) { mu.Lock(); notes += s + "\n"; mu.Unlock() }
	}, longLimits)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	noise := func(line string) func([]byte) []byte { // every 500 bytes
		return func(b []byte) []byte {
			var out []byte
			for len(b) > 500 {
				out = append(append(out, b[:500]...), line...)
				b = b[500:]
			}
			return append(out, b...)
		}
	}
	c.Mangles(noise("\r\nall work and no play\r\n"))
	if out, _, _ := do(t, g, "head -c 60000 /dev/urandom", ""); len(out) != 60000 {
		t.Errorf("%d bytes", len(out))
	}
	c.Mangles(noise("AllWorkAndNoPlay")) // which nobody can tell from what the guest says
	got, _, _, err := g.run("head -c 5000 /dev/urandom", "")
	mu.Lock()
	defer mu.Unlock()
	if err == nil || !strings.Contains(err.Error(), "something else prints on this console without end") || len(got) > 0 {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	if strings.Count(notes, "what it spoils is asked for again") != 1 {
		t.Errorf("%q", notes)
	}
}

// After a cut the pump is found again that is still there, and its programs have ended; if
// it has ended too, we log in again.
func TestConsoleAttachAgain(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		for _, ended := range []bool{false, true} {
			if ended && name != "dash" {
				continue // TestConsoleLeftOver ends a pump of each shell, and logs in again
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newTerminal(t, consoletest.Getty, sh...)
				g := c.open()
				tag := g.console.Tag()
				go g.run("echo $$ >'"+c.Home+"/pid'; exec sleep 1000", "")
				c.WaitPID()
				c.Cut()
				if ended {
					c.Type("\n" + pumpLine(tag, "q"))
				}
				for try := 1; ; try++ { // it may answer first, and then end
					if err := g.attach(t.Context()); err == nil {
						break
					} else if try == 3 {
						t.Fatal(err)
					}
				}
				if out, _, _ := do(t, g, "read -r p <'"+c.Home+"/pid'; i=0; while kill -0 $p 2>/dev/null && [ $i -lt 1000 ]; do sleep 0.05; i=$((i+1)); done; kill -0 $p 2>/dev/null || echo gone", ""); out != "gone\n" {
					t.Errorf("its program goes on: %q", out)
				}
				if logins := strings.Count(c.Output(), "Last login:"); (g.console.Tag() != tag) != ended || logins != 1 && !ended || logins != 2 && ended {
					t.Errorf("%d logins, ended %v", logins, ended)
				}
				g.Close()
				c.Eventually("ct login: ")
			})
		}
	}
}

// A cut in the middle of a long message leaves a pump that waits for the rest: what
// the next one types is not taken for it for ever.
func TestConsoleCutInMessage(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			input := make([]byte, 256<<10)
			rand.Read(input)
			c.CutAfter(100_000)
			if _, _, status, err := g.run("cat >/dev/null", string(input)); err == nil {
				t.Fatalf("status %d", status)
			}
			c.CutAfter(0)
			h, err := c.openWithin(nil, longLimits) // somebody else's: the first is gone
			if err != nil {
				t.Fatalf("%v %q", err, consoletest.Last(c.Output(), 400))
			}
			defer h.Close()
			if out, _, _ := do(t, h, "echo here", ""); out != "here\n" {
				t.Errorf("%q", out)
			}
		})
	}
}

// An interrupt while the pump starts ends the pump and its login, so that no root shell
// is left on the console.
func TestConsoleCancelWhileStarting(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		for _, at := range []string{"starting the shell", " h "} {
			t.Run(name+at, func(t *testing.T) {
				t.Parallel()
				c := newTerminal(t, consoletest.Getty, sh...)
				if err := c.openUntil(at); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				c.Eventually(" b;")
				c.Eventually(" q;") // it did not end by its own silence
			})
		}
	}
}

// A pump that nobody owns ends although somebody presses Enter there all the time.
func TestConsoleStray(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			date := "#!/bin/sh\necho x >>'" + c.Home + "/asked'\necho $((1700000000 + 20 * $(wc -l <'" + c.Home + "/asked')))\n"
			if err := os.WriteFile(c.Home+"/bin/date", []byte(date), 0o755); err != nil {
				t.Fatal(err)
			}
			c.open()
			c.Cut()
			for end := time.Now().Add(5 * time.Minute); !strings.Contains(c.Output(), " b;"); time.Sleep(300 * time.Millisecond) {
				if c.Type("\n"); time.Now().After(end) {
					t.Fatalf("it is there still: %q", consoletest.Last(c.Output(), 300))
				}
			}
		})
	}
}

// Where the guest has no room to keep a block, the pump ends: nothing of an output is
// left out in silence, and nobody waits for it.
func TestConsoleNoRoom(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			do(t, g, "echo here", "")
			kept, _ := filepath.Glob("/*/infrahaus-" + g.console.Tag())
			if len(kept) != 1 {
				t.Fatalf("the pump's folder is %q", kept)
			}
			for n := range 100 { // in the place of what comes next
				for _, stream := range []string{"o", "e"} {
					_ = os.Mkdir(fmt.Sprintf("%s/1.%s.%d", kept[0], stream, n), 0o700)
				}
			}
			err := error(nil)
			for range 5 { // a block or two have their place already
				var out string
				if out, _, _, err = g.run("echo there", ""); err != nil {
					break
				}
				if out != "there\n" {
					t.Errorf("left out: %q", out)
				}
			}
			if err == nil {
				t.Error("it goes on without room")
			}
			g.Close()
			next := c.open()
			defer next.Close()
			if out, _, _ := do(t, next, "echo again", ""); out != "again\n" {
				t.Errorf("%q", out)
			}
		})
	}
}

// A guest that is slow to end our shell is left nothing that whoever comes next on
// the console would read: a getty as a name, a shell as a command.
func TestConsoleSlowToEnd(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			do(t, g, "echo here", "")
			rm := "#!/bin/sh\nsleep 1.5\nexec /bin/rm \"$@\"\n"
			if err := os.WriteFile(c.Home+"/bin/rm", []byte(rm), 0o755); err != nil {
				t.Fatal(err)
			}
			before := len(c.Output())
			g.Close()
			after := func() string { return c.Output()[before:] }
			for end := time.Now().Add(5 * time.Minute); !strings.Contains(after(), "ct login: ") && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			}
			time.Sleep(300 * time.Millisecond) // for what was left to be read
			if strings.Count(after(), "ct login: ") != 1 || !strings.HasSuffix(after(), "ct login: ") {
				t.Errorf("what was typed last is read by the getty: %q", after())
			}
		})
	}
}

// The next run ends the pump that a killed run left on the console.
func TestConsoleLeftOver(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			go g.run("echo $$ >'"+c.Home+"/pid'; sleep 1000", "")
			c.WaitPID()
			c.Cut() // as kill -9 does
			c.Type("half a li")
			var notes []string
			h, err := c.openWithin(func(o *Config) { o.Note = func(s string) { notes = append(notes, s) } }, longLimits)
			if err != nil {
				t.Fatalf("%v %q", err, consoletest.Last(c.Output(), 400))
			}
			if out, _, _ := do(t, h, "echo here", ""); out != "here\n" || !strings.Contains(strings.Join(notes, "\n"), "earlier run") {
				t.Errorf("%q %q", out, notes)
			}
			h.Close()
		})
	}
}

// The next run removes the files that a killed pump left in /run, and leaves alone those
// of another run's pump that is alive.
func TestConsoleSweep(t *testing.T) {
	t.Parallel()
	folder := func(c *terminal, nth int) string {
		all := consoletest.PumpHello.FindAllStringSubmatch(c.Output(), -1)
		if len(all) <= nth {
			t.Fatalf("%d pumps", len(all))
		}
		return "/run/infrahaus-" + all[nth][1]
	}
	lives := newTerminal(t, consoletest.Getty)
	other := lives.open()
	for name, sh := range shells(t) {
		c := newTerminal(t, consoletest.Getty, sh...)
		c.open()
		pid, err := os.ReadFile(folder(c, 0) + "/pid")
		if err != nil {
			t.Skip("no folder in /run:", err)
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
		c.Cut() // as kill -9 of the run does
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		c.Type("stty sane\n") // what it left raw
		g := c.open()
		if _, err := os.Stat(folder(c, 0)); err == nil {
			t.Errorf("%s: %s is left", name, folder(c, 0))
		}
		if out, _, _ := do(t, g, "echo here", ""); out != "here\n" {
			t.Errorf("%s: %q", name, out)
		}
		g.Close()
	}
	if _, err := os.Stat(folder(lives, 0)); err != nil {
		t.Error("a pump that lives was swept:", err)
	}
	if out, _, _ := do(t, other, "echo there", ""); out != "there\n" {
		t.Errorf("%q", out)
	}
}

// Our shell does not stay open for anybody who looks at the console: the pump ends after 20
// reads without input. The terminal's timer ends each after 3 s, here after 0.3 s.
func TestConsoleSilence(t *testing.T) {
	t.Parallel()
	if !strings.Contains(pumpText, "stty time 30\n") || !strings.Contains(pumpText, "[ $ih_idle -lt 20 ] || break") {
		t.Fatal("the pump's silence has changed")
	}
	c := newTerminal(t, consoletest.Getty)
	stty := "#!/bin/sh\n[ \"$*\" != \"time 30\" ] || set -- time 3\nexec /usr/bin/stty \"$@\"\n"
	if err := os.WriteFile(c.Home+"/bin/stty", []byte(stty), 0o755); err != nil {
		t.Fatal(err)
	}
	c.open()
	before := strings.Count(c.Output(), "ct login: ")
	c.Cut()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Count(c.Output(), "ct login: ") > before {
			return
		}
	}
	t.Errorf("the shell is still there: %q", consoletest.Last(c.Output(), 300))
}

// Half a login that stands there is ended, and then we log in.
func TestConsoleHalfALogin(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"somebody\n", "some", "~0123456789abcdef z 1 .\n"} {
		c := newTerminal(t, consoletest.Getty)
		c.Eventually("ct login: ")
		c.Type(typed)
		c.Eventually(typed[:4])
		g := c.open()
		if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
			t.Errorf("%q: %q", typed, out)
		}
		g.Close()
	}
}
