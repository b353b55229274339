package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// typing is `typing COLUMNS STATUS FILE COMMAND...`: somebody at a terminal that wide, of 24
// lines. Each line of FILE waits until the terminal has shown a text since the last one, and
// then does something: `"text" type "keys"`, `"text" size COLSxLINES` or `"text" signal
// NAME`. At the end the terminal must be as it was. What it has shown is in the file said.
func typing(ts *testscript.TestScript, neg bool, args []string) {
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	master, slave := pty(ts, columns)
	defer slave.Close() // the terminal's settings are those of its last user otherwise
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	ts.Check(err)
	cmd := background(ts, args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	record := recordRun(ts, cmd)
	shown := make(chan []byte)
	go func() {
		defer close(shown)
		for {
			b := make([]byte, 4<<10)
			n, err := master.Read(b)
			if n > 0 {
				shown <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	steps := strings.Split(strings.TrimSpace(ts.ReadFile(args[2])), "\n")
	var said bytes.Buffer
	since := ""
	late := time.After(deadline)
loop:
	for {
		select {
		case b := <-shown:
			said.Write(b)
			since += string(b)
		case err = <-ended:
			break loop
		case <-late:
			_ = cmd.Process.Kill()
			ts.Fatalf("it goes on; shown was %q, and these are left: %q", said.String(), steps)
		}
		for len(steps) > 0 {
			rest, done := act(ts, steps[0], master, cmd.Process, since)
			if !done {
				break
			}
			steps, since = steps[1:], rest
		}
	}
	for end := time.After(200 * time.Millisecond); ; { // the last words
		select {
		case b := <-shown:
			said.Write(b)
			continue
		case <-end:
		}
		break
	}
	record(nil, nil) // what is shown depends on time
	ts.Logf("%q", said.String())
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(strings.ReplaceAll(said.String(), "\r", "")), 0o600))
	after, failed := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	ts.Check(failed)
	if *after != *before {
		ts.Fatalf("the terminal is not as it was: %+v, %+v", after, before)
	}
	if len(steps) > 0 {
		ts.Fatalf("it ended before: %q", steps)
	}
	wantStatus(ts, err, args[1])
	_ = master.Close()
}

// act does one step if its text has been shown. It returns what was shown after that.
func act(ts *testscript.TestScript, step string, master *os.File, p *os.Process, shown string) (rest string, done bool) {
	var text, verb, what string
	_, err := fmt.Sscanf(step, "%q %s", &text, &verb)
	ts.Check(err)
	_, rest, done = strings.Cut(shown, text)
	if !done {
		return "", false
	}
	what = strings.TrimSpace(step[strings.Index(step, " "+verb+" ")+len(verb)+2:])
	switch verb {
	case "type":
		keys, err := strconv.Unquote(what)
		ts.Check(err)
		_, err = master.WriteString(keys)
		ts.Check(err)
	case "size":
		var size unix.Winsize
		_, err := fmt.Sscanf(what, "%dx%d", &size.Col, &size.Row)
		ts.Check(err)
		ts.Check(unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &size))
	case "signal":
		ts.Check(p.Signal(map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[what]))
	default:
		ts.Fatalf("no such step: %s", step)
	}
	return rest, true
}
