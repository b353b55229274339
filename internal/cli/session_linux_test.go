package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// platformCommands are the session commands that this system can play.
func platformCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"terminal": terminal, "bound": bound, "typing": typing, "prompts": prompts, "totp": totpCommand, "paste": paste,
	}
}

// bound is `bound STATUS COMMAND...`: status for a process that permission bits
// bind, which they do not where the session belongs to root.
func bound(ts *testscript.TestScript, neg bool, args []string) {
	var stderr bytes.Buffer
	cmd := background(ts, args[1:]...)
	cmd.Stderr = &stderr
	begun := make(chan error)
	go func() {
		// Privileges dropped here are lost only for this thread, which ends with the
		// goroutine because it is never unlocked, and for the process that it starts.
		runtime.LockOSThread()
		for _, c := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && os.Getuid() == 0 {
				begun <- err
				return
			}
		}
		begun <- cmd.Start()
	}()
	ts.Check(<-begun)
	record := recordRun(ts, cmd)
	err := cmd.Wait()
	record(nil, stderr.Bytes())
	ts.Check(os.WriteFile(ts.MkAbs("said"), stderr.Bytes(), 0o600))
	ts.Logf("%s", stderr.String())
	wantStatus(ts, err, args[0])
}

func wantStatus(ts *testscript.TestScript, err error, want string) {
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, not %s", got, want)
	}
}

// terminal is `terminal COLUMNS STATUS COMMAND...`: the command has a terminal
// that wide for everything. What it has shown is in the file said. No line of the
// live display, which is redrawn in place, is wider than the terminal; a result's
// URLs and commands may be, since they are copied.
func terminal(ts *testscript.TestScript, neg bool, args []string) {
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	master, slave := pty(ts, columns)
	cmd := background(ts, args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	record := recordRun(ts, cmd)
	slave.Close()
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, master) // ends with EIO when the last process has closed the terminal
	master.Close()
	err = cmd.Wait()
	record(nil, nil) // the live display depends on time
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(ansi.Strip(shown.String())), 0o600))
	ts.Logf("%q", shown.String())
	live, _, _ := strings.Cut(shown.String(), "\x1b[?25h") // until the cursor is shown again
	if live == shown.String() {
		live = ""
	}
	for line := range strings.FieldsFuncSeq(live, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if w := ansi.StringWidth(line); w > columns {
			ts.Fatalf("%d columns for a terminal of %d: %q", w, columns, line)
		}
	}
	wantStatus(ts, err, args[1])
}

// pty makes a pseudo terminal of 24 lines.
func pty(ts *testscript.TestScript, columns int) (master, slave *os.File) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	ts.Check(err)
	ts.Check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}))
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	ts.Check(err)
	master = os.NewFile(uintptr(fd), "ptmx")
	time.AfterFunc(deadline, func() { _ = master.Close() })
	return master, slave
}
