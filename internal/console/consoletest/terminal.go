//go:build linux

// Package consoletest is a guest's console for tests: a shell script that acts as a getty
// on a real terminal.
package consoletest

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a guest's console on a real pty: a getty that asks for a password
// and starts a shell, kept while clients come and go, as dtach keeps it.
type Terminal struct {
	t      testing.TB
	master *os.File
	Home   string // of the login shell; its bin comes first in the PATH
	Secret string // root's password
	cmd    *exec.Cmd

	mu      sync.Mutex
	clients map[net.Conn]bool
	ended   bool                // the program has ended: a client that comes later is cut at once
	said    []byte              // all that the console ever printed
	mangle  func([]byte) []byte // of what the console prints, nil: nothing
	left    int                 // bytes that may be typed before all is cut; 0: no end
	hear    func(said string)   // told of what is printed, with all before it, before anybody sees it
}

// ownShell is the beginning of what starts the pump. It runs in the test's shell instead,
// with the test's tools.
var ownShell = regexp.MustCompile(`/bin/sh -c 'export PATH=[^;]*;`)

// PumpHello is a pump that began; its folder is not left on this machine.
var PumpHello = regexp.MustCompile(`~([0-9a-f]{16}) h `)

// Getty is a script, so that each test can have its own.
const Getty = `
trap '' INT QUIT TSTP
while :; do
	stty sane
	printf '\nDebian GNU/Linux 12 ct tty1\n\nct login: '
	read -r u || exit
	[ -n "$u" ] || continue
	stty -echo
	printf 'Password: '
	read -r p
	stty echo
	echo
	if [ "$u $p" = "root $SECRET" ]; then
		printf 'Linux ct 6.8.12 #1 SMP\n\nLast login: Mon Nov 23 10:00:00 UTC 2026 on tty1\n'
		(trap - INT QUIT TSTP; exec $LOGIN_SHELL)
	else
		sleep 0.2
		printf '\nLogin incorrect\n'
	fi
done
`

// heedInterrupt lets what this process starts get SIGINT. A script's background job ignores
// SIGINT, its children inherit that, and a shell cannot trap a signal that it came to ignore.
var heedInterrupt = sync.OnceFunc(func() {
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
})

// New starts script on a pty; its shell is argv, first in the PATH as sh too.
func New(t testing.TB, script string, argv ...string) *Terminal {
	t.Helper()
	heedInterrupt()
	master, slave := openPTY(t)
	c := &Terminal{t: t, master: master, Home: t.TempDir(), Secret: "pass-$HOME 'word", clients: map[net.Conn]bool{}}
	if len(argv) == 0 {
		argv = []string{"/bin/bash"}
	}
	bin := filepath.Join(c.Home, "bin")
	os.Mkdir(bin, 0o755)
	os.WriteFile(filepath.Join(bin, "sh"), []byte("#!/bin/bash\nexec "+strings.Join(argv, " ")+` "$@"`+"\n"), 0o755)
	login := strings.Join(argv, " ") + " -i"
	if strings.HasSuffix(argv[0], "bash") {
		login = argv[0] + " --norc -i"
	}
	c.cmd = exec.Command("/bin/bash", "-c", script)
	c.cmd.Dir = c.Home
	c.cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + c.Home, "SECRET=" + c.Secret, "LOGIN_SHELL=" + login, "TERM=linux", "HISTFILE=" + c.Home + "/history"}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go c.serve()
	t.Cleanup(func() {
		if t.Failed() {
			os.WriteFile(filepath.Join(os.TempDir(), "console-failed.txt"), []byte(c.Output()), 0o600)
			t.Logf("the console showed last: %q", Last(c.Output(), 900))
		}
	})
	t.Cleanup(func() {
		for _, m := range PumpHello.FindAllStringSubmatch(c.Output(), -1) {
			os.RemoveAll("/run/infrahaus-" + m[1])
		}
		syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		master.Close()
		c.cmd.Wait()
	})
	return c
}

