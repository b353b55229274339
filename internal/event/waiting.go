package event

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The pauses between two lines about one wait: silence lasts firstPause at most, and
// each further line comes after twice as long, up to lastPause.
const (
	firstPause = 3 * time.Second
	lastPause  = time.Minute
)

// Waiting breaks silence: while something is waited for and nothing else is said, it
// says what that is, since when, and for how long at most. It is safe for concurrent
// use.
type Waiting struct {
	say func(Wait, string)

	mu     sync.Mutex
	open   []*Wait // the innermost last
	last   string  // what was said last, and when
	lastAt time.Time
	heard  time.Time
	pause  time.Duration
	saying bool // the next thing heard is our own
	timer  *time.Timer
}

// Wait is one thing that is waited for.
type Wait struct {
	Step StepName
	What string        // "Proxmox to start container 100"; "": what was said last
	Most time.Duration // 0: not known
	from time.Time
}

// NewWaiting makes one that says its lines by say, on a goroutine of its own.
func NewWaiting(say func(w Wait, line string)) *Waiting {
	return &Waiting{say: say, pause: firstPause}
}

// Begin opens a wait; done, which may be called twice, ends it.
func (w *Waiting) Begin(wait Wait) (done func()) {
	wait.from = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, &wait)
	w.listen()
	return func() { w.end(&wait) }
}

func (w *Waiting) end(wait *Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, o := range w.open {
		if o == wait {
			w.open = append(w.open[:i], w.open[i+1:]...)
			break
		}
	}
	if len(w.open) == 0 && w.timer != nil {
		w.timer.Stop()
	}
}

// Heard notes that something was said. message may be "", for what names nothing that
// could be waited for.
func (w *Waiting) Heard(message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.saying {
		return
	}
	if message != "" {
		w.last, w.lastAt = message, time.Now()
	}
	w.listen()
}

// listen begins the silence anew.
func (w *Waiting) listen() {
	w.heard, w.pause = time.Now(), firstPause
	if len(w.open) == 0 {
		return
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(w.pause, w.silent)
		return
	}
	w.timer.Reset(w.pause)
}

// silent is the timer's.
func (w *Waiting) silent() {
	w.mu.Lock()
	if len(w.open) == 0 || w.saying {
		w.mu.Unlock()
		return
	}
	if left := w.pause - time.Since(w.heard); left > 0 { // something was said meanwhile
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	now := *w.open[len(w.open)-1]
	line := now.line(w.last, w.lastAt)
	w.saying = true
	w.mu.Unlock()
	w.say(now, line)
	w.mu.Lock()
	w.saying = false
	w.heard, w.pause = time.Now(), min(2*w.pause, lastPause)
	w.timer.Reset(w.pause)
	w.mu.Unlock()
}

// line is "waiting for X (12 s of at most 90 s)".
func (w Wait) line(last string, lastAt time.Time) string {
	what := "waiting for " + w.What
	if w.What == "" {
		what = cmp.Or(last, "waiting for an answer")
		if !strings.HasPrefix(what, "waiting ") {
			what = "still at it: " + what
		}
		if lastAt.After(w.from) {
			w.from = lastAt
		}
	}
	waited := time.Since(w.from).Round(time.Second) / time.Second
	if w.Most == 0 {
		return fmt.Sprintf("%s (%d s)", what, waited)
	}
	return fmt.Sprintf("%s (%d s of at most %d s)", what, waited, w.Most.Round(time.Second)/time.Second)
}
