package ui

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// rowsOf returns the events of a recording without their log lines, as the database has
// them.
func rowsOf(t *testing.T, name string) []event.Event {
	t.Helper()
	f, err := os.Open("../../testdata/events/" + name + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []event.Event
	if err := event.Decode(f, func(e event.Event) error {
		if e.Type != event.Log {
			list = append(list, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// The wait for an address may say its last word after the next phase has begun.
func TestTimelineOfLateWords(t *testing.T) {
	began := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	var list []event.Event
	for i, step := range []event.StepName{"creating", "starting", "deploying", "starting", "deploying", "syncing"} {
		list = append(list, event.Event{Step: step, Timestamp: began.Add(time.Duration(i) * time.Second)})
	}
	line := TimelineOf(list)
	if len(line.Spans) != 4 || line.Spans[2].Name != "deploying" || line.Spans[2].Length != 3*time.Second {
		t.Errorf("%+v", line.Spans)
	}
}

func TestTimelineOf(t *testing.T) {
	failed := TimelineOf(rowsOf(t, "failure"))
	var names []string
	for _, s := range failed.Spans {
		name := s.Name
		if s.Failed {
			name += "!"
		}
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "creating starting deploying syncing! 10-install.sh 20-configure.sh!" {
		t.Errorf("spans: %s", got)
	}
	if s := failed.Spans[0]; s.Start != 0 || s.Length != 2160*time.Millisecond {
		t.Errorf("creating: %+v", s)
	}
	for _, s := range failed.Spans {
		if s.Start+s.Length > failed.Total || s.Length < 0 {
			t.Errorf("%+v of %s", s, failed.Total)
		}
	}
	text, err := json.Marshal(failed)
	if err != nil || !strings.HasPrefix(string(text), `[{"phase":"creating","startMs":0,"elapsedMs":2160},`) {
		t.Errorf("%s %v", text, err)
	}
	if empty, err := json.Marshal(TimelineOf(nil)); err != nil || string(empty) != "[]" {
		t.Errorf("%s %v", empty, err)
	}
}

// Whatever the width, no line is wider, and each span has its line.
func TestRenderTimeline(t *testing.T) {
	line := TimelineOf(rowsOf(t, "failure"))
	for _, width := range []int{20, 40, 60, 120} {
		text := renderTimeline("create", line, styles{}, width)
		if got := strings.Count(text, "\n"); got != 1+len(line.Spans) {
			t.Errorf("%d lines at %d columns:\n%s", got, width, text)
		}
		for row := range strings.SplitSeq(text, "\n") {
			if len([]rune(row)) > width {
				t.Errorf("wider than %d: %q", width, row)
			}
		}
	}
}

// TestGithubGuard: no line that others wrote is a command to the runner.
func TestGithubGuard(t *testing.T) {
	for in, want := range map[string]string{
		"plain :: text\n":      "plain :: text\n",
		"::error::x\n":         "·::error::x\n",
		"a\n  ::add-mask::x\n": "a\n·  ::add-mask::x\n",
		"see ##[error]x\n":     "see #·#[error]x\n",
	} {
		var b strings.Builder
		g := &githubGuard{w: &b}
		if n, err := g.Write([]byte(in)); err != nil || n != len(in) || b.String() != want {
			t.Errorf("%q becomes %q (%d, %v)", in, b.String(), n, err)
		}
	}
	var b strings.Builder
	g := &githubGuard{w: &b}
	for _, part := range []string{"within ", "::a line\n", "::x\n"} {
		if _, err := g.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if b.String() != "within ::a line\n·::x\n" {
		t.Errorf("%q", b.String())
	}
}