func openPTY(t testing.TB) (master, slave *os.File) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pty:", err)
	}
	if err := unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// serve passes what is printed to whoever is attached, as dtach does.
func (c *Terminal) serve() {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.master.Read(buf)
		if n > 0 {
			c.Show(append([]byte(nil), buf[:n]...))
		}
		if err != nil {
			c.mu.Lock()
			c.ended = true
			c.mu.Unlock()
			c.Cut() // its program has ended, and dtach with it
			return
		}
	}
}

func (c *Terminal) Show(b []byte) {
	c.mu.Lock()
	c.said = append(c.said, b...)
	if over := len(c.said) - 1<<20; over > 0 {
		c.said = c.said[over:]
	}
	if c.mangle != nil {
		b = c.mangle(b)
	}
	var to []net.Conn
	for conn := range c.clients {
		to = append(to, conn)
	}
	hear, said := c.hear, ""
	if hear != nil { // a copy for each of them takes longer than all else
		said = string(c.said)
	}
	c.mu.Unlock()
	if hear != nil {
		hear(said)
	}
	for _, conn := range to {
		conn.Write(b)
	}
}

// chatter has a kernel write to the console all the time, until the test ends.
func (c *Terminal) Chatter(every time.Duration, noise func(i int) string) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(every):
				c.Show([]byte(noise(i)))
			}
		}
	}()
	c.t.Cleanup(func() { close(stop); <-ended })
}

// attach is Options.Console.
func (c *Terminal) Attach(context.Context, string, int) (io.ReadWriteCloser, error) {
	ours, theirs := net.Pipe()
	c.mu.Lock()
	c.clients[theirs] = true
	ended := c.ended
	c.mu.Unlock()
	if ended { // the program was faster than this client: nobody else would cut it
		c.Cut()
	}
	go func() {
		c.keyboard(theirs)
		c.mu.Lock()
		delete(c.clients, theirs)
		c.mu.Unlock()
		theirs.Close()
	}()
	return window{ours, c.master}, nil
}

// window is a client's connection, which can set the size of the terminal's window.
type window struct {
	net.Conn
	master *os.File
}

func (w window) Resize(cols, rows int) error {
	return unix.IoctlSetWinsize(int(w.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(cols)})
}

// keyboard types what a client sends.
func (c *Terminal) keyboard(client io.Reader) {
	buf := make([]byte, 4<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		c.mu.Lock()
		last := c.left > 0 && n >= c.left
		if last {
			n = c.left
		}
		c.left = max(0, c.left-n)
		c.mu.Unlock()
		text := ownShell.ReplaceAll(buf[:n], []byte("sh -c '"))
		if _, err := c.master.Write(text); err != nil || last {
			return
		}
	}
}

// hears has f see all that was said, each time there is more; mangles has it
// change what is passed on.
func (c *Terminal) Hears(f func(said string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hear = f
}

func (c *Terminal) Mangles(f func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mangle = f
}

func (c *Terminal) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.clients {
		conn.Close()
		delete(c.clients, conn)
	}
}

// typed is somebody else's keyboard.
func (c *Terminal) Type(s string) { io.WriteString(c.master, s) }

func (c *Terminal) Output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.said)
}

// eventually waits until the console has printed what.
func (c *Terminal) Eventually(what string) {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(c.Output(), what) {
			return
		}
	}
	c.t.Errorf("the console never printed %q but %q", what, Last(c.Output(), 600))
}

// pid waits until a script has written its own into the file of that name.
func (c *Terminal) WaitPID() {
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, _ := os.ReadFile(c.Home + "/pid"); len(b) > 0 {
			return
		}
	}
	c.t.Error("the script never began")
}

func Last(s string, n int) string { return s[max(0, len(s)-n):] }

// CutAfter cuts every connection once n more bytes were typed; 0: never.
func (c *Terminal) CutAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = n
}

// Attached is the number of connections.
func (c *Terminal) Attached() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.clients)
}
