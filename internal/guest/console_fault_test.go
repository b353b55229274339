//go:build linux

package guest

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
)

// openWithin is open with other options, and other deadlines where change is given
// them.
func (c *terminal) openWithin(change func(*Options), deadlines ...func(*limits)) (Guest, error) {
	target, o := c.options()
	o.KeepAlive, o.Note, o.Waiting = 10*time.Second, func(string) {}, func(string) {}
	if change != nil {
		change(&o)
	}
	within := usualLimits
	for _, d := range deadlines {
		d(&within)
	}
	return openConsoleWithin(c.t.Context(), target, o, within)
}

// openUntil opens the console with a context that ends when Waiting or the console
// says what.
func (c *terminal) openUntil(what string) error {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	see := func(said string) {
		if strings.Contains(said, what) {
			cancel()
		}
	}
	c.hears(see)
	target, o := c.options()
	o.KeepAlive, o.Note, o.Waiting = 10*time.Second, func(string) {}, see
	var within limits
	longLimits(&within)
	g, err := openConsoleWithin(ctx, target, o, within)
	if err == nil {
		g.Close()
	}
	return err
}

// Deadlines for what must run into one, however long that is: nothing that would
// keep it from that ever comes.
func shortPrompt(l *limits) { l.prompt = 4 * time.Second }
func shortLogin(l *limits)  { l.login = 4 * time.Second }
func shortShell(l *limits)  { l.shell = 4 * time.Second }

// halfPrompt is long enough to see that a console is never quiet, on a busy machine
// too.
func halfPrompt(l *limits) { l.prompt = usualLimits.prompt / 2 }

// longLimits are for what must not run into a deadline, however busy the machine is.
func longLimits(l *limits) {
	*l = limits{prompt: 5 * time.Minute, login: 5 * time.Minute, shell: 5 * time.Minute, others: 5 * time.Minute}
}

func TestConsoleRefusals(t *testing.T) {
	password := func(p string, err error) func(*Options) {
		return func(o *Options) { o.RootPassword = func(context.Context) (string, error) { return p, err } }
	}
	prompt := "while :; do stty sane; printf 'ct login: '; read -r u; stty -echo; printf 'Password: '; read -r p; stty echo; echo; "
	for _, c := range []struct {
		name, script string
		change       func(*Options)
		kind         Kind
		says, after  string // after: what the console shows in the end
		shows        string // in the error's tail
		within       func(*limits)
	}{
		{"a wrong password", getty, password("wrong", nil), AuthRefused, "root's password is refused", "ct login: ", "", nil},
		{"no password", getty, password("", nil), NotConfigured, "root's password is not known", "ct login: ", "", nil},
		{"a password that cannot be read", getty, password("", errors.New("no key")), NotConfigured, "cannot be read: no key", "ct login: ", "", nil},
		{"a password that cannot be typed", getty, password("a\nb", nil), NotConfigured, "cannot be typed", "ct login: ", "", nil},
		{"an expired password", prompt + "echo 'You are required to change your password immediately (administrator enforced).'; printf 'Current password: '; read -r x; done", nil, AuthRefused, "has expired", "", "", nil},
		{"a locked account", prompt + "echo 'Your account has been locked; please contact your system administrator.'; sleep 1; done", nil, AuthRefused, "is not let in", "", "", nil},
		{"no getty", "sleep 1000", nil, NoConsole, "neither a login prompt nor a shell", "", "", shortPrompt},
		{"a flood", "yes 'all work and no play'", nil, NoConsole, "prints there without end", "", "", nil},
		{"never quiet", "while :; do echo all work and no play; sleep 0.02; done", nil, NoConsole, "prints there without end", "", "no play", halfPrompt},
		{"a console that ends", "echo 'lxc-console: 100: tty is not available'; exit 1", nil, NoConsole, "it was closed while a login prompt or a shell was waited for", "", "tty is not available", nil},
		{"no tty", "echo 'lxc-console: 100: ../src/lxc/commands.c: lxc_cmd_get_tty_fd: 1200 Bad file descriptor - Denied access to tty'; exit 1", nil, NoConsole, "has no terminal for it", "", "Denied access to tty", nil},
		{"a second factor", prompt + "printf 'Verification code: '; read -r x; done", nil, AuthRefused, "a second factor", "ct login: ", "Verification code:", nil},
		{"a second factor first", "while :; do printf 'ct login: '; read -r u; printf 'One-time password (OATH) for root: '; read -r x; done", nil, AuthRefused, "a second factor", "ct login: ", "One-time password", nil},
		{"a password prompt that never comes", "while :; do printf 'ct login: '; read -r u; [ -z \"$u\" ] || sleep 1000; done", nil, Protocol, "the password prompt does not show", "", "", shortLogin},
		{"something else than a shell", prompt + "printf 'menu> '; while read -r x; do printf 'menu> '; done; done", nil, Protocol, "does not answer as a shell", "", "", shortShell},
	} {
		t.Run(c.name, func(t *testing.T) {
			tt := newTerminal(t, c.script)
			within := c.within
			if within == nil {
				within = longLimits
			}
			_, err := tt.openWithin(c.change, within)
			var e *Error
			if errors.As(err, &e); e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) || !strings.HasPrefix(e.Message, "cannot use the console of container 100: ") {
				t.Fatalf("%v %v", KindOf(err), err)
			}
			if e.Fix == "" || strings.Contains(err.Error()+e.Tail, tt.secret) || !strings.Contains(e.Tail, c.shows) {
				t.Errorf("%q %v, %q", e.Fix, err, e.Tail)
			}
			for end := time.Now().Add(5 * time.Minute); c.after != "" && !strings.HasSuffix(tt.output(), c.after); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("half a login stands there: %q", last(tt.output(), 200))
				}
			}
		})
	}
}

