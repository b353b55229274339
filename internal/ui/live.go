package ui

import (
	"io"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// frameEvery is the minimum time between two frames. The window's size is checked as
// often.
const frameEvery = 100 * time.Millisecond

// live is the display for a person. Event only records an event; one goroutine draws the
// result.
type live struct {
	out   io.Writer
	size  func() (columns, rows int)
	style styles
	now   func() time.Time

	mu    sync.Mutex
	model model
	above []string // finished lines to print above the display, into the scrollback
	err   error    // error of the terminal; nothing is drawn after it

	screen screen // used by the goroutine, and by Close after the goroutine's end
	first  chan struct{}
	begin  sync.Once
	quit   chan struct{}
	gone   chan struct{}
	close  sync.Once
}

func newLive(s *Streams) *live {
	l := prepareLive(s, time.Now)
	go l.loop()
	return l
}

// prepareLive makes a display without a goroutine that draws.
func prepareLive(s *Streams, now func() time.Time) *live {
	return &live{out: s.Err, size: s.size, style: newStyles(s.ErrColor), now: now, model: newModel(now()),
		first: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{})}
}

// Event records e. It never waits for the terminal.
func (l *live) Event(e event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.model.apply(e, l.now())
	if e.Type == event.Warning {
		l.above = append(l.above, warningLines(e, l.style)...)
	}
	l.begin.Do(func() { close(l.first) })
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

// loop draws the first frame at the first event and then one at every tick.
func (l *live) loop() {
	defer close(l.gone)
	select {
	case <-l.first:
	case <-l.quit:
		return
	}
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		l.draw(false)
		select {
		case <-tick.C:
		case <-l.quit:
			return
		}
	}
}

// draw writes one frame, or nothing if nothing changed. It does not hold the lock while
// it writes, so a stopped terminal does not stop a run.
func (l *live) draw(last bool) {
	columns, rows := l.size()
	l.mu.Lock()
	lines := l.model.lines(columns, rows, l.now(), l.style, last)
	above := l.above
	l.above = nil
	stop := l.err != nil
	l.mu.Unlock()
	if stop {
		return
	}
	bytes := l.screen.frame(above, lines, columns)
	if last {
		bytes = append(bytes, l.screen.end()...)
	}
	if len(bytes) == 0 {
		return
	}
	if _, err := l.out.Write(bytes); err != nil {
		l.mu.Lock()
		l.err = err
		l.mu.Unlock()
	}
}

// ShowedTail reports whether the last lines of a failed script are on the screen.
func (l *live) ShowedTail() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.model.failed && len(l.model.tail) > 0
}

// Close draws the last frame and shows the cursor again.
func (l *live) Close() error {
	l.close.Do(func() {
		close(l.quit)
		<-l.gone
		l.mu.Lock()
		began := l.model.began
		l.mu.Unlock()
		if began {
			l.draw(true)
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func warningLines(e event.Event, st styles) []string {
	lines := []string{st.warn.Render("! warning:") + " " + oneLine(e.Message)}
	if e.Hint != "" {
		lines = append(lines, "  "+st.accent.Render("hint:")+" "+oneLine(e.Hint))
	}
	return lines
}
