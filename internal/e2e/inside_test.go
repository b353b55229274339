//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestInside: exec, shell, cp and logs --unit in a real guest, in each way into it.
func TestInside(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	const name = "inside"
	u.create(name, "--template", "hello")
	for _, way := range []string{"guest", "node", "api"} {
		v := &user{t: t, node: u.node, state: u.state}
		v.env = append(append([]string{}, u.env...), "INFRAHAUS_SSH_TRANSPORT="+way, "TERM=xterm")
		for part, do := range map[string]func(string){
			"statuses": v.statuses, "stdin": v.binaryStdin, "signals": v.signalled, "terminal": v.onTerminal, "cp": v.copies, "logs": v.unitLog,
		} {
			t.Run(way+" "+part, func(t *testing.T) {
				v.t = t
				do(name)
			})
		}
	}
}

func (u *user) statuses(name string) {
	u.t.Helper()
	for _, c := range []struct {
		status int
		argv   []string
	}{
		{0, []string{"true"}}, {7, []string{"sh", "-c", "exit 7"}}, {255, []string{"sh", "-c", "exit 255"}}, {2, []string{"sh", "-c", "exit 2"}},
		{127, []string{"no-such-program"}}, {126, []string{"/etc/hostname"}}, {137, []string{"sh", "-c", "kill -9 $$"}},
	} {
		r := u.try(append([]string{"exec", name, "--"}, c.argv...)...)
		if r.status != c.status || strings.Contains(r.stderr, "infrahaus:") {
			u.t.Errorf("%q: exit status %d, not %d\n%s", c.argv, r.status, c.status, r.stderr)
		}
	}
	if r := u.run("exec", name, "--", "sh", "-c", "echo out; echo err >&2; echo $PWD $USER"); r.stdout != "out\n/root root\n" || r.stderr != "err\n" {
		u.t.Errorf("%q %q", r.stdout, r.stderr)
	}
	if r := u.run("exec", name, "--", "printf", "%s|", "a b", "", "it's", "$HOME\n", "-n"); r.stdout != "a b||it's|$HOME\n|-n|" {
		u.t.Errorf("%q", r.stdout)
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (u *user) byConsole() bool { return slices.Contains(u.env, "INFRAHAUS_SSH_TRANSPORT=api") }

// size is less by the console, each message of which is many processes in the guest.
func (u *user) size(n int) int {
	if u.byConsole() {
		return n / 8
	}
	return n
}

// binaryStdin sends 5 MB there and back.
func (u *user) binaryStdin(name string) {
	u.t.Helper()
	sent := noise(u.size(5 << 20))
	cmd := u.command("exec", name, "-i", "--", "cat")
	h := sha256.New()
	cmd.Stdin, cmd.Stdout = bytes.NewReader(sent), h
	if err := cmd.Run(); err != nil {
		u.t.Error(err)
	}
	if want := sha256.Sum256(sent); !bytes.Equal(h.Sum(nil), want[:]) {
		u.t.Error("what comes back differs")
	}
}

// signalled checks that signals reach the command, and that a killed infrahaus leaves none.
func (u *user) signalled(name string) {
	u.t.Helper()
	ways := []string{"", "-i"}
	if u.byConsole() {
		ways = ways[:1]
	}
	for _, stdin := range ways {
		for s, word := range map[syscall.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP"} {
			args := []string{"exec", name, "--", "sh", "-c", "trap 'echo got; exit 9' " + word + "; echo up; while :; do sleep 0.1; done"}
			if stdin != "" {
				args = append([]string{"exec", name, stdin}, args[2:]...)
			}
			cmd := u.command(args...)
			in, _ := cmd.StdinPipe()
			out := &heard{}
			cmd.Stdout = out
			if err := cmd.Start(); err != nil {
				u.t.Fatal(err)
			}
			eventually(u.t, "the command runs", func() bool { return strings.Contains(out.String(), "up") })
			_ = cmd.Process.Signal(s)
			err := cmd.Wait()
			in.Close()
			if status(err) != 9 || !strings.Contains(out.String(), "got") {
				u.t.Errorf("%s %s: %v %q", word, stdin, err, out.String())
			}
		}
	}
	cmd := u.command("exec", name, "--", "sleep", "4711")
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	sleeps := func() bool { return u.try("exec", name, "--", "pgrep", "-f", "^sleep 4711").status == 0 }
	if !u.byConsole() { // which has one user at a time
		eventually(u.t, "it sleeps", sleeps)
	} else {
		time.Sleep(3 * time.Second)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(u.t, "it does not sleep any more", func() bool { return !sleeps() })
}

func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// heard is output that is looked at while it comes.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// onTerminal checks the window's size, Ctrl-C and a login shell.
func (u *user) onTerminal(name string) {
	u.t.Helper()
	master, slave := openPty(u.t, 91, 17)
	defer master.Close()
	cmd := u.command("shell", name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	slave.Close()
	out := &heard{}
	go func() { _, _ = io.Copy(out, master) }()
	shows := func(text string) {
		u.t.Helper()
		eventually(u.t, "the terminal shows "+text, func() bool { return strings.Contains(out.String(), text) })
	}
	shows("#")
	fmt.Fprint(master, "echo size $(stty size) in $TERM\r")
	shows("size 17 91 in xterm")
	size := &unix.Winsize{Col: 120, Row: 40}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, size); err != nil {
		u.t.Fatal(err)
	}
	fmt.Fprint(master, "until [ \"$(stty size)\" = '40 120' ]; do sleep 0.1; done; echo now $((20+20))\r")
	shows("now 40")
	fmt.Fprint(master, "sleep 1000\r")
	time.Sleep(time.Second)
	fmt.Fprint(master, "\x03")
	fmt.Fprint(master, "echo status $?\r")
	shows("status 130")
	fmt.Fprint(master, "exit 4\r")
	if err := cmd.Wait(); status(err) != 4 {
		u.t.Errorf("%v %q", err, out.String())
	}
}

func openPty(t *testing.T, cols, rows uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// copies copies a folder there and back.
func (u *user) copies(name string) {
	u.t.Helper()
	dir := u.t.TempDir()
	tree := filepath.Join(dir, "tree")
	must := func(errs ...error) {
		u.t.Helper()
		if err := errors.Join(errs...); err != nil {
			u.t.Fatal(err)
		}
	}
	big := noise(u.size(3 << 20))
	at := time.Unix(1.6e9, 0)
	must(os.MkdirAll(filepath.Join(tree, "sub"), 0o750), os.WriteFile(filepath.Join(tree, "big"), big, 0o751), os.Chtimes(filepath.Join(tree, "big"), at, at),
		os.WriteFile(filepath.Join(tree, "sub", "a 'b'\n"), []byte("text"), 0o600), os.Symlink("../big", filepath.Join(tree, "sub", "link")))
	u.run("exec", name, "--", "rm", "-rf", "/srv/tree")
	u.run("cp", "-r", tree, name+":/srv")
	if got := u.run("exec", name, "--", "stat", "-c", "%a %U %Y %s", "/srv/tree/big").stdout; got != fmt.Sprintf("751 root 1600000000 %d\n", len(big)) {
		u.t.Errorf("%q", got)
	}
	u.run("exec", name, "--", "chown", "daemon", "/srv/tree/big")
	u.run("cp", filepath.Join(tree, "big"), name+":/srv/tree/big")
	u.run("cp", "-r", tree, name+":/srv")
	if got := u.run("exec", name, "--", "stat", "-c", "%U", "/srv/tree/big").stdout; got != "daemon\n" {
		u.t.Errorf("a file that is replaced belongs to %q", got)
	}
	u.run("cp", "-r", name+":/srv/tree", filepath.Join(dir, "back"))
	back, err := os.ReadFile(filepath.Join(dir, "back", "big"))
	if err != nil || !bytes.Equal(back, big) {
		u.t.Errorf("%d bytes come back, %v", len(back), err)
	}
	info, err := os.Stat(filepath.Join(dir, "back", "big"))
	must(err)
	if !info.ModTime().Equal(at) || info.Mode().Perm() != 0o751 {
		u.t.Errorf("%v %v", info.ModTime(), info.Mode())
	}
	if to, err := os.Readlink(filepath.Join(dir, "back", "sub", "link")); to != "../big" {
		u.t.Error(to, err)
	}
	if got := u.run("exec", name, "--", "find", "/srv", "/root", "-name", ".infrahaus*").stdout; got != "" {
		u.t.Errorf("this is left: %s", got)
	}
}

// unitLog follows a unit's journal until Ctrl-C.
func (u *user) unitLog(name string) {
	u.t.Helper()
	if r := u.run("logs", name, "--unit", "systemd-journald", "--tail", "5"); !strings.Contains(r.stdout, "ournal") {
		u.t.Errorf("%q", r.stdout)
	}
	if r := u.try("logs", name, "--unit", "nosuch"); r.status != 1 || !strings.Contains(r.stderr, "systemd-journald") {
		u.t.Errorf("%d %q", r.status, r.stderr)
	}
	ctx, cancel := context.WithTimeout(u.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := u.command("logs", name, "--unit", "systemd-journald", "-f")
	out := &heard{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	eventually(u.t, "the log shows", func() bool { return strings.Contains(out.String(), "ournal") })
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); status(err) != 130 {
		u.t.Errorf("%v %q", err, out.String())
	}
	eventually(u.t, "the follower has ended", func() bool { return u.try("exec", name, "--", "pgrep", "-x", "journalctl").status == 1 })
}