// Guests that say odd things before and after the login let us in all the same.
func TestConsoleOddGuests(t *testing.T) {
	before := func(what string) string {
		return strings.Replace(getty, "\tprintf '\\nDebian", "\t"+what+"; printf '\\nDebian", 1)
	}
	after := func(what string) string { return strings.Replace(getty, "(trap - INT", what+"; (trap - INT", 1) }
	for name, script := range map[string]string{
		"a banner that asks":     before("printf 'Unauthorized login: forbidden\\nPassword: ask the helpdesk '; sleep 0.3; echo"),
		"a line of 64 KiB":       before("head -c 65536 /dev/zero | tr '\\000' x"),
		"1 MB of noise":          before("yes 'all work and no play' | head -c 1000000"),
		"a motd that complains":  after("echo '-bash: /root/x: Permission denied'; sleep 0.5; echo 'You must change your password regularly'"),
		"a slow motd":            after("echo 'last login failed never'; sleep 4"),
		"a prompt after a pause": before("sleep 3"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if script == getty {
				t.Fatal("it is not odd")
			}
			c := newTerminal(t, script)
			g, err := c.openWithin(nil, longLimits)
			if err != nil {
				t.Fatalf("%v %q", err, last(c.output(), 400))
			}
			defer g.Close()
			if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
				t.Errorf("%q", out)
			}
		})
	}
}

// A shell that somebody left open is used and left as it was.
func TestConsoleOpenShell(t *testing.T) {
	for name, sh := range shells(t) {
		c := newTerminal(t, "exec $LOGIN_SHELL", sh...)
		c.typed("X=kept\n")
		c.eventually("X=kept")
		g := c.open()
		if out, _, _ := do(t, g, "echo a; echo \"[$X]\"", ""); out != "a\n[]\n" {
			t.Errorf("%s: %q", name, out)
		}
		g.Close()
		c.typed("echo is $X; stty -a\n")
		c.eventually("is kept")
		c.eventually(" echo ")
		if s := c.output(); strings.Contains(s, "\nexit") {
			t.Errorf("%s: its shell was ended: %q", name, last(s, 300))
		}
		for _, f := range []string{"/history", "/.ash_history"} {
			if b, _ := os.ReadFile(c.home + f); strings.Contains(string(b), "stty raw") {
				t.Errorf("%s: %s has %q", name, f, b)
			}
		}
	}
}

