package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/event"
)

// scene plays a fleet of n containers, eight at a time, up to a moment: every ninth fails
// while its script runs. Each takes five phases of two seconds.
func scene(b *liveBoard, n, seconds int, now *time.Time) {
	start := *now
	name := func(i int) string { return b.model.members[i].name }
	for s := 0; s <= seconds; s++ {
		*now = start.Add(time.Duration(s) * time.Second)
		for i := range n {
			age := s - i/8*10
			if age < 0 || age > 10 || age%2 == 1 {
				continue
			}
			if age == 10 && b.model.members[i].state == running {
				b.ended(i, BoardEnd{Result: "created", Begun: true})
				continue
			}
			if age == 10 || b.model.members[i].state > running {
				continue
			}
			percent := age * 10
			e := event.Event{Type: event.Step, Step: event.Steps[age/2], Percent: &percent, Hostname: name(i), Message: "Doing what " + string(event.Steps[age/2]) + " needs", CTID: 100 + i, Node: "pve1"}
			if age == 6 {
				zero := i % 3
				e.ScriptName, e.ScriptIndex, e.ScriptTotal = "20-database.sh", &zero, 3
			}
			_ = b.event(i, e)
			if age == 6 && i%9 == 4 {
				b.ended(i, BoardEnd{Result: "failed", Why: "cannot finish 20-database.sh: exit status 3", Failed: true, Begun: true})
			}
		}
	}
}

func TestBoardScreens(t *testing.T) {
	for _, n := range []int{3, 40, 100} {
		for _, width := range []int{60, 80, 120} {
			t.Run(fmt.Sprint(n, width), func(t *testing.T) {
				var out strings.Builder
				s, _, _ := terminal(width, colorprofile.NoTTY)
				now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
				names := make([]string, n)
				for i := range names {
					names[i] = fmt.Sprint("web-", i+1)
				}
				for _, seconds := range []int{3, 17, 46, 200} {
					l := prepareBoard(s, "create", names, func() time.Time { return now })
					scene(l, n, seconds, &now)
					if n == 40 && seconds == 46 {
						l.ended(39, BoardEnd{Result: "not begun", Why: "web-5 comes first, and failed", Failed: true})
					}
					lines := l.model.lines(width, 24, now, l.style, seconds == 200)
					fmt.Fprintf(&out, "--- after %d s\n%s\n", seconds, strings.Join(lines, "\n"))
					if len(lines) > 23 {
						t.Errorf("%d lines in 24 rows", len(lines))
					}
					for _, line := range lines {
						if ansi.StringWidth(line) >= width {
							t.Errorf("too wide: %q", line)
						}
					}
				}
				golden(t, fmt.Sprintf("board-%d-%d.txt", n, width), out.String())
			})
		}
	}
}

// However small the window is, the board stays within it.
func TestBoardFits(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {10, 3}, {20, 5}, {32, 8}, {80, 10}} {
		s, _, _ := terminal(size[0], colorprofile.ANSI256)
		now := time.Now()
		names := make([]string, 60)
		for i := range names {
			names[i] = fmt.Sprintf("a-rather-long-name-%d.lab.example.org", i)
		}
		l := prepareBoard(s, "create", names, func() time.Time { return now })
		scene(l, 60, 37, &now)
		lines := l.model.lines(size[0], size[1], now, l.style, false)
		if len(lines) > max(size[1]-1, 3) {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if ansi.StringWidth(line) >= max(size[0], 2) {
				t.Errorf("%v: too wide: %q", size, line)
			}
		}
	}
}

// A pipe gets a line for each phase, each warning once, and no escape sequence.
func TestPlainBoard(t *testing.T) {
	s, out, errs := pipes()
	b := NewBoard(s, Options{}, "create", []string{"web-1", "web-2", "web-3"})
	five := 5
	for i := range 2 {
		m := b.Member(i)
		for _, e := range []event.Event{
			{Type: event.Step, Step: event.Creating, Percent: &five, Message: "Creating LXC container"},
			{Type: event.Log, Step: event.Creating, Message: "extracting"},
			{Type: event.Step, Step: event.Creating, Message: "OS template x"},
			{Type: event.Warning, Step: event.Creating, Message: "Systemd 252 detected"},
			{Type: event.Step, Step: event.Starting, Message: "Starting container"},
			{Type: event.Step, Step: event.Starting, Message: "waiting for an address", Waiting: true},
		} {
			if err := m.Event(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Fprintf(b.Writer("web-2"), "infrahaus: cannot do it\nhint: try again\n")
	b.Ended(0, BoardEnd{Result: "created", Begun: true})
	b.Ended(1, BoardEnd{Result: "failed", Why: "cannot do it", Failed: true, Begun: true})
	b.Ended(2, BoardEnd{Result: "not begun", Why: "web-2 comes first, and failed", Failed: true})
	b.Close()
	got := errs.String()
	for _, ended := range []string{"created (1 of 3)", "failed (2 of 3, 1 failed)", "not begun (3 of 3, 1 failed): web-2 comes first, and failed"} {
		if !strings.Contains(got, ended) {
			t.Errorf("no %q in\n%s", ended, got)
		}
	}
	if n := strings.Count(got, "Systemd 252"); n != 2 || !strings.Contains(got, "came from one other container too") || out.Len() != 0 {
		t.Errorf("%d warnings:\n%s", n, got)
	}
	if strings.Contains(got, "extracting") || strings.Contains(got, "OS template") || strings.Contains(got, "\x1b") || !strings.Contains(got, "web-2: hint: try again\n") {
		t.Errorf("got\n%s", got)
	}
}

// A board of runs on other machines: it begins late, runs join it, and each counts from its
// own beginning.
func TestWatchScreens(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			s, _, _ := terminal(width, colorprofile.NoTTY)
			began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
			now := began.Add(95 * time.Second)
			l := prepareBoard(s, "watch", nil, func() time.Time { return now })
			var out strings.Builder
			screen := func(what string, last bool) {
				lines := l.model.lines(width, 24, now, l.style, last)
				fmt.Fprintf(&out, "--- %s\n%s\n", what, strings.Join(lines, "\n"))
				for _, line := range lines {
					if ansi.StringWidth(line) >= width {
						t.Errorf("too wide: %q", line)
					}
				}
			}
			// send is an event of a run that began so many seconds after the first one.
			send := func(i, joined, age int, step event.StepName, message string) {
				_ = l.event(i, event.Event{Type: event.Step, Step: step, Message: message, ElapsedMs: int64(age) * 1000, Timestamp: began.Add(time.Duration(joined+age) * time.Second)})
			}
			screen("nothing yet", false)
			l.add("web-1")
			l.add("a-database-with-a-name-that-is-rather-long")
			send(0, 0, 1, event.Creating, "Creating LXC container")
			send(0, 0, 20, event.Syncing, "Running 10-web.sh")
			send(1, 60, 1, event.Creating, "Creating LXC container")
			send(1, 60, 12, event.Deploying, "Installing config-manager")
			screen("two that began before", false)
			l.add("cache")
			send(2, 94, 1, event.Creating, "Creating LXC container")
			now = now.Add(10 * time.Second)
			l.ended(0, BoardEnd{Result: "created", Begun: true})
			l.ended(1, BoardEnd{Result: "failed", Why: "cannot finish 20-database.sh: exit status 3", Failed: true, Begun: true})
			screen("one joins, one is done, one fails", false)
			l.ended(2, BoardEnd{Result: "interrupted", Why: "its process was killed", Failed: true, Begun: true})
			screen("the end", true)
			golden(t, fmt.Sprintf("watch-%d.txt", width), out.String())
		})
	}
}
