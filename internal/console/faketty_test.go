package console

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// faketty is a guest's terminal in memory, with a line discipline that knows echo, Enter and
// ^U, for tests that wait for time in a synctest bubble. What it cannot show, such as a
// shell, is tested on a real terminal.
type faketty struct {
	conn  net.Conn
	lines chan string // typed lines
	out   chan string // what is printed, in order
	ended chan struct{}

	mu        sync.Mutex
	noEcho    bool
	line      []byte
	typed     strings.Builder // all that was typed
	printed   strings.Builder
	noise     sync.Once
	bootstrap bool // the shell has got the bootstrap's line
}

// newFake runs getty on a terminal in memory until the test ends, and returns our end.
func newFake(t *testing.T, getty func(*faketty)) (io.ReadWriteCloser, *faketty) {
	ours, theirs := net.Pipe()
	f := &faketty{conn: theirs, lines: make(chan string, 64), out: make(chan string, 1024), ended: make(chan struct{})}
	go f.keyboard()
	go f.screen()
	go getty(f)
	t.Cleanup(func() { ours.Close(); theirs.Close(); synctest.Wait() })
	return ours, f
}

func (f *faketty) keyboard() {
	defer close(f.ended)
	b := make([]byte, 1024)
	for {
		n, err := f.conn.Read(b)
		if err != nil {
			return
		}
		for _, c := range b[:n] {
			f.key(c)
		}
	}
}

func (f *faketty) key(c byte) {
	f.mu.Lock()
	f.typed.WriteByte(c)
	echo, line := string(c), ""
	switch c {
	case '\n':
		line, f.line = string(f.line)+"\n", nil
	case 0x15:
		echo, f.line = "", nil
	default:
		f.line = append(f.line, c)
		if c < ' ' {
			echo = "^" + string(c+'@')
		}
	}
	if f.noEcho && c != '\n' {
		echo = ""
	}
	f.mu.Unlock()
	if echo != "" {
		f.print(echo)
	}
	if line != "" {
		select {
		case f.lines <- strings.TrimSuffix(line, "\n"):
		default:
		}
	}
}

// print prints text; false once the terminal has ended.
func (f *faketty) print(text string) bool {
	select {
	case f.out <- strings.ReplaceAll(text, "\n", "\r\n"):
		return true
	case <-f.ended:
		return false
	}
}

func (f *faketty) screen() {
	for {
		select {
		case text := <-f.out:
			f.mu.Lock()
			f.printed.WriteString(text)
			f.mu.Unlock()
			io.WriteString(f.conn, text)
		case <-f.ended:
			return
		}
	}
}

// ask prints a prompt and returns the line typed at it; false once the terminal has ended.
func (f *faketty) ask(prompt string) (string, bool) {
	f.print(prompt)
	select {
	case line := <-f.lines:
		return line, true
	case <-f.ended:
		return "", false
	}
}

// secret is ask without an echo.
func (f *faketty) secret(prompt string) (string, bool) {
	f.echo(false)
	defer f.echo(true)
	return f.ask(prompt)
}

func (f *faketty) echo(on bool) {
	f.mu.Lock()
	f.noEcho = !on
	f.mu.Unlock()
}

func (f *faketty) keys() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.typed.String()
}

// chatter prints a line again and again, as a kernel does.
func (f *faketty) chatter(every time.Duration, noise func(i int) string) {
	for i := 0; ; i++ {
		select {
		case <-f.ended:
			return
		case <-time.After(every):
			f.print(noise(i))
		}
	}
}

// attachFake attaches to a terminal in memory with the usual limits.
func attachFake(t *testing.T, conn io.ReadWriteCloser, password string) error {
	return attachAs(t, conn, func(context.Context) (string, error) { return password, nil })
}

func attachAs(t *testing.T, conn io.ReadWriteCloser, password func(context.Context) (string, error)) error {
	o := Config{Start: "cat", KeepAlive: 10 * time.Second, Waiting: func(string) {}, Note: func(string) {}, RootPassword: password}
	_, err := New(o).Attach(t.Context(), conn)
	return err
}

// fakegetty is a getty in Go. Root's shell takes the bootstrap's line and ends.
type fakegetty struct {
	before func(f *faketty)              // before the login prompt
	named  func(f *faketty, name string) // before the password prompt
	asked  string                        // the password prompt; "": Password:
	secret string                        // the right password; "": any
	after  func(f *faketty)              // after the right password
	refuse time.Duration                 // how long a refusal takes
}

func (g fakegetty) run(f *faketty) {
	asked := g.asked
	if asked == "" {
		asked = "Password: "
	}
	for {
		f.print("\nDebian GNU/Linux 12 ct tty1\n")
		if g.before != nil {
			g.before(f)
		}
		name, ok := f.ask("\nct login: ")
		if !ok {
			return
		}
		if name == "" {
			continue
		}
		if g.named != nil {
			g.named(f, name)
		}
		password, ok := f.secret(asked)
		if f.print("\n"); !ok {
			return
		}
		if name != "root" || g.secret != "" && password != g.secret {
			time.Sleep(g.refuse)
			f.print("\nLogin incorrect\n")
			continue
		}
		f.print("Linux ct 6.8.12 #1 SMP\n\nLast login: Mon Nov 23 10:00:00 UTC 2026 on tty1\n")
		if g.after != nil {
			g.after(f)
		}
		if f.shell() {
			return
		}
	}
}

// shell is root's; true once it has got the bootstrap's line, and ended with it.
func (f *faketty) shell() bool {
	for {
		line, ok := f.ask("root@ct:~# ")
		switch {
		case !ok:
			return true
		case strings.HasPrefix(strings.TrimSpace(line), "exit"):
			return false
		case strings.Contains(line, "/bin/sh -c 'export PATH="):
			f.mu.Lock()
			f.bootstrap = true
			f.mu.Unlock()
			f.conn.Close()
			return true
		}
		f.print("sh: " + line + ": not found\n")
	}
}

// mustLogIn fails unless root's shell gets the bootstrap's line, and the password is
// typed once, where it is not shown.
func mustLogIn(t *testing.T, g fakegetty) {
	t.Helper()
	g.secret = "s3cr3t"
	conn, f := newFake(t, g.run)
	err := attachFake(t, conn, g.secret)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.bootstrap || reasonOf(err) != Closed {
		t.Errorf("no shell: %v", err)
	}
	if n := strings.Count(f.typed.String(), g.secret); n != 1 || strings.Contains(f.printed.String(), g.secret) {
		t.Errorf("the password was typed %d times, in %q", n, f.printed.String())
	}
}
