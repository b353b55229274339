package event

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"
)

// While a wait goes on, a line about it comes after each firstPause of silence. Once that
// has gone on for longPatience, each pause is twice as long, up to lastPause.
const (
	firstPause   = 3 * time.Second
	longPatience = time.Minute
	lastPause    = time.Minute
)

// Waiting keeps a run from looking stuck: while the run waits and reports nothing else,
// it reports what the run waits for, since when, and for how long at most. It is safe for
// concurrent use.
type Waiting struct {
	say func(Wait, string)

	mu     sync.Mutex
	open   []*Wait // the innermost wait is the last
	last   string  // the last message reported, and when
	lastAt time.Time
	heard  time.Time // the last report, or our own last line
	began  time.Time // the silence: the last report that was not our own
	pause  time.Duration
	saying bool // say is being called: the next call of Heard is about that very line
	timer  *time.Timer
}

// Wait is one thing that a run waits for.
type Wait struct {
	Step StepName
	What string        // "Proxmox to start container 100"; "": what was said last
	Most time.Duration // the time limit; 0 if it is not known
	from time.Time
}

// NewWaiting returns a Waiting that calls say with each line, on a goroutine of its own.
func NewWaiting(say func(w Wait, line string)) *Waiting {
	return &Waiting{say: say, pause: firstPause, heard: time.Now()}
}

// Begin starts a wait. done ends it and may be called twice.
func (w *Waiting) Begin(wait Wait) (done func()) {
	wait.from = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, &wait)
	// The silence before it counts, but a wait that is over at once is not worth a line.
	w.began, w.pause = time.Now(), firstPause
	w.after(max(firstPause-time.Since(w.heard), time.Second))
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

// Heard notes that something was reported, so that the silence begins anew. message is ""
// if it does not name anything that could be waited for.
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

// listen restarts the measuring of silence.
func (w *Waiting) listen() {
	w.heard, w.began, w.pause = time.Now(), time.Now(), firstPause
	if len(w.open) == 0 {
		return
	}
	w.after(w.pause)
}

func (w *Waiting) after(pause time.Duration) {
	if w.timer == nil {
		w.timer = time.AfterFunc(pause, w.silent)
		return
	}
	w.timer.Reset(pause)
}

// silent runs when the timer fires.
func (w *Waiting) silent() {
	w.mu.Lock()
	if len(w.open) == 0 || w.saying {
		w.mu.Unlock()
		return
	}
	if left := w.pause - time.Since(w.heard); left > 0 { // something was reported in the meantime
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
	w.heard = time.Now()
	if w.heard.Sub(w.began) >= longPatience {
		w.pause = min(2*w.pause, lastPause)
	}
	w.timer.Reset(w.pause)
	w.mu.Unlock()
}

// line returns "waiting for X (12 s of at most 90 s)". A message about a wait that came since
// this one began is more exact than its own words.
func (w Wait) line(last string, lastAt time.Time) string {
	what := "waiting for " + w.What
	if lastAt.After(w.from) && aboutWait(last) {
		what, w.from = last, lastAt
	} else if w.What == "" {
		what = cmp.Or(last, "waiting for an answer")
		if !aboutWait(what) {
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

// aboutWait reports whether a message says what is waited for, perhaps after the reason:
// "another run uses this console: waiting until it has ended".
func aboutWait(message string) bool {
	return strings.HasPrefix(message, "waiting ") || strings.Contains(message, ": waiting ")
}
