package ui

import (
	"io"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// frameEvery is the least time between two frames: ten a second, which is also
// how often the window's size is looked at.
const frameEvery = 100 * time.Millisecond

// live is the face for a person: it notes events as they come, and one goroutine
// draws what they amount to.
type live struct {
	out   io.Writer
	size  func() (columns, rows int)
	style styles
	now   func() time.Time

	mu    sync.Mutex
	model model
	above []string // finished lines that go over the display, into the scrollback
	err   error    // of the terminal; nothing is drawn after it

	screen screen // the goroutine's own, and Close's after its end
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

// prepareLive makes a display that nothing draws yet.
func prepareLive(s *Streams, now func() time.Time) *live {
	return &live{out: s.Err, size: s.size, style: newStyles(s.ErrColor), now: now, model: newModel(now()),
		first: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{})}
}

// Event notes e. It never waits for the terminal.
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

// Aside shows a line that is no event at the running phase, until its next event.
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

// draw writes one frame, or nothing where nothing changed. The lock is not held
// while the terminal takes it: a stopped terminal stops no run.
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

// ShowedTail says whether a failed script's last lines are on the screen.
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
