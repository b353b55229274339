package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func result() Result {
	return Result{
		Container: lxc.Container{RecordID: "01KAR3", CTID: 101, Host: "homelab", Node: "pve1", Hostname: "web-01", Address: "192.0.2.15",
			Lifecycle: lxc.Ready, Template: "nginx", CreatedAt: lxc.At(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))},
		Services: []lxc.Service{
			{Name: "nginx", Type: lxc.Systemd, Status: lxc.Running, URL: "http://192.0.2.15/", CredentialKeys: []string{"USERNAME", "PASSWORD"},
				Ports: []lxc.Port{{Protocol: "tcp", Address: "0.0.0.0", Port: 80}, {Protocol: "tcp", Address: "::", Port: 80}}},
			{Name: "ssh", Type: lxc.Systemd, Status: lxc.Running, System: true, Ports: []lxc.Port{{Protocol: "tcp", Port: 22}}},
			{Name: "worker", Type: lxc.Process, Status: lxc.Running, Ports: []lxc.Port{{Protocol: "udp", Port: 5353}}},
		},
		Elapsed: 9050 * time.Millisecond, Reveal: "infrahaus credentials web-01 --reveal",
		Notes: []string{"services of the sandbox answer only while a sandbox process lives"},
	}
}

func TestResult(t *testing.T) {
	for _, width := range []int{20, 60, 120} {
		for _, p := range []colorprofile.Profile{colorprofile.NoTTY, colorprofile.ANSI256} {
			s, out, _ := terminal(width, p)
			if err := WriteResult(s, result()); err != nil {
				t.Fatal(err)
			}
			color := map[bool]string{true: "-nocolor"}[p == colorprofile.NoTTY]
			golden(t, fmt.Sprintf("card-%d%s.txt", width, color), out.String())
			if !strings.Contains(out.String(), "http://192.0.2.15/") || !strings.Contains(out.String(), "credentials web-01 --reveal") {
				t.Errorf("at %d something that is to be copied was cut:\n%s", width, out)
			}
		}
	}
	s, out, _ := pipes()
	WriteResult(s, result())
	golden(t, "card-pipe.txt", out.String())
}

// One service does not answer, with its note and log; another has more ports than fit.
func TestUnreadyResult(t *testing.T) {
	r := result()
	ghost := lxc.Service{Name: "ghost", Type: lxc.Systemd, Status: lxc.Errored, Declared: true,
		Note: "not listening; ghost.service is failed (exit-code, status 203)",
		Log:  []string{"ghost.service: Failed at step EXEC spawning /usr/local/bin/ghost: No such file or directory", "\x1b[31mred\x1b[0m"}}
	many := lxc.Service{Name: "shop-rtp-1", Type: lxc.Docker, Status: lxc.Running, Project: "shop", MorePorts: 37}
	for port := range 12 {
		for _, address := range []string{"0.0.0.0", "::"} {
			many.Ports = append(many.Ports, lxc.Port{Protocol: "udp", Address: address, Port: 10000 + port})
		}
	}
	r.Services = []lxc.Service{ghost, {Name: "sick", Type: lxc.Docker, Status: lxc.Unready, Note: "unhealthy"}, many}
	for _, width := range []int{60, 120} {
		s, out, _ := terminal(width, colorprofile.NoTTY)
		WriteResult(s, r)
		golden(t, fmt.Sprintf("card-unready-%d.txt", width), out.String())
	}
	s, out, _ := pipes()
	WriteResult(s, r)
	golden(t, "card-unready-pipe.txt", out.String())
}

func TestFailure(t *testing.T) {
	f := Failure{Message: "cannot run script 20-configure.sh: exit status 7",
		Tail:  []string{"one", "\x1b[31mtwo\x1b[0m", strings.Repeat("long ", 30)},
		Hints: []string{"infrahaus logs web-01", "infrahaus destroy web-01"}}
	for i := range 12 {
		f.Tail = append([]string{fmt.Sprint("earlier ", i)}, f.Tail...)
	}
	s, _, errs := terminal(60, colorprofile.ANSI256)
	WriteFailure(s, f)
	golden(t, "failure-60.txt", errs.String())
	s, out, errs := pipes()
	WriteFailure(s, f)
	golden(t, "failure-pipe.txt", errs.String())
	if out.Len() != 0 || strings.Contains(errs.String(), "\x1b") {
		t.Errorf("stdout %q, stderr %q", out, errs)
	}
}

