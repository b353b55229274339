//go:build linux

package guest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
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
type terminal struct {
	t      testing.TB
	master *os.File
	home   string
	secret string
	cmd    *exec.Cmd

	mu      sync.Mutex
	clients map[net.Conn]*cutConn
	said    []byte              // all that the console ever printed
	mangle  func([]byte) []byte // of what the console prints, nil: nothing
	opened  int
	left    int               // bytes that may be typed before all is cut; 0: no end
	hear    func(said string) // told of what is printed, with all before it, before anybody sees it
}

// pumpHello is a pump that began; its folder is not left on this machine.
var pumpHello = regexp.MustCompile(`~([0-9a-f]{16}) h `)

// getty is a script, so that each test can have its own.
const getty = `
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

// newTerminal starts script on a pty; its shell is argv, first in the PATH as sh too.
func newTerminal(t testing.TB, script string, argv ...string) *terminal {
	t.Helper()
	master, slave := openPTY(t)
	c := &terminal{t: t, master: master, home: t.TempDir(), secret: "pass-$HOME 'word", clients: map[net.Conn]*cutConn{}}
	if len(argv) == 0 {
		argv = []string{"/bin/bash"}
	}
	bin := filepath.Join(c.home, "bin")
	os.Mkdir(bin, 0o755)
	os.WriteFile(filepath.Join(bin, "sh"), []byte("#!/bin/bash\nexec "+strings.Join(argv, " ")+` "$@"`+"\n"), 0o755)
	login := strings.Join(argv, " ") + " -i"
	if strings.HasSuffix(argv[0], "bash") {
		login = argv[0] + " --norc -i"
	}
	c.cmd = exec.Command("/bin/bash", "-c", script)
	c.cmd.Dir = c.home
	c.cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + c.home, "SECRET=" + c.secret, "LOGIN_SHELL=" + login, "TERM=linux", "HISTFILE=" + c.home + "/history"}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	go c.serve()
	t.Cleanup(func() {
		if t.Failed() {
			os.WriteFile(filepath.Join(os.TempDir(), "console-failed.txt"), []byte(c.output()), 0o600)
			t.Logf("the console showed last: %q", last(c.output(), 900))
		}
	})
	t.Cleanup(func() {
		for _, m := range pumpHello.FindAllStringSubmatch(c.output(), -1) {
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
func (c *terminal) serve() {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.master.Read(buf)
		if n > 0 {
			c.show(append([]byte(nil), buf[:n]...))
		}
		if err != nil {
			c.cut() // its program has ended, and dtach with it
			return
		}
	}
}

func (c *terminal) show(b []byte) {
	c.mu.Lock()
	c.said = append(c.said, b...)
	if over := len(c.said) - 1<<20; over > 0 {
		c.said = c.said[over:]
	}
	if c.mangle != nil {
		b = c.mangle(b)
	}
	var to []*cutConn
	for _, conn := range c.clients {
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
func (c *terminal) chatter(every time.Duration, noise func(i int) string) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(every):
				c.show([]byte(noise(i)))
			}
		}
	}()
	c.t.Cleanup(func() { close(stop); <-ended })
}

// attach is Options.Console.
func (c *terminal) attach(context.Context, string, int) (io.ReadWriteCloser, error) {
	ours, theirs := net.Pipe()
	cut := &cutConn{Conn: theirs}
	c.mu.Lock()
	c.clients[theirs] = cut
	c.opened++
	c.mu.Unlock()
	go func() {
		c.keyboard(theirs)
		c.mu.Lock()
		delete(c.clients, theirs)
		c.mu.Unlock()
		theirs.Close()
	}()
	return ours, nil
}

// keyboard types what a client sends.
func (c *terminal) keyboard(client io.Reader) {
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
		// The loader runs in this test's shell, with this test's tools.
		text := bytes.Replace(buf[:n], []byte("/bin/sh -c 'export PATH="+fixedPath+";"), []byte("sh -c '"), 1)
		if _, err := c.master.Write(text); err != nil || last {
			return
		}
	}
}

// hears has f see all that was said, each time there is more; mangles has it
// change what is passed on.
func (c *terminal) hears(f func(said string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hear = f
}

func (c *terminal) mangles(f func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mangle = f
}

func (c *terminal) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.clients {
		conn.Close()
		delete(c.clients, conn)
	}
}

// typed is somebody else's keyboard.
func (c *terminal) typed(s string) { io.WriteString(c.master, s) }

func (c *terminal) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.said)
}

// eventually waits until the console has printed what.
func (c *terminal) eventually(what string) {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(c.output(), what) {
			return
		}
	}
	c.t.Errorf("the console never printed %q but %q", what, last(c.output(), 600))
}

// pid waits until a script has written its own into the file of that name.
func (c *terminal) pid() {
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, _ := os.ReadFile(c.home + "/pid"); len(b) > 0 {
			return
		}
	}
	c.t.Error("the script never began")
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func (c *terminal) options() (Target, Options) {
	return Target{CTID: 100, Node: "pve1"}, Options{
		Transport: "api", Console: c.attach,
		RootPassword: func(context.Context) (string, error) { return c.secret, nil },
	}
}

func (c *terminal) open() Guest {
	c.t.Helper()
	g, err := c.openWithin(nil, longLimits)
	if err != nil {
		c.t.Fatalf("%v\n%q", err, last(c.output(), 2000))
	}
	c.t.Cleanup(func() { g.Close() })
	return g
}
