package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Board shows the work on many containers at once. It stays readable at a hundred of them:
// those that are worked on, each with its phase and time, the failures, and the count of the
// others. In a pipe it is a line for each phase.
type Board struct {
	face  boardFace
	quiet bool

	mu    sync.Mutex
	seen  map[string]*sameWarning // by message
	texts []string                // of seen, in their order
}

// sameWarning is a warning that several containers may have.
type sameWarning struct {
	event.Event
	others int
}

// boardFace is a display of the board: live or plain. Its methods may be called from
// several goroutines.
type boardFace interface {
	event(i int, e event.Event) error
	aside(i int, line string)
	print(text string) error // whole lines
	ended(i int, e BoardEnd)
	add(name string)
	close() error
}

// BoardEnd is how the work on one container ended.
type BoardEnd struct {
	Result string // in a word or two, such as created
	Why    string // of a failure, in a line
	Failed bool
	Begun  bool
}

// NewBoard makes the board for containers of these names. verb is what is done to them.
func NewBoard(s *Streams, o Options, verb string, names []string) *Board {
	b := &Board{quiet: o.Quiet, seen: map[string]*sameWarning{}}
	if s.ErrTTY && !o.Quiet && !o.Verbose && !o.JSON && s.ci == "" {
		b.face = newLiveBoard(s, verb, names)
	} else {
		b.face = &plainBoard{err: s.Err, style: newStyles(s.ErrColor), names: names, quiet: o.Quiet || o.JSON, phase: make([]event.StepName, len(names))}
	}
	return b
}

// Add adds a container to the board, with the next index. Its events may be older than the
// board: they count from their own times.
func (b *Board) Add(name string) { b.face.add(name) }

// Member is the display of one container's runs.
func (b *Board) Member(i int) Display { return &member{board: b, i: i} }

// Writer prints lines that are no events of one container, with its name before each.
func (b *Board) Writer(name string) io.Writer { return &memberWriter{b, Clean(name) + ": "} }

// Ended tells the board that the work on a container has ended, or will not begin.
func (b *Board) Ended(i int, e BoardEnd) { b.face.ended(i, e) }

// Close shows the end and releases the terminal.
func (b *Board) Close() error {
	b.mu.Lock()
	for _, text := range b.texts {
		if w := b.seen[text]; w.others > 0 {
			_ = b.face.print(fmt.Sprintf("the warning %q came from %s too\n", oneLine(w.Message), others(w.others)))
		}
	}
	b.texts = nil
	b.mu.Unlock()
	return b.face.close()
}

func others(n int) string {
	if n == 1 {
		return "one other container"
	}
	return fmt.Sprintf("%d other containers", n)
}

// first reports whether no container had this warning before, and counts it.
func (b *Board) first(e event.Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.seen[e.Message]; w != nil {
		w.others++
		return false
	}
	b.seen[e.Message] = &sameWarning{Event: e}
	b.texts = append(b.texts, e.Message)
	return true
}

// member is the display of one container.
type member struct {
	board *Board
	i     int
}

func (m *member) Event(e event.Event) error {
	if e.Type == event.Warning && !m.board.first(e) {
		return nil
	}
	return m.board.face.event(m.i, e)
}

func (m *member) Aside(line string) { m.board.face.aside(m.i, line) }
func (m *member) ShowedTail() bool  { return false }
func (m *member) Close() error      { return nil }

type memberWriter struct {
	board  *Board
	before string
}

func (w *memberWriter) Write(p []byte) (int, error) {
	var text strings.Builder
	for line := range strings.Lines(string(p)) {
		text.WriteString(w.before + line)
	}
	if err := w.board.face.print(text.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plainBoard writes a line for each phase of each container, and one for its end.
type plainBoard struct {
	mu    sync.Mutex
	err   io.Writer
	style styles
	names []string
	quiet bool
	phase []event.StepName
	done  int
	bad   int
}

func (p *plainBoard) event(i int, e event.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Type == event.Warning:
	case p.quiet, e.Type == event.Error, e.Type == event.Log, e.Type == event.Complete:
		return nil
	case !e.Waiting && (e.Step == "" || e.Step == p.phase[i]):
		return nil
	}
	if e.Step != "" {
		p.phase[i] = e.Step
	}
	_, err := io.WriteString(p.err, Clean(p.names[i])+": "+plainLine(e, p.style)+"\n")
	return err
}

func (p *plainBoard) aside(i int, line string) {
	if !p.quiet {
		_ = p.print(Clean(p.names[i]) + ": " + oneLine(line) + "\n")
	}
}

func (p *plainBoard) print(text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.err, text)
	return err
}

func (p *plainBoard) ended(i int, e BoardEnd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if e.Failed && e.Begun {
		p.bad++
	}
	if p.quiet {
		return
	}
	count := fmt.Sprintf("%d of %d", p.done, len(p.names))
	if p.bad > 0 {
		count += fmt.Sprintf(", %d failed", p.bad)
	}
	line := fmt.Sprintf("%s: %s %s (%s)", Clean(p.names[i]), p.style.dim.Render(time.Now().UTC().Format(timeFormat)), Clean(e.Result), count)
	if e.Why != "" && !e.Begun {
		line += ": " + oneLine(e.Why)
	}
	_, _ = io.WriteString(p.err, line+"\n") // the next event meets the error
}

func (p *plainBoard) add(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names, p.phase = append(p.names, name), append(p.phase, "")
}

func (p *plainBoard) close() error { return nil }