// A shell that is not this container's root's is left alone, as it was.
func TestConsoleNotRoot(t *testing.T) {
	for says, script := range map[string]string{
		"not root's (uid 1000)": "exec $LOGIN_SHELL",
		"of an SSH session":     "export SSH_CONNECTION='10.0.0.2 40000 10.0.0.3 22'; exec $LOGIN_SHELL",
	} {
		c := newTerminal(t, script)
		if !strings.Contains(script, "SSH") {
			os.WriteFile(c.home+"/bin/id", []byte("#!/bin/bash\necho 1000\n"), 0o755)
		}
		if _, err := c.openWithin(nil, longLimits); KindOf(err) != AuthRefused || !strings.Contains(err.Error(), says) {
			t.Error(err)
		}
		c.typed("echo is $((40+2))\n")
		c.eventually("is 42")
	}
}

func TestConsoleLacksPrograms(t *testing.T) {
	c := newTerminal(t, "PATH=$PWD/bin; exec $LOGIN_SHELL")
	for _, tool := range []string{"stty", "sha256sum", "id", "mkdir", "mkfifo", "rm", "cat", "dd"} {
		os.Symlink("/usr/bin/"+tool, c.home+"/bin/"+tool)
	}
	if _, err := c.openWithin(nil, longLimits); KindOf(err) != Protocol || !strings.Contains(err.Error(), "lacks a program") {
		t.Error(err)
	}
}

// What the kernel, systemd and somebody at a keyboard put in between is no part of
// anything, and what they spoil is sent again.
func TestConsoleNoise(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			var mu sync.Mutex
			var notes []string
			n := 0
			c.mangles(func(b []byte) []byte { // in the middle of every thirtieth read
				if n++; n%30 != 0 {
					return b
				}
				at := len(b) / 2
				return bytes.Join([][]byte{b[:at], []byte("\r\n[  12.3] eth0: link up; [ OK ] Started x.service\r\n"), b[at:]}, nil)
			})
			g, err := c.openWithin(func(o *Options) {
				o.Note = func(s string) { mu.Lock(); notes = append(notes, s); mu.Unlock() }
			}, longLimits)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			stop := make(chan struct{})
			go func() {
				for { // a quick shell ends before a second one would be typed
					c.typed("ls\r")
					select {
					case <-stop:
						return
					case <-time.After(60 * time.Millisecond):
					}
				}
			}()
			data := make([]byte, 100<<10)
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
	c := newTerminal(t, getty)
	var mu sync.Mutex
	notes := ""
	g, err := c.openWithin(func(o *Options) {
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
	c.mangles(noise("\r\nall work and no play\r\n"))
	if out, _, _ := do(t, g, "head -c 60000 /dev/urandom", ""); len(out) != 60000 {
		t.Errorf("%d bytes", len(out))
	}
	c.mangles(noise("AllWorkAndNoPlay")) // which nobody can tell from what the guest says
	var got bytes.Buffer
	_, err = g.Run(ctxFor(t), Cmd{Label: "x", Script: "head -c 60000 /dev/urandom", Stdout: &got})
	mu.Lock()
	defer mu.Unlock()
	if KindOf(err) != Dropped || !strings.Contains(err.Error(), "something else prints on this console without end") || got.Len() > 0 {
		t.Errorf("%v, %d bytes", err, got.Len())
	}
	if strings.Count(notes, "what it spoils is asked for again") != 1 {
		t.Errorf("%q", notes)
	}
}

// A script goes on while the console is cut, and is followed from the same byte
// by the pump that is still there, or by a new one.
func TestConsoleCut(t *testing.T) {
	for name, sh := range shells(t) {
		for _, dead := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newTerminal(t, getty, sh...)
				g := c.open()
				a := attempt(t, "i=0; while [ $i -lt 30 ]; do echo line $i; echo e$i >&2; sleep 0.1; i=$((i+1)); done; exit 5")
				heard := newHeard()
				sink, once := heard.sink(), sync.Once{}
				output := sink.Output
				sink.Output = func(stream string, at int64, p []byte) error {
					go once.Do(func() {
						c.cut()
						if dead {
							c.typed("\n" + pumpLine(g.(*shell).open.(*consoleWay).tag, "q"))
						}
					})
					return output(stream, at, p)
				}
				r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, sink)
				if err != nil {
					t.Fatal(err)
				}
				if r.Status != 5 || !r.Claimed || r.Reconnects != 1 || strings.Count(heard.out.String(), "\n") != 30 || strings.Count(heard.err.String(), "\n") != 30 {
					t.Errorf("%+v %q %q", r, heard.out.String(), heard.err.String())
				}
				if logins := strings.Count(c.output(), "Last login:"); logins != 1 && !dead || logins != 2 && dead {
					t.Errorf("%d logins", logins)
				}
				g.Close()
				c.eventually("ct login: ")
			})
		}
	}
}

