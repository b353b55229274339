package ui

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/event"
)

// stopped is a terminal after Ctrl-S: a write to it waits.
type stopped struct {
	entered chan struct{}
	release chan struct{}
	bytes.Buffer
}

func (s *stopped) Write(data []byte) (int, error) {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.release
	return s.Buffer.Write(data)
}

func TestAStoppedTerminalStopsNoRun(t *testing.T) {
	s, _, _ := terminal(60, colorprofile.NoTTY)
	term := &stopped{entered: make(chan struct{}, 1), release: make(chan struct{})}
	s.Err = term
	d := NewDisplay(s, Options{})
	d.Event(event.Event{Type: event.Step, Step: event.Syncing})
	<-term.entered
	for i := range 10_000 { // hangs here if an event waits for the screen
		if err := d.Event(event.Event{Type: event.Log, Step: event.Syncing, Message: fmt.Sprint("line ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	d.Event(event.Event{Type: event.Complete, Step: event.Finalizing, Message: "over"})
	close(term.release)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := term.String(); strings.Count(got, "line ") > 100 || !strings.Contains(got, "over") || !strings.HasSuffix(got, showCursor) {
		t.Errorf("the screen got %d bytes, ending in %q", len(got), got[max(0, len(got)-80):])
	}
}

// A discovery has only phase five, and a resume starts at a later phase. Earlier phases
// are not shown as waiting.
func TestEarlierPhasesAreNotShown(t *testing.T) {
	now := time.Unix(0, 0)
	m := newModel(now)
	m.apply(event.Event{Type: event.Step, Step: event.Finalizing, Message: "Discovering services...", Hostname: "web"}, now)
	text := strings.Join(m.lines(80, 24, now, newStyles(colorprofile.NoTTY), false), "\n")
	if strings.Contains(text, "creating") || !strings.Contains(text, "finalizing  Discovering services...") {
		t.Error(text)
	}
}

// A line of a megabyte, or of wide characters, costs no more than the part that is shown.
func TestLongAndWideLines(t *testing.T) {
	now := time.Unix(0, 0)
	m := newModel(now)
	for _, text := range []string{strings.Repeat("x", 1<<20), strings.Repeat("日本", 100), strings.Repeat("e\u0301", 100),
		strings.Repeat("👩‍👩‍👧", 40), strings.Repeat("10%\r", 10_000) + "done"} {
		m.apply(event.Event{Type: event.Log, Step: event.Syncing, Message: text}, now)
	}
	lines := m.lines(40, 24, now, newStyles(colorprofile.NoTTY), false)
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > 39 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "│ done") {
		t.Error(text)
	}
	held := 0
	for _, line := range m.tail {
		held += len(line)
	}
	if held > tailLines*maxTailLine {
		t.Errorf("%d bytes are held", held)
	}
}

func TestLeave(t *testing.T) {
	s, _, errs := pipes()
	if Leave(s); errs.Len() != 0 {
		t.Errorf("a pipe got %q", errs)
	}
	s, _, errs = terminal(80, colorprofile.NoTTY)
	if Leave(s); errs.String() != showCursor {
		t.Errorf("%q", errs)
	}
}
