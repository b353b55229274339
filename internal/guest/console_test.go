//go:build linux

package guest

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

// terminal is a guest's console, and how a test gets in.
type terminal struct {
	*consoletest.Terminal
	t *testing.T
}

func newTerminal(t *testing.T, sh ...string) *terminal {
	t.Helper()
	return &terminal{consoletest.New(t, consoletest.Getty, sh...), t}
}

func (c *terminal) options() (Target, Options) {
	return Target{CTID: 100, Node: "pve1"}, Options{
		Transport: "api", Console: c.Attach,
		RootPassword:  func(context.Context) (string, error) { return c.Secret, nil },
		consoleLimits: console.Limits{Prompt: 5 * time.Minute, Login: 5 * time.Minute, Shell: 5 * time.Minute, Others: 5 * time.Minute},
	}
}

func (c *terminal) openWithin(change func(*Options)) (Guest, error) {
	target, o := c.options()
	if change != nil {
		change(&o)
	}
	return Open(c.t.Context(), target, o)
}

func (c *terminal) open() Guest {
	c.t.Helper()
	g, err := c.openWithin(nil)
	if err != nil {
		c.t.Fatalf("%v\n%q", err, consoletest.Last(c.Output(), 2000))
	}
	c.t.Cleanup(func() { g.Close() })
	return g
}

func TestConsole(t *testing.T) {
	c := newTerminal(t)
	g := c.open()
	if g.Transport() != "api" {
		t.Error(g.Transport())
	}
	if out, errs, status := do(t, g, "cat; printf 'a\\0b\\r\\n\\r\\377'; echo x >&2; exit 7", "in\x00\xff\x1c\r\n"); out != "in\x00\xff\x1c\r\na\x00b\r\n\r\xff" || errs != "x\n" || status != 7 {
		t.Errorf("%q %q %d", out, errs, status)
	}
	g.Close()
	c.Eventually("ct login: ")
}

// counted counts the messages that are typed into a console.
type counted struct {
	io.ReadWriteCloser
	messages *atomic.Int32
}

func (c counted) Write(p []byte) (int, error) {
	if message.Match(p) {
		c.messages.Add(1)
	}
	return c.ReadWriteCloser.Write(p)
}

// message matches what hands bytes over to a program; the console waits for an answer to each.
var message = regexp.MustCompile(`(?m)^~[0-9a-f]+ m \d+ \d+ `)

