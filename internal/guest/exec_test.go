//go:build linux

package guest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/console/consoletest"
)

// execute runs a program with Exec.
func execute(t *testing.T, g Guest, stdin io.Reader, argv ...string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status, err := Exec(ctxFor(t), g, Process{Argv: argv, Stdin: stdin, Stdout: &o, Stderr: &e})
	if err != nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), status
}

// everyWay runs a test over SSH in each shell, and over the console in each shell.
func everyWay(t *testing.T, test func(t *testing.T, g Guest)) {
	for name, argv := range shells(t) {
		t.Run("ssh "+name, func(t *testing.T) {
			t.Parallel()
			_, g := open(t, argv...)
			test(t, g)
		})
		t.Run("console "+name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, argv...)
			g := c.open()
			test(t, g)
			g.Close()
			c.Eventually("ct login: ")
		})
	}
}

func TestExec(t *testing.T) {
	odd := []string{"a b", "", "it's", `"q"`, "two\nlines\n", "-n", "$HOME `x` \\", "é\xff\x01\r\x1b"}
	everyWay(t, func(t *testing.T, g Guest) {
		dir := t.TempDir()
		plain := filepath.Join(dir, "plain")
		if err := os.WriteFile(plain, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what   string
			argv   []string
			stdin  io.Reader
			out    string
			status int
		}{
			{"arguments", append([]string{"printf", "%s|"}, odd...), nil, strings.Join(odd, "|") + "|", 0},
			{"status", []string{"sh", "-c", "exit 77"}, nil, "", 77},
			{"255 is the command's", []string{"sh", "-c", "exit 255"}, nil, "", 255},
			{"no stdin", []string{"cat"}, nil, "", 0},
			{"empty stdin", []string{"cat"}, strings.NewReader(""), "", 0},
			{"stdin", []string{"cat"}, strings.NewReader("a\x00b\r\n\x04\x03\xff"), "a\x00b\r\n\x04\x03\xff", 0},
			{"stdin not read", []string{"true"}, strings.NewReader(strings.Repeat("x", 1<<20)), "", 0},
			{"not found", []string{"no-such-program"}, nil, "", 127},
			{"not executable", []string{plain}, nil, "", 126},
			{"dash", []string{"-no-such"}, nil, "", 127},
			{"killed", []string{"sh", "-c", "kill -9 $$"}, nil, "", 137},
			{"what it leaves does not matter", []string{"sh", "-c", "sleep 60 & echo x"}, nil, "x\n", 0},
		} {
			out, errs, status := execute(t, g, c.stdin, c.argv...)
			if out != c.out || status != c.status {
				t.Errorf("%s: %q %q %d, want %q %d", c.what, out, errs, status, c.out, c.status)
			}
		}
		out, errs, _ := execute(t, g, nil, "sh", "-c", "printf 'o\\0'; printf 'e\\0' >&2")
		if out != "o\x00" || errs != "e\x00" {
			t.Errorf("%q %q", out, errs)
		}
	})
}

// noise is n bytes that cannot be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Both directions carry every byte, without waiting for the end of the input.
func TestExecStreams(t *testing.T) {
	sent := noise(2 << 20)
	everyWay(t, func(t *testing.T, g Guest) {
		h := sha256.New()
		status, err := Exec(ctxFor(t), g, Process{Argv: []string{"cat"}, Stdin: bytes.NewReader(sent), Stdout: h})
		if want := sha256.Sum256(sent); err != nil || status != 0 || !bytes.Equal(h.Sum(nil), want[:]) {
			t.Errorf("%d %v", status, err)
		}
		// An answer comes while the input stays open.
		r, w := io.Pipe()
		out := &lockedTail{}
		ended := make(chan int, 1)
		go func() {
			status, _ := Exec(ctxFor(t), g, Process{Argv: []string{"cat"}, Stdin: r, Stdout: out})
			ended <- status
		}()
		for _, line := range []string{"one", "two"} {
			fmt.Fprintln(w, line)
			within(t, "the answer to "+line, func() bool { return strings.Contains(out.String(), line) })
		}
		w.Close()
		if status := <-ended; status != 0 {
			t.Error(status)
		}
	})
}

// within waits until ok is true.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

func TestExecSignals(t *testing.T) {
	everyWay(t, func(t *testing.T, g Guest) {
		for _, stdin := range []bool{false, true} {
			for _, name := range []string{"INT", "TERM", "HUP"} {
				signals := make(chan string, 1)
				out := &lockedTail{}
				p := Process{Argv: []string{"sh", "-c", "trap 'echo got; exit 9' " + name + "; echo up; while :; do sleep 0.05; done"}, Stdout: out, Signals: signals}
				if stdin {
					r, w := io.Pipe()
					defer w.Close()
					p.Stdin = r
				}
				go func() {
					for !strings.Contains(out.String(), "up") {
						time.Sleep(5 * time.Millisecond)
					}
					signals <- name
				}()
				status, err := Exec(ctxFor(t), g, p)
				if err != nil || status != 9 || !strings.HasSuffix(out.String(), "got") {
					t.Errorf("%s, stdin %v: %d %v %q", name, stdin, status, err, out.String())
				}
			}
		}
	})
}

