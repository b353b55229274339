package ui

import (
	"io"
	"sync"
	"time"
)

// frameEvery is the minimum time between two frames. The window's size is checked as
// often.
const frameEvery = 100 * time.Millisecond

// painter draws the lines of a live display below what was printed. Whoever changes what the
// lines show holds mu, and never waits for the terminal: one goroutine draws.
type painter struct {
	out   io.Writer
	size  func() (columns, rows int)
	style styles
	now   func() time.Time

	mu    sync.Mutex
	lines func(columns, rows int, now time.Time, st styles, last bool) []string // called with mu held
	above []string                                                              // finished lines to print above the display, into the scrollback
	err   error                                                                 // error of the terminal; nothing is drawn after it

	screen screen // used by the goroutine, and by Close after the goroutine's end
	began  bool
	first  chan struct{}
	quit   chan struct{}
	gone   chan struct{}
	close  sync.Once
}

func newPainter(s *Streams, now func() time.Time) painter {
	return painter{out: s.Err, size: s.size, style: newStyles(s.ErrColor), now: now,
		first: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{})}
}

// begin lets the display stand; mu held.
func (p *painter) begin() {
	if !p.began {
		p.began = true
		close(p.first)
	}
}

// loop draws the first frame after begin and then one at every tick.
func (p *painter) loop() {
	defer close(p.gone)
	select {
	case <-p.first:
	case <-p.quit:
		return
	}
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		p.draw(false)
		select {
		case <-tick.C:
		case <-p.quit:
			return
		}
	}
}

// draw writes one frame, or nothing if nothing changed. It does not hold the lock while
// it writes, so a stopped terminal does not stop a run.
func (p *painter) draw(last bool) {
	columns, rows := p.size()
	p.mu.Lock()
	lines := p.lines(columns, rows, p.now(), p.style, last)
	above := p.above
	p.above = nil
	stop := p.err != nil
	p.mu.Unlock()
	if stop {
		return
	}
	bytes := p.screen.frame(above, lines, columns)
	if last {
		bytes = append(bytes, p.screen.end()...)
	}
	if len(bytes) == 0 {
		return
	}
	if _, err := p.out.Write(bytes); err != nil {
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
	}
}

// Close draws the last frame and shows the cursor again.
func (p *painter) Close() error {
	p.close.Do(func() {
		close(p.quit)
		<-p.gone
		p.mu.Lock()
		began := p.began
		p.mu.Unlock()
		if began {
			p.draw(true)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
