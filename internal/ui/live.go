package ui

import (
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// live is the display for a person. Event only records an event; the painter's goroutine
// draws the result.
type live struct {
	painter
	model    model
	replayed bool // its events may be older than the display
}

func newLive(s *Streams, replay bool) *live {
	l := prepareLive(s, time.Now)
	l.replayed = replay
	go l.loop()
	return l
}

// prepareLive makes a display without a goroutine that draws.
func prepareLive(s *Streams, now func() time.Time) *live {
	l := &live{painter: newPainter(s, now), model: newModel(now())}
	l.lines = l.model.lines
	return l
}

// Event records e. It never waits for the terminal.
func (l *live) Event(e event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	at := l.now()
	if l.replayed {
		at = eventTime(e, l.model.began, at)
	}
	l.model.apply(e, at)
	if e.Type == event.Warning {
		l.above = append(l.above, warningLines(e, l.style)...)
	}
	l.begin()
	return nil
}

// Aside shows a line that is not an event at the running phase, until the phase's next
// event.
func (l *live) Aside(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := &l.model; m.current >= 0 {
		m.phases[m.current].message = line
	}
}

// ShowedTail reports whether the last lines of a failed script are on the screen.
func (l *live) ShowedTail() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.model.failed && len(l.model.tail) > 0
}

func warningLines(e event.Event, st styles) []string {
	lines := []string{st.warn.Render("! warning:") + " " + oneLine(e.Message)}
	if e.Hint != "" {
		lines = append(lines, "  "+st.accent.Render("hint:")+" "+oneLine(e.Hint))
	}
	return lines
}
