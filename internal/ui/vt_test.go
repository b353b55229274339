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

// vt is the part of a terminal that the live display uses: rows that scroll, a cursor,
// erasing. Any other sequence is an error.
type vt struct {
	t       *testing.T
	width   int
	rows    []string // all rows, also those in the scrollback; a cell is one column here
	x, y    int
	hidden  bool
	written int // cells
}

func (v *vt) Write(data []byte) (int, error) {
	text := string(data)
	var state byte
	for len(text) > 0 {
		seq, width, n, next := ansi.DecodeSequence(text, state, nil)
		v.take(seq, width)
		state, text = next, text[n:]
	}
	return len(data), nil
}

func (v *vt) take(seq string, width int) {
	for len(v.rows) <= v.y {
		v.rows = append(v.rows, "")
	}
	var n int
	switch {
	case seq == "\r":
		v.x = 0
	case seq == "\n":
		v.y++
	case seq == "\x1b[K":
		v.rows[v.y] = ansi.Truncate(v.rows[v.y], v.x, "")
	case seq == "\x1b[J":
		v.rows = append(v.rows[:v.y:v.y], ansi.Truncate(v.rows[v.y], v.x, ""))
	case seq == hideCursor || seq == showCursor:
		v.hidden = seq == hideCursor
	case seq == beginSync || seq == endSync || strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m"):
	case width > 0:
		if v.x+width > v.width-1 {
			v.t.Fatalf("a line reaches the last column: %q at %d", seq, v.x)
		}
		row := pad(ansi.Truncate(v.rows[v.y], v.x, ""), v.x)
		v.rows[v.y] = row + seq + ansi.TruncateLeft(v.rows[v.y], v.x+width, "")
		v.x += width
		v.written += width
	default:
		if _, err := fmt.Sscanf(seq, "\x1b[%dA", &n); err != nil || n > v.y {
			v.t.Fatalf("unexpected %q on row %d", seq, v.y)
		}
		v.y -= n
	}
}

func (v *vt) text() string {
	return strings.TrimRight(strings.Join(v.rows, "\n"), "\n ")
}

// After every frame the terminal shows the model below the warnings so far, whatever it
// showed before.
func TestScreenShowsTheModel(t *testing.T) {
	for _, name := range runs {
		for _, width := range []int{20, 60, 120} {
			s, _, _ := terminal(width, colorprofile.ANSI256)
			term := &vt{t: t, width: width}
			s.Err = term
			var now time.Time
			l := prepareLive(s, func() time.Time { return now })
			close(l.gone)
			for _, e := range events(t, name) {
				now = e.Timestamp
				l.Event(e)
				l.draw(false)
				want := ansi.Strip(strings.Join(l.model.lines(width, 30, now, l.style, false), "\n"))
				if !strings.HasSuffix(term.text(), strings.TrimRight(want, " ")) {
					t.Fatalf("%s at %d after event %d:\n%s\nwant:\n%s", name, width, e.Seq, term.text(), want)
				}
				if !term.hidden || term.x != 0 || term.y != strings.Count(term.text(), "\n")+1 {
					t.Fatalf("cursor rests at %d,%d", term.x, term.y)
				}
			}
			l.Close()
			if term.hidden {
				t.Error("the cursor stays hidden")
			}
			text := strings.Join(strings.Fields(term.text()), "")
			if got, want := strings.Count(text, "warning:"), map[string]int{"warning": 2}[name]; got != want {
				t.Errorf("%s at %d: %d warnings on the screen, want %d", name, width, got, want)
			}
			if got := strings.Count(text, "✓creating"); got != 1 {
				t.Errorf("%s at %d: %d creating lines on the screen", name, width, got)
			}
		}
	}
}

func TestNothingIsDrawnThatDidNotChange(t *testing.T) {
	s, _, errs := terminal(60, colorprofile.ANSI256)
	now := time.Unix(0, 0)
	l := prepareLive(s, func() time.Time { return now })
	close(l.gone)
	five := 5
	l.Event(event.Event{Type: event.Step, Step: event.Creating, Percent: &five, Message: "unchanging", Hostname: "web"})
	l.draw(false)
	n := errs.Len()
	l.draw(false)
	if errs.Len() != n {
		t.Errorf("an unchanged frame wrote %q", errs.String()[n:])
	}
	now = now.Add(frameEvery) // only the spinner moves
	l.draw(false)
	if got := errs.String()[n:]; !strings.Contains(got, "creating") || strings.Contains(got, "starting") || strings.Contains(got, "web") {
		t.Errorf("a turn of the spinner wrote %q", got)
	}
}

func TestResize(t *testing.T) {
	width := 100
	s, _, _ := terminal(width, colorprofile.NoTTY)
	s.Size = func() (int, int) { return width, 30 }
	var now time.Time
	l := prepareLive(s, func() time.Time { return now })
	close(l.gone)
	term := &vt{t: t, width: width}
	l.out = term
	for _, e := range events(t, "success")[:12] {
		l.Event(e)
	}
	l.draw(false)
	before := term.rows
	for _, w := range []int{40, 20, 130} {
		// The terminal breaks its lines into narrower rows.
		var broken []string
		for _, row := range before[:len(before)-1] {
			broken = append(broken, strings.Split(ansi.Hardwrap(strings.TrimRight(row, " "), w, true), "\n")...)
		}
		if w < width {
			term.rows, term.y = broken, len(broken)
		}
		width, term.width = w, w
		l.draw(false)
		want := ansi.Strip(strings.Join(l.model.lines(w, 30, now, l.style, false), "\n"))
		if term.text() != strings.TrimRight(want, " ") {
			t.Fatalf("at %d:\n%s\nwant:\n%s", w, term.text(), want)
		}
		before = term.rows
	}
}

func TestLinesFitEveryWindow(t *testing.T) {
	list := events(t, "failure")
	for columns := 1; columns <= 130; columns++ {
		for _, rows := range []int{1, 2, 5, 8, 24} {
			m := newModel(list[0].Timestamp)
			for _, e := range list {
				m.apply(e, e.Timestamp)
				if e.Seq%5 != 0 && e.Type != event.Error {
					continue
				}
				lines := m.lines(columns, rows, e.Timestamp, newStyles(colorprofile.ANSI256), e.Type == event.Error)
				if len(lines) > max(1, rows-1) {
					t.Fatalf("%d lines in a window of %d rows", len(lines), rows)
				}
				for _, line := range lines {
					if w := ansi.StringWidth(line); w > max(1, columns-1) {
						t.Fatalf("%q is %d columns wide in a window of %d", line, w, columns)
					}
				}
			}
		}
	}
}