// A cut in the middle of a long message leaves a pump that waits for the rest: what
// the next one types is not taken for it for ever.
func TestConsoleCutInMessage(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			g := c.open()
			input := make([]byte, 256<<10)
			rand.Read(input)
			c.mu.Lock()
			c.left = 100_000
			c.mu.Unlock()
			status, err := g.Run(ctxFor(t), Cmd{Label: "x", Script: "cat >/dev/null", Stdin: bytes.NewReader(input), Size: int64(len(input))})
			if !IsDropped(err) {
				t.Fatalf("status %d, %v", status, err)
			}
			c.mu.Lock()
			c.left = 0
			c.mu.Unlock()
			h, err := c.openWithin(nil, longLimits) // somebody else's: the first is gone
			if err != nil {
				t.Fatalf("%v %q", err, last(c.output(), 400))
			}
			defer h.Close()
			if out, _, _ := do(t, h, "echo here", ""); out != "here\n" {
				t.Errorf("%q", out)
			}
		})
	}
}

// Who is interrupted while the pump is started ends it, and the login that it stands
// in, rather than leave it to whoever comes.
func TestConsoleCancelWhileStarting(t *testing.T) {
	for name, sh := range shells(t) {
		for _, at := range []string{"starting the shell", " h "} {
			t.Run(name+at, func(t *testing.T) {
				t.Parallel()
				c := newTerminal(t, getty, sh...)
				if err := c.openUntil(at); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				c.eventually(" b;")
				c.eventually(" q;") // it did not end by its own silence
			})
		}
	}
}

// A pump that nobody owns ends although somebody presses Enter there all the time.
func TestConsoleStray(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			date := "#!/bin/sh\necho x >>" + Quote(c.home+"/asked") + "\necho $((1700000000 + 20 * $(wc -l <" + Quote(c.home+"/asked") + ")))\n"
			if err := os.WriteFile(c.home+"/bin/date", []byte(date), 0o755); err != nil {
				t.Fatal(err)
			}
			c.open()
			c.cut()
			for end := time.Now().Add(5 * time.Minute); !strings.Contains(c.output(), " b;"); time.Sleep(300 * time.Millisecond) {
				if c.typed("\n"); time.Now().After(end) {
					t.Fatalf("it is there still: %q", last(c.output(), 300))
				}
			}
		})
	}
}

func TestConsoleKill(t *testing.T) {
	c := newTerminal(t, getty)
	g := c.open()
	a := attempt(t, "trap 'echo caught; exit 9' TERM; echo up; while :; do sleep 0.1; done")
	heard := newHeard()
	killed := make(chan error, 1)
	go func() {
		<-heard.seen
		_, err := Kill(ctxFor(t), g, a, time.Minute)
		killed <- err
	}()
	r, err := RunAttempt(ctxFor(t), g, a, Offsets{}, heard.sink())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-killed; err != nil { // the script may end before what has ended it hears so
		t.Error(err)
	}
	if r.Status != 9 || heard.out.String() != "up\ncaught\n" {
		t.Errorf("%+v %q", r, heard.out.String())
	}
	if n := g.Stats(); n.Connections != 1 || n.Shells != 2 {
		t.Errorf("%+v", n)
	}
}