// list is a table as `list` makes it.
func list(rows ...[]string) Table {
	shade := func(cell string) Shade { return map[string]Shade{"ready": Good, "error": Bad}[cell] }
	return Table{Columns: []Column{{Title: "NAME"}, {Title: "CTID", Right: true, Keep: true}, {Title: "STATUS", Keep: true, Paint: shade},
		{Title: "NODE", Drop: 2}, {Title: "ADDRESS", Drop: 1}, {Title: "ID", Drop: 4}, {Title: "URL", Drop: 3}}, Rows: rows, Empty: "no containers yet"}
}

func TestTable(t *testing.T) {
	full := list([]string{"web-01", "101", "ready", "pve1", "192.0.2.15", "01KAR3T8M0W2Y4Z6B8D0F2H4J6", "http://192.0.2.15:8080/"},
		[]string{"日本語-a-rather-long-name", "", "error", "pve1", "", "01KAR3T8M0W2Y4Z6B8D0F2H4J7", ""})
	for _, width := range []int{20, 60, 120} {
		s, out, _ := terminal(width, colorprofile.ANSI256)
		if err := WriteTable(s, full); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("list-%d.txt", width), out.String())
		for line := range strings.Lines(out.String()) {
			if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("a line of %d columns at %d: %q", w, width, line)
			}
		}
	}
	s, out, errs := pipes()
	WriteTable(s, full)
	golden(t, "list-pipe.txt", out.String())
	out.Reset()
	if WriteTable(s, list()); out.Len()+errs.Len() != 0 {
		t.Errorf("an empty list in a pipe is %q, %q", out, errs)
	}
	s, out, errs = terminal(80, colorprofile.NoTTY)
	if WriteTable(s, list()); out.Len() != 0 || errs.Len() == 0 {
		t.Errorf("an empty list on a terminal is %q, %q", out, errs)
	}
}

// Columns that must stay whole are never cut, however narrow the window: a cut secret is
// of no use.
func TestTableKeeps(t *testing.T) {
	value := "a\\b c" + strings.Repeat("x", 90)
	s, out, _ := terminal(60, colorprofile.NoTTY)
	WriteTable(s, Table{Columns: []Column{{Keep: true}, {Keep: true}}, Rows: [][]string{{"PASSWORD", value}}})
	if out.String() != "PASSWORD  "+value+"\n" {
		t.Errorf("%q", out)
	}
}

func TestRowsStayRows(t *testing.T) {
	s, out, _ := pipes()
	WriteTable(s, Table{Columns: []Column{{Title: "A"}, {Title: "B"}}, Rows: [][]string{{"a\tb", "c\nd"}}})
	if out.String() != "a b\tc d\n" {
		t.Errorf("%q", out)
	}
}

func TestEventRows(t *testing.T) {
	s, out, _ := pipes()
	w := NewEventWriter(s, false)
	for _, e := range events(t, "failure") {
		w.Event(e)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if want := "1\t2026-11-23T10:00:00.000Z\tstep\tcreating\t5\tCreating LXC container..."; lines[0] != want {
		t.Errorf("%q, want %q", lines[0], want)
	}
	for _, line := range lines {
		if strings.Count(line, "\t") != 5 {
			t.Errorf("%q has not six fields", line)
		}
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		s, _, errs := terminal(80, colorprofile.NoTTY)
		s.In = strings.NewReader(answer)
		if got, err := Confirm(t.Context(), s, "Destroy web-01?"); got != want || err != nil || errs.String() != "Destroy web-01? [y/N] " {
			t.Errorf("%q: %v, %v, asked %q", answer, got, err, errs)
		}
	}
}

func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for name, write := range map[string]func(*Streams) error{
		"json":   func(s *Streams) error { return NewDisplay(s, Options{JSON: true}).Event(event.Event{}) },
		"plain":  func(s *Streams) error { s.ErrTTY = false; return NewDisplay(s, Options{}).Event(event.Event{}) },
		"result": func(s *Streams) error { return WriteResult(s, result()) },
		"live": func(s *Streams) error {
			d := NewDisplay(s, Options{})
			return errors.Join(d.Event(event.Event{}), d.Close())
		},
	} {
		s, _, _ := terminal(80, colorprofile.NoTTY)
		s.Out, s.Err = w, w
		if err := write(s); !IsClosed(err) || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if IsClosed(io.EOF) || IsClosed(nil) {
		t.Error("everything counts as closed")
	}
}
