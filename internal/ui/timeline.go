package ui

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Stretch is a part of a run: a phase, or a script in it.
type Stretch struct {
	Name   string
	Script bool
	Start  time.Duration // since the run began
	Length time.Duration
	Failed bool // the run ended in it with an error
}

// Timeline is how long each phase and script of a run took, in the order of their starts.
type Timeline struct {
	Spans []Stretch
	Total time.Duration
}

// TimelineOf makes a timeline of a run's events. It needs no log events. A span of a run
// that has not ended goes up to its last event.
func TimelineOf(events []event.Event) Timeline {
	var t Timeline
	if len(events) == 0 {
		return t
	}
	began := events[0].Timestamp
	phase, script, running := -1, -1, false
	for _, e := range events {
		at := max(e.Timestamp.Sub(began), t.Total) // a clock may have been set back
		t.Total = at
		if e.Step != "" && !t.began(string(e.Step)) {
			t.end(phase, at)
			t.end(script, at)
			phase, script, running = len(t.Spans), -1, false
			t.Spans = append(t.Spans, Stretch{Name: string(e.Step), Start: at})
		}
		if e.ScriptName != "" && (script < 0 || t.Spans[script].Name != e.ScriptName) {
			t.end(script, at)
			script = len(t.Spans)
			t.Spans = append(t.Spans, Stretch{Name: e.ScriptName, Script: true, Start: at})
			running = true
		}
		t.end(phase, at)
		if running {
			t.end(script, at)
		}
		if e.Type == event.Error && phase >= 0 {
			t.Spans[phase].Failed = true
			if running {
				t.Spans[script].Failed = true
			}
		}
		if e.ScriptName != "" && e.Percent != nil { // the step that says that it has completed
			running = false
		}
	}
	return t
}

// began reports whether a phase has a span. Phases do not come back: an event of an earlier
// one is a late word of something that ran beside the next, such as the wait for an address.
func (t *Timeline) began(phase string) bool {
	return slices.ContainsFunc(t.Spans, func(s Stretch) bool { return !s.Script && s.Name == phase })
}

// end moves the end of a span to a time.
func (t *Timeline) end(i int, at time.Duration) {
	if i >= 0 {
		t.Spans[i].Length = at - t.Spans[i].Start
	}
}

// MarshalJSON writes the spans as a list, with times in milliseconds.
func (t Timeline) MarshalJSON() ([]byte, error) {
	type span struct {
		Phase     string `json:"phase,omitempty"`
		Script    string `json:"script,omitempty"`
		StartMs   int64  `json:"startMs"`
		ElapsedMs int64  `json:"elapsedMs"`
		Failed    bool   `json:"failed,omitempty"`
	}
	out := []span{}
	for _, s := range t.Spans {
		one := span{Phase: s.Name, StartMs: s.Start.Milliseconds(), ElapsedMs: s.Length.Milliseconds(), Failed: s.Failed}
		if s.Script {
			one.Phase, one.Script = "", s.Name
		}
		out = append(out, one)
	}
	return json.Marshal(out)
}

// WriteTimeline writes a timeline to stdout: bars on a terminal, else rows of phase or
// script, name, start and length in seconds, and failed.
func WriteTimeline(s *Streams, title string, t Timeline) error {
	if len(t.Spans) == 0 {
		return nil
	}
	if !s.OutTTY {
		var rows [][]string
		for _, span := range t.Spans {
			kind := "phase"
			if span.Script {
				kind = "script"
			}
			row := []string{kind, span.Name, seconds(span.Start), seconds(span.Length)}
			if span.Failed {
				row = append(row, "failed")
			}
			rows = append(rows, row)
		}
		return writeRows(s.Out, rows)
	}
	width, _ := s.size()
	_, err := io.WriteString(s.Out, renderTimeline(title, t, newStyles(s.OutColor), width))
	return err
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// renderTimeline draws one line for each span: its name, a bar at its place in the run, and
// its length. The bars are left out where there is no room.
func renderTimeline(title string, t Timeline, st styles, width int) string {
	names := 10
	for _, s := range t.Spans {
		names = max(names, min(ansi.StringWidth(spanName(s)), 28))
	}
	const times = 9
	room := min(width-names-times-4, 60)
	var b strings.Builder
	b.WriteString(st.bold.Render(cut(Clean(title), width)) + "\n")
	for _, s := range t.Spans {
		ink, mark := st.ok, "█"
		switch {
		case s.Failed:
			ink, mark = st.bad, "▓" // not by colour alone
		case s.Script:
			ink, mark = st.accent, "▬"
		}
		line := "  " + pad(cut(spanName(s), names), names)
		if room >= 10 {
			from, to := place(s.Start, t.Total, room), place(s.Start+s.Length, t.Total, room)
			to = min(max(to, from+1), room)
			from = min(from, to-1)
			line += " " + strings.Repeat(" ", from) + ink.Render(strings.Repeat(mark, to-from)) + strings.Repeat(" ", room-to)
		}
		length := shortTime(s.Length)
		line += " " + strings.Repeat(" ", max(0, times-ansi.StringWidth(length)-1)) + st.dim.Render(length)
		if s.Failed {
			line += " " + st.bad.Render("✗")
		}
		b.WriteString(strings.TrimRight(cut(line, width), " ") + "\n")
	}
	return b.String()
}

func spanName(s Stretch) string {
	if s.Script {
		return "  " + Clean(s.Name)
	}
	return Clean(s.Name)
}

// place is the column of a time within a run.
func place(at, total time.Duration, room int) int {
	if total <= 0 {
		return 0
	}
	return int(float64(room)*float64(at)/float64(total) + 0.5)
}
