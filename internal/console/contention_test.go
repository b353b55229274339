//go:build linux

package console

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
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
	g   *session
	err error
}

// opening opens the console in the background.
func (c *terminal) opening(change func(*Config)) <-chan opened {
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
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
			g := c.open()
			waits := hearing("another run of infrahaus")
			second := c.opening(func(o *Config) { o.Waiting = waits.add })
			_, _, status, err := g.run("sleep 8; exit 3", "")
			if err != nil || status != 3 {
				t.Fatalf("the first one's work: status %d, %v", status, err)
			}
			select {
			case <-waits.heard:
			case o := <-second:
				t.Fatalf("the second did not wait: %v", o.err)
			}
			data := bytes.Repeat([]byte("0123456789abcdef\x00\xff"), 3000)
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

// A run that does not get the console in time names the run that has it, and the other
// ways.
func TestConsoleInUseTooLong(t *testing.T) {
	t.Parallel()
	c := newTerminal(t, consoletest.Getty)
	g := c.open()
	_, err := c.openWithin(nil, longLimits, func(l *Limits) { l.Others = time.Millisecond })
	var e *Error
	if !errors.As(err, &e) || e.Reason != InUse || !strings.Contains(err.Error(), "another run of infrahaus uses this console") {
		t.Fatal(reasonOf(err), err)
	}
	if out, _, _ := do(t, g, "echo here", ""); out != "here\n" {
		t.Errorf("%q", out)
	}
}

// Runs that come to a console at the same moment have it one after the other.
func TestConsoleAtOnce(t *testing.T) {
	t.Parallel()
	for name, sh := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, consoletest.Getty, sh...)
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
					if out, _, _, err := o.g.run("sleep 1; echo here", ""); err != nil || out != "here\n" {
						t.Errorf("%v %q", err, out)
					}
				}()
			}
			all.Wait()
			c.Eventually("ct login: ")
		})
	}
}
