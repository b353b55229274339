package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/event"
)

// liveBoard is the board for a person.
type liveBoard struct {
	painter
	model boardModel
}

func newLiveBoard(s *Streams, verb string, names []string) *liveBoard {
	l := prepareBoard(s, verb, names, time.Now)
	go l.loop()
	return l
}

// prepareBoard makes a board without a goroutine that draws.
func prepareBoard(s *Streams, verb string, names []string, now func() time.Time) *liveBoard {
	l := &liveBoard{painter: newPainter(s, now), model: boardModel{verb: verb, start: now()}}
	for _, name := range names {
		l.model.members = append(l.model.members, boardMember{name: Clean(name), model: newModel(now())})
	}
	l.lines = l.model.lines
	return l
}

func (l *liveBoard) event(i int, e event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	m := &l.model.members[i]
	if !m.model.began {
		m.state = running
		l.model.begun++
		m.turn = l.model.begun
	}
	m.model.apply(e, m.at(e, l.now()))
	if e.Type == event.Warning {
		lines := warningLines(e, l.style)
		lines[0] = m.name + ": " + lines[0]
		l.above = append(l.above, lines...)
	}
	l.begin()
	return nil
}

func (l *liveBoard) aside(i int, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := &l.model.members[i].model; m.current >= 0 {
		m.phases[m.current].message = line
	}
}

func (l *liveBoard) print(text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.above = append(l.above, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	l.begin()
	return l.err
}

func (l *liveBoard) ended(i int, e BoardEnd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &l.model.members[i]
	m.end, m.over = e, l.now()
	switch {
	case e.Failed && e.Begun:
		m.state = failed
	case e.Failed:
		m.state = unbegun
	default:
		m.state = done
	}
	l.begin()
}

func (l *liveBoard) add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.model.members = append(l.model.members, boardMember{name: Clean(name), model: newModel(l.now()), replayed: true})
	l.begin()
}

func (l *liveBoard) close() error { return l.Close() }

// boardModel is what the board shows.
type boardModel struct {
	verb    string
	start   time.Time
	members []boardMember
	begun   int
}

// boardMember is one container.
type boardMember struct {
	name  string
	state state // pending: not begun yet
	turn  int   // the order in which they were begun, from 1
	model model // of its run
	end   BoardEnd
	over  time.Time

	replayed bool // its events may be older than the board
}

// at is the time of an event for the board.
func (m *boardMember) at(e event.Event, now time.Time) time.Time {
	if !m.replayed {
		return now
	}
	return eventTime(e, m.model.began, now)
}

// eventTime is the time of a replayed event; of the first one, the time at which its run began.
// The clock of the other machine may be ahead of this one.
func eventTime(e event.Event, began bool, now time.Time) time.Time {
	at := e.Timestamp
	if !began {
		at = at.Add(-time.Duration(e.ElapsedMs) * time.Millisecond)
	}
	if e.Timestamp.IsZero() || at.After(now) {
		return now
	}
	return at
}

func (b *boardModel) count(s state) (n int) {
	for _, m := range b.members {
		if m.state == s {
			n++
		}
	}
	return n
}

// of are the containers in a state, in the order in which they were begun.
func (b *boardModel) of(s state) (out []*boardMember) {
	for i := range b.members {
		if b.members[i].state == s {
			out = append(out, &b.members[i])
		}
	}
	slices.SortStableFunc(out, func(x, y *boardMember) int { return x.turn - y.turn })
	return out
}

// lines draws the board: a head with the counts, the failures, and what is worked on. If the
// window is too low for all, the failures take at most a third of it.
func (b *boardModel) lines(columns, rows int, now time.Time, st styles, last bool) []string {
	width := max(1, min(columns-1, maxWidth))
	out := []string{b.head(width, now, st)}
	room := max(rows-3, 1) // without the head, the cursor's line, and a line of the scrollback
	bad := append(b.of(failed), b.of(unbegun)...)
	work := b.of(running)
	most := room
	if len(bad)+len(work) > room {
		most = max(room/3, room-len(work), 1)
	}
	nameRoom := b.nameRoom(width)
	out = append(out, listed(bad, most, width, "more have failed or were not begun", st, func(m *boardMember) string { return m.failure(nameRoom, width, st) })...)
	room -= len(out) - 1
	if !last {
		out = append(out, listed(work, room, width, "more are worked on", st, func(m *boardMember) string { return m.working(nameRoom, width, now, st) })...)
	}
	return out
}