// A program without input does not outlive its link; one that nobody wants any more does
// not either.
func TestExecGivesUp(t *testing.T) {
	everyWay(t, func(t *testing.T, g Guest) {
		mark := filepath.Join(t.TempDir(), "mark")
		ctx, cancel := context.WithCancel(ctxFor(t))
		out := &lockedTail{}
		go func() {
			for out.String() == "" {
				time.Sleep(5 * time.Millisecond)
			}
			cancel()
		}()
		_, err := Exec(ctx, g, Process{Argv: []string{"sh", "-c", "trap 'echo hup >" + mark + "; exit' HUP; echo up; while :; do sleep 0.05; done"}, Stdout: out})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		within(t, "the SIGHUP", func() bool { _, err := os.Stat(mark); return err == nil })
	})
}

func TestExecDrops(t *testing.T) {
	h, g := open(t)
	mark := filepath.Join(t.TempDir(), "mark")
	var once sync.Once
	_, err := Exec(ctxFor(t), g, Process{
		// It says nothing after the cut: a program that writes then may end of SIGPIPE before it
		// is hung up.
		Argv:   []string{"sh", "-c", "echo begun >>" + mark + "; trap 'echo ended >>" + mark + "; exit' HUP; echo x; while :; do sleep 0.05; done"},
		Stdout: writerFunc(func(p []byte) (int, error) { once.Do(h.cutAll); return len(p), nil }),
	})
	if !IsDropped(err) {
		t.Errorf("%v", err)
	}
	said := ""
	within(t, "its end", func() bool { b, _ := os.ReadFile(mark); said = string(b); return strings.Contains(said, "ended") })
	if said != "begun\nended\n" {
		t.Errorf("%q", said)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// An error of the caller's writer ends the program, and is returned as it is.
func TestExecWriter(t *testing.T) {
	everyWay(t, func(t *testing.T, g Guest) {
		full := errors.New("no room")
		_, err := Exec(ctxFor(t), g, Process{Argv: []string{"yes"}, Stdout: writerFunc(func([]byte) (int, error) { return 0, full })})
		if !errors.Is(err, full) {
			t.Error(err)
		}
	})
}

// A program with a terminal over the console has the console itself: its size, its keys,
// and its output as it is. The pump goes on after it.
func TestExecTerminal(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTerminal(t, argv...)
			g := c.open()
			r, w := io.Pipe()
			out := &lockedTail{}
			resized := make(chan Size)
			started := make(chan struct{})
			type end struct {
				status int
				err    error
			}
			done := make(chan end, 1)
			run := func(script string, stdin io.Reader, ctx context.Context) {
				status, err := Exec(ctx, g, Process{Argv: []string{"sh", "-c", script}, Stdin: stdin, Stdout: out, Started: func() { close(started) },
					TTY: &TTY{Term: "xterm-256color", Size: Size{Cols: 91, Rows: 17}, Resized: resized}})
				done <- end{status, err}
			}
			// The traps are set before anything is said that the test waits for.
			go run(`trap 'stty size' WINCH; trap 'echo int' INT; echo $TERM; tty >/dev/null && stty size; while ! read -r l; do :; done; echo "got $l"; stty -a | grep -c " echo "; exit 5`, r, ctxFor(t))
			<-started
			within(t, "the size", func() bool { return strings.Contains(out.String(), "17 91") })
			resized <- Size{Cols: 100, Rows: 30}
			within(t, "the new size", func() bool { return strings.Contains(out.String(), "30 100") || strings.Contains(name, "dash") })
			io.WriteString(w, "\x03")
			within(t, "SIGINT", func() bool { return strings.Contains(out.String(), "int") })
			io.WriteString(w, "line\r")
			e := <-done
			if e.err != nil || e.status != 5 || !strings.Contains(out.String(), "got line") || !strings.HasPrefix(out.String(), "xterm-256color") {
				t.Errorf("%+v %q", e, out.String())
			}
			if got, _, status := do(t, g, "echo after", ""); got != "after\n" || status != 0 {
				t.Errorf("%q %d", got, status)
			}
			// One that is given up is hung up.
			started = make(chan struct{})
			ctx, cancel := context.WithCancel(ctxFor(t))
			go func() {
				for !strings.Contains(out.String(), "trapped") { // started is before the trap is set
					time.Sleep(5 * time.Millisecond)
				}
				cancel()
			}()
			mark := filepath.Join(t.TempDir(), "mark")
			run("trap 'echo hup >"+mark+"; exit' HUP; echo trapped; while :; do sleep 0.1; done", r, ctx)
			if e := <-done; !errors.Is(e.err, context.Canceled) {
				t.Errorf("%+v", e)
			}
			if b, err := os.ReadFile(mark); err != nil {
				t.Errorf("%q %v %q", b, err, consoletest.Last(c.Output(), 500))
			}
			if got, _, _ := do(t, g, "echo after", ""); got != "after\n" {
				t.Errorf("%q", got)
			}
			g.Close()
			c.Eventually("ct login: ")
		})
	}
}

// A gate is asked before a program is run, and nothing runs where it refuses.
func TestExecGated(t *testing.T) {
	refused := errors.New("another run goes on")
	var answer error
	g := gated{shared(t), func(context.Context) error { return answer }}
	if out, errs, status := execute(t, g, nil, "echo", "x"); out != "x\n" || status != 0 {
		t.Errorf("%q %q %d", out, errs, status)
	}
	more, err := againFast(ctxFor(t), g)
	if err != nil {
		t.Fatal(err)
	}
	answer = refused
	for _, g := range []Guest{g, more} {
		file := filepath.Join(t.TempDir(), "file")
		if _, err := Exec(ctxFor(t), g, Process{Argv: []string{"touch", file}}); !errors.Is(err, refused) {
			t.Errorf("it ends with %v", err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("the program ran")
		}
	}
}