// A context that ends ends what runs, and the console goes on.
func TestConsoleCancel(t *testing.T) {
	c := newTerminal(t, getty)
	g := c.open()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		c.pid()
		cancel()
	}()
	if _, err := g.Run(ctx, Cmd{Label: "x", Script: "echo $$ >" + Quote(c.home+"/pid") + "; exec sleep 1000"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := do(t, g, "read -r p <"+Quote(c.home+"/pid")+"; i=0; while kill -0 $p 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; kill -0 $p 2>/dev/null || echo gone", ""); out != "gone\n" {
		t.Errorf("%q", out)
	}
	if g.Stats().Connections != 1 {
		t.Error(g.Stats())
	}
}

// Where the guest has no room to keep a block, the pump ends: nothing of an output is
// left out in silence, and nobody waits for it.
func TestConsoleNoRoom(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			g := c.open()
			do(t, g, "echo here", "")
			kept, _ := filepath.Glob("/*/infrahaus-" + g.(*shell).open.(*consoleWay).tag)
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
				var out bytes.Buffer
				if _, err = g.Run(ctxFor(t), Cmd{Label: "x", Script: "echo there", Stdout: &out}); err != nil {
					break
				}
				if out.String() != "there\n" {
					t.Errorf("left out: %q", out.String())
				}
			}
			if !IsDropped(err) {
				t.Errorf("%v", err)
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
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			g := c.open()
			do(t, g, "echo here", "")
			rm := "#!/bin/sh\nsleep 1.5\nexec /bin/rm \"$@\"\n"
			if err := os.WriteFile(c.home+"/bin/rm", []byte(rm), 0o755); err != nil {
				t.Fatal(err)
			}
			before := len(c.output())
			g.Close()
			after := func() string { return c.output()[before:] }
			for end := time.Now().Add(5 * time.Minute); !strings.Contains(after(), "ct login: ") && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			}
			time.Sleep(300 * time.Millisecond) // for what was left to be read
			if strings.Count(after(), "ct login: ") != 1 || !strings.HasSuffix(after(), "ct login: ") {
				t.Errorf("what was typed last is read by the getty: %q", after())
			}
		})
	}
}

// What a run that was killed left on the console is ended by the next one.
func TestConsoleLeftOver(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			g := c.open()
			go g.Run(t.Context(), Cmd{Label: "x", Script: "echo $$ >" + Quote(c.home+"/pid") + "; sleep 1000"})
			c.pid()
			c.cut() // as kill -9 does
			c.typed("half a li")
			var notes []string
			h, err := c.openWithin(func(o *Options) { o.Note = func(s string) { notes = append(notes, s) } }, longLimits)
			if err != nil {
				t.Fatalf("%v %q", err, last(c.output(), 400))
			}
			if out, _, _ := do(t, h, "echo here", ""); out != "here\n" || !strings.Contains(strings.Join(notes, "\n"), "earlier run") {
				t.Errorf("%q %q", out, notes)
			}
			h.Close()
		})
	}
}

// What a pump that was killed left in /run is swept by the next one; another run's
// pump that lives is left alone.
func TestConsoleSweep(t *testing.T) {
	folder := func(c *terminal, nth int) string {
		all := pumpHello.FindAllStringSubmatch(c.output(), -1)
		if len(all) <= nth {
			t.Fatalf("%d pumps", len(all))
		}
		return "/run/infrahaus-" + all[nth][1]
	}
	lives := newTerminal(t, getty)
	other := lives.open()
	for name, sh := range shells(t) {
		c := newTerminal(t, getty, sh...)
		c.open()
		pid, err := os.ReadFile(folder(c, 0) + "/pid")
		if err != nil {
			t.Skip("no folder in /run:", err)
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
		c.cut() // as kill -9 of the run does
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		c.typed("stty sane\n") // what it left raw
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

// Our shell does not stay open for whoever looks at the console.
func TestConsoleSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	c := newTerminal(t, getty)
	c.open()
	before := strings.Count(c.output(), "ct login: ")
	c.cut()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if strings.Count(c.output(), "ct login: ") > before {
			return
		}
	}
	t.Errorf("the shell is still there: %q", last(c.output(), 300))
}

func TestAutoUsesTheConsole(t *testing.T) {
	c := newTerminal(t, getty)
	target, o := c.options()
	var notes []string
	o.Transport, o.Note = "auto", func(s string) { notes = append(notes, s) }
	g, err := Open(ctxFor(t), target, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if g.Transport() != "api" || len(notes) != 1 || notes[0] != "using the container's console: cannot reach the guest by SSH: its address is not known" {
		t.Errorf("%s %q", g.Transport(), notes)
	}
}

// Half a login that stands there is ended, and then we log in.
func TestConsoleHalfALogin(t *testing.T) {
	for _, typed := range []string{"somebody\n", "some", "~0123456789abcdef z 1 .\n"} {
		c := newTerminal(t, getty)
		c.eventually("ct login: ")
		c.typed(typed)
		c.eventually(typed[:4])
		g := c.open()
		if out, _, _ := do(t, g, "echo in", ""); out != "in\n" {
			t.Errorf("%q: %q", typed, out)
		}
		g.Close()
	}
}