// The agent goes to the guest in one message, and so does a command with its payload, up to 32 KiB.
func TestConsoleMessages(t *testing.T) {
	c := newTerminal(t)
	var n atomic.Int32
	g, err := c.openWithin(func(o *Options) {
		attach := o.Console
		o.Console = func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
			conn, err := attach(ctx, node, ctid)
			return counted{conn, &n}, err
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if n := n.Swap(0); n != 1 {
		t.Errorf("%d messages to start the agent", n)
	}
	for size, want := range map[int]int32{0: 1, 100: 1, 30 << 10: 1, 60 << 10: 2} {
		payload := strings.Repeat("0123456789abcde\n", size/16)
		// A reader that gives little at a time, such as a pipe, makes no more of them.
		slow := iotest.OneByteReader(strings.NewReader(payload))
		var out strings.Builder
		status, err := g.Run(ctxFor(t), Cmd{Script: "wc -c", Stdin: slow, Size: int64(len(payload)), Stdout: &out})
		if err != nil || status != 0 || strings.TrimSpace(out.String()) != itoa(len(payload)) {
			t.Fatalf("%d, %v: %q", status, err, out.String())
		}
		if n := n.Swap(0); n != want {
			t.Errorf("%d messages for %d bytes, want %d", n, size, want)
		}
	}
}

// A script goes on while the console is cut, and is followed from the same byte by the
// pump that is still there, or by a new one. TestConsoleAttachAgain of internal/console
// shows for every shell which pump it is.
func TestConsoleCut(t *testing.T) {
	for name, dead := range map[string]bool{"same pump": false, "new pump": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, shells(t)["dash"]...)
			g := c.open()
			a := attempt(t, "i=0; while [ $i -lt 30 ]; do echo line $i; echo e$i >&2; sleep 0.1; i=$((i+1)); done; exit 5")
			heard := newHeard()
			sink, once := heard.sink(), sync.Once{}
			output := sink.Output
			sink.Output = func(stream string, at int64, p []byte) error {
				go once.Do(func() {
					c.Cut()
					if dead {
						c.Type("\n~" + g.(*shell).open.(*consoleTransport).tty.Tag() + " q 1 .\n")
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
			if logins := strings.Count(c.Output(), "Last login:"); logins != 1 && !dead || logins != 2 && dead {
				t.Errorf("%d logins", logins)
			}
			g.Close()
			c.Eventually("ct login: ")
		})
	}
}

func TestConsoleKill(t *testing.T) {
	c := newTerminal(t)
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
	c := newTerminal(t)
	g := c.open()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		c.WaitPID()
		cancel()
	}()
	if _, err := g.Run(ctx, Cmd{Label: "x", Script: "echo $$ >" + Quote(c.Home+"/pid") + "; exec sleep 1000"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := g.Reconnect(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := do(t, g, "read -r p <"+Quote(c.Home+"/pid")+"; i=0; while kill -0 $p 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; kill -0 $p 2>/dev/null || echo gone", ""); out != "gone\n" {
		t.Errorf("%q", out)
	}
	if g.Stats().Connections != 1 {
		t.Error(g.Stats())
	}
}

func TestAutoUsesTheConsole(t *testing.T) {
	c := newTerminal(t)
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

// torn makes an end that nobody announced of every end, as a proxy's cut is.
type torn struct{ io.ReadWriteCloser }

func (t torn) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// A cut while we log in leaves neither us outside nor a shell open.
func TestConsoleCutWhileOpening(t *testing.T) {
	for _, at := range []string{"Password: ", "Last login", "# ", " g;\n"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t)
			once := sync.Once{}
			c.Hears(func(said string) {
				if strings.Contains(consoletest.Last(said, 40), at) {
					once.Do(c.Cut)
				}
			})
			g, err := c.openWithin(func(o *Options) {
				o.Console = func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
					conn, err := c.Attach(ctx, node, ctid)
					return torn{conn}, err
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if out, _, _ := do(t, g, "echo here", ""); out != "here\n" {
				t.Errorf("%q", out)
			}
			g.Close()
			for end := time.Now().Add(5 * time.Minute); !strings.HasSuffix(c.Output(), "ct login: "); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("a shell is left open: %q", consoletest.Last(c.Output(), 300))
				}
			}
		})
	}
}

// Hints name the container that they are about.
func TestConsoleHints(t *testing.T) {
	c := newTerminal(t)
	c.Secret = "wrong"
	for _, shows := range []string{"", "infrahaus credentials web root --reveal"} {
		_, err := c.openWithin(func(o *Options) { o.ShowPassword = shows })
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Fix, "passwd root after this on the node: pct enter 100") || !strings.Contains(e.Fix, shows) || strings.Contains(e.Fix, "CTID") || strings.Contains(e.Fix, "CONTAINER") {
			t.Errorf("%v", err)
		}
	}
}

// Each reason of the console has a kind and a next step, and no hint keeps a gap.
func TestConsoleErrors(t *testing.T) {
	for _, reason := range []console.Reason{console.Closed, console.NotRunning, console.NoTerminal, console.NoPrompt, console.NeverQuiet, console.InUse,
		console.NoPassword, console.PasswordRefused, console.PasswordExpired, console.AccountLocked, console.SecondFactor, console.LoginStuck,
		console.NoShell, console.OtherShell, console.Garbled, console.LacksPrograms} {
		e := consoleError(100, "", &console.Error{Reason: reason, Message: "seen", Screen: "shown"})
		if e.Kind == "" || e.Fix == "" || strings.Contains(e.Fix, "%") || e.Tail != "shown" || e.Error() != "cannot use the console of container 100: seen" {
			t.Errorf("%s: %+v", reason, e)
		}
	}
	if e := consoleError(100, "", &console.Error{Reason: console.Closed, Message: "seen", Err: io.ErrUnexpectedEOF}); e.Fix != "" || !wasCut(e) {
		t.Errorf("a connection that broke: %+v", e)
	}
	if e := consoleError(100, "", io.ErrUnexpectedEOF); e.Kind != Dropped {
		t.Errorf("%+v", e)
	}
}