// listed are the lines of at most so many containers. The last line says how many others
// there are; of failures the newest count, and of running ones the oldest.
func listed(list []*boardMember, most, width int, more string, st styles, line func(*boardMember) string) (out []string) {
	if most < 1 || len(list) == 0 {
		return nil
	}
	shown := list
	if len(list) > most {
		shown = list[:most-1]
	}
	for _, m := range shown {
		out = append(out, line(m))
	}
	if n := len(list) - len(shown); n > 0 {
		out = append(out, cut(st.dim.Render(fmt.Sprintf("  and %d %s", n, more)), width))
	}
	return out
}

// nameRoom is the width of the names: that of the longest, at most a third of the line.
func (b *boardModel) nameRoom(width int) int {
	room := 0
	for _, m := range b.members {
		room = max(room, ansi.StringWidth(m.name))
	}
	return max(min(room, width/3), 1)
}

// head shows what is done, and how many containers have come how far.
func (b *boardModel) head(width int, now time.Time, st styles) string {
	total, good, bad := len(b.members), b.count(done), b.count(failed)
	ended := good + bad + b.count(unbegun)
	right := fmt.Sprintf("%d/%d  %s", ended, total, clockTime(now.Sub(b.start)))
	if width >= barFrom+20 && total > 0 {
		full := ended * barWidth / total
		right = st.accent.Render(strings.Repeat("━", full)) + st.dim.Render(strings.Repeat("─", barWidth-full)) + " " + right
	}
	title := st.bold.Render(b.verb)
	for _, part := range []struct {
		n    int
		text string
		ink  interface{ Render(...string) string }
	}{{good, "done", st.ok}, {bad, "failed", st.bad}, {b.count(unbegun), "not begun", st.warn}, {b.count(running), "at work", st.plain}, {b.count(pending), "to come", st.dim}} {
		text := fmt.Sprintf("%d %s", part.n, part.text)
		if part.n > 0 && ansi.StringWidth(title)+2+len(text)+1+ansi.StringWidth(right) <= width { // a count that is cut would be wrong
			title += "  " + part.ink.Render(text)
		}
	}
	return spread(title, right, width)
}

// working is the line of a container that is worked on.
func (m *boardMember) working(nameRoom, width int, now time.Time, st styles) string {
	frame := int(now.Sub(m.model.start)/frameEvery) % len(spinner)
	left := st.accent.Render(spinner[max(0, frame)]) + " " + st.bold.Render(pad(cut(m.name, nameRoom), nameRoom))
	if m.model.current >= 0 {
		p := &m.model.phases[m.model.current]
		if width >= detailFrom {
			left += " " + pad(string(p.name), nameWidth)
		}
		if detail := p.detail(); detail != "" && width >= barFrom-10 {
			left += st.dim.Render(detail)
		}
	}
	return spread(left, st.dim.Render(clockTime(now.Sub(m.model.start))), width)
}

// failure is the line of a container that failed, or was not begun.
func (m *boardMember) failure(nameRoom, width int, st styles) string {
	mark, ink, took := "✗", st.bad, ""
	if m.state == unbegun {
		mark, ink = "!", st.warn
	} else if m.model.began {
		took = shortTime(m.over.Sub(m.model.start))
	}
	why := m.end.Why
	if why == "" {
		why = m.end.Result
	}
	left := ink.Render(mark) + " " + ink.Render(pad(cut(m.name, nameRoom), nameRoom)) + " " + oneLine(why)
	return spread(left, st.dim.Render(took), width)
}
