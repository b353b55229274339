//go:build linux

package guest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// said collects what a way says.
type said struct {
	mu    sync.Mutex
	lines []string
	heard chan struct{} // closed at the first line that holds what is waited for
	what  string
}

func hearing(what string) *said { return &said{what: what, heard: make(chan struct{})} }

func (s *said) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.countLocked()
	s.lines = append(s.lines, line)
	if before == 0 && s.countLocked() == 1 {
		close(s.heard)
	}
}

func (s *said) countLocked() int { return strings.Count(strings.Join(s.lines, "\n"), s.what) }

func (s *said) count() int { s.mu.Lock(); defer s.mu.Unlock(); return s.countLocked() }

type opened struct {
	g   Guest
	err error
}

// opening opens the console in the background.
func (c *terminal) opening(change func(*Options)) <-chan opened {
	done := make(chan opened, 1)
	go func() {
		g, err := c.openWithin(change, longLimits)
		done <- opened{g, err}
	}()
	return done
}

// A console that another run uses is waited for: what that run does goes on, also
// while it says nothing for longer than a pump that nobody owns is listened to.
func TestConsoleInUse(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			g := c.open()
			waits := hearing("another run of infrahaus")
			second := c.opening(func(o *Options) { o.Waiting = waits.add })
			status, err := g.Run(ctxFor(t), Cmd{Label: "x", Script: "sleep 8; exit 3"})
			if err != nil || status != 3 {
				t.Fatalf("the first one's work: status %d, %v", status, err)
			}
			select {
			case <-waits.heard:
			case o := <-second:
				t.Fatalf("the second did not wait: %v", o.err)
			}
			data := bytes.Repeat([]byte("0123456789abcdef\x00\xff"), 10_000)
			if out, _, _ := do(t, g, "cat", string(data)); out != string(data) {
				t.Errorf("%d bytes came back", len(out))
			}
			g.Close()
			o := <-second
			if o.err != nil {
				t.Fatal(o.err)
			}
			defer o.g.Close()
			if out, _, _ := do(t, o.g, "echo here", ""); out != "here\n" {
				t.Errorf("%q", out)
			}
			if n := waits.count(); n != 1 {
				t.Errorf("said %d times: %q", n, waits.lines)
			}
		})
	}
}

// Who does not get the console in time says whose it is, and what else there is.
func TestConsoleInUseTooLong(t *testing.T) {
	c := newTerminal(t, getty)
	g := c.open()
	_, err := c.openWithin(nil, longLimits, func(l *limits) { l.others = time.Millisecond })
	var e *Error
	if !errors.As(err, &e) || e.Kind != NoConsole || !strings.Contains(err.Error(), "another run of infrahaus uses this console") {
		t.Fatal(KindOf(err), err)
	}
	if fix := e.Hint(); !strings.Contains(fix, "ssh.transport guest or node") {
		t.Error(fix)
	}
	if out, _, _ := do(t, g, "echo here", ""); out != "here\n" {
		t.Errorf("%q", out)
	}
}

// Runs that come to a console at the same moment have it one after the other.
func TestConsoleAtOnce(t *testing.T) {
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, getty, sh...)
			var has sync.Mutex
			var all sync.WaitGroup
			for range 2 {
				all.Add(1)
				go func() {
					defer all.Done()
					o := <-c.opening(nil)
					if o.err != nil {
						t.Error(o.err)
						return
					}
					defer o.g.Close()
					if !has.TryLock() {
						t.Error("both have it")
						return
					}
					defer has.Unlock()
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
					defer cancel()
					var out bytes.Buffer
					if _, err := o.g.Run(ctx, Cmd{Label: "x", Script: "sleep 1; echo here", Stdout: &out}); err != nil || out.String() != "here\n" {
						t.Errorf("%v %q", err, out.String())
					}
				}()
			}
			all.Wait()
			c.eventually("ct login: ")
		})
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
			c := newTerminal(t, getty)
			once := sync.Once{}
			c.hears(func(said string) {
				if strings.Contains(last(said, 40), at) {
					once.Do(c.cut)
				}
			})
			o := <-c.opening(func(o *Options) {
				o.Console = func(ctx context.Context, node string, ctid int) (io.ReadWriteCloser, error) {
					conn, err := c.attach(ctx, node, ctid)
					return torn{conn}, err
				}
			})
			if o.err != nil {
				t.Fatal(o.err)
			}
			if out, _, _ := do(t, o.g, "echo here", ""); out != "here\n" {
				t.Errorf("%q", out)
			}
			o.g.Close()
			for end := time.Now().Add(5 * time.Minute); !strings.HasSuffix(c.output(), "ct login: "); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("a shell is left open: %q", last(c.output(), 300))
				}
			}
		})
	}
}
