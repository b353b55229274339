package event

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxLine is the longest message of one log event, in bytes. A longer line is
	// continued in further events, cut between characters.
	maxLine = 1 << 20
	// calm is the interval at which the states of a progress bar are shown.
	calm = time.Second
	// idle is how long the end of the output may be held back because it could be the
	// beginning of a secret.
	idle = 300 * time.Millisecond
)

// Lines turns a program's output into log events, one for each line, and redacts the
// output before cutting it. If a line is rewritten by carriage returns, its last state
// counts, and at most one state a second is shown meanwhile. Invalid UTF-8 and NUL are
// replaced. Stdout and stderr are kept apart. It is safe for concurrent use.
type Lines struct {
	bus      *Bus
	template Event

	mu      sync.Mutex
	streams map[string]*stream
	err     error // of the required sink, from a line emitted by a timer
}

// Lines makes log events from output, each a copy of template with Stream and
// Message set. The type is Log if the template has none.
func (b *Bus) Lines(template Event) *Lines {
	if template.Type == "" {
		template.Type = Log
	}
	return &Lines{bus: b, template: template, streams: map[string]*stream{}}
}

// Writer takes the output of one stream, in chunks of any size. Its error is that of the
// required sink.
func (l *Lines) Writer(name string) io.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stream(name)
}

// Add is Writer for output at a known position: p begins at byte at of the program's
// stream. The event that ends a line then carries the position up to which the stream is
// on record, so that another process can continue from there.
func (l *Lines) Add(name string, at int64, p []byte) error {
	l.mu.Lock()
	s := l.stream(name)
	for i, b := range p {
		if b == '\n' {
			s.ends = append(s.ends, at+int64(i)+1)
		}
	}
	l.mu.Unlock()
	_, err := s.Write(p)
	return err
}

// stream returns the state of one output. The caller holds the lock.
func (l *Lines) stream(name string) *stream {
	s := l.streams[name]
	if s != nil {
		return s
	}
	s = &stream{lines: l, redactor: redactor{secrets: l.bus.Secrets()}}
	s.cutter.emit = func(line string) {
		e := l.template
		e.Stream, e.Message, e.Offset = name, line, s.told
		s.told = 0
		if err := l.bus.Emit(e); err != nil && l.err == nil {
			l.err = err
		}
	}
	// Redaction keeps the number of line ends, so each end can be matched with its
	// offset.
	s.cutter.ended = func() {
		if len(s.ends) > 0 {
			s.told, s.ends = s.ends[0], s.ends[1:]
		}
	}
	l.streams[name] = s
	return s
}

// Flush ends the output: it emits last lines without a line end, and redacts the
// beginning of a secret at the very end.
func (l *Lines) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range []string{Stdout, Stderr} {
		if s := l.streams[name]; s != nil {
			s.end()
		}
	}
	for name, s := range l.streams {
		if name != Stdout && name != Stderr {
			s.end()
		}
	}
	return l.err
}

// stream is one of a program's outputs. It is redacted first, then cut.
type stream struct {
	lines    *Lines
	redactor redactor
	cutter   cutter
	timer    *time.Timer
	buf      []byte
	ends     []int64 // the offsets of line ends that were not emitted yet
	told     int64   // the offset of the line end that is emitted next; 0: not known, or the line continues
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	s.buf = s.redactor.write(s.buf[:0], p)
	s.cutter.add(s.buf)
	if cap(s.buf) > maxLine {
		s.buf = nil
	}
	if len(s.redactor.held) > 0 {
		s.arm()
	}
	return len(p), s.lines.err
}

// arm makes settle run soon, unless more output comes.
func (s *stream) arm() {
	if s.timer == nil {
		s.timer = time.AfterFunc(idle, s.settle)
		return
	}
	s.timer.Reset(idle)
}

func (s *stream) settle() {
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	s.cutter.add(s.redactor.settle(nil))
}

func (s *stream) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.cutter.add(s.redactor.finish(nil))
	s.cutter.flush()
}

// cutter cuts redacted output into lines.
type cutter struct {
	emit  func(line string)
	ended func() // called at each line end, before the line itself is emitted
	line  []byte // the current state of the current line
	cr    bool   // the last byte was a carriage return
	last  []byte // the previous state, while a line is rewritten
	shown time.Time
	said  string // the state that was shown; "" if none was
}

func (c *cutter) add(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			c.text(p)
			return
		}
		if i > 0 {
			c.text(p[:i])
		}
		if p[i] == '\n' {
			c.ended()
			c.end()
		} else {
			c.cr = true
		}
		p = p[i+1:]
	}
}

// text adds to the current line. After a carriage return it begins a new state.
func (c *cutter) text(p []byte) {
	if c.cr {
		c.rewrite()
	}
	for len(c.line)+len(p) > maxLine {
		n := maxLine - len(c.line)
		c.line = append(c.line, p[:n]...)
		p = p[n:]
		cut := boundary(c.line)
		rest := append([]byte(nil), c.line[cut:]...)
		c.say(clean(c.line[:cut]))
		c.line = append(c.line[:0], rest...)
	}
	c.line = append(c.line, p...)
}

// rewrite replaces the current state by the next one. It shows the current state if the
// last one was shown long enough ago.
func (c *cutter) rewrite() {
	c.cr = false
	if blank(c.line) {
		c.line = c.line[:0]
		return
	}
	now := time.Now()
	switch {
	case c.shown.IsZero():
		c.shown = now
	case now.Sub(c.shown) >= calm:
		c.shown, c.said = now, clean(c.line)
		c.emit(c.said)
	}
	c.last = append(c.last[:0], c.line...)
	c.line = c.line[:0]
}

// end ends the line with the last state that is not blank.
func (c *cutter) end() {
	state := c.line
	if blank(state) && len(c.last) > 0 {
		state = c.last
	}
	if text := clean(state); c.said == "" || text != c.said {
		c.emit(text)
	}
	c.reset()
}

func (c *cutter) say(text string) {
	c.emit(text)
	c.last, c.said, c.shown = c.last[:0], "", time.Time{}
}

func (c *cutter) reset() {
	c.line, c.last, c.cr, c.said, c.shown = c.line[:0], c.last[:0], false, "", time.Time{}
	if cap(c.line) > 64<<10 {
		c.line = nil // do not keep the memory of one long line
	}
}

// flush emits a last line without a line end.
func (c *cutter) flush() {
	if len(c.line) > 0 || len(c.last) > 0 {
		c.end()
	}
	c.reset()
}

func blank(p []byte) bool { return len(bytes.TrimSpace(p)) == 0 }

// boundary is the position at which p can be cut without splitting a character.
func boundary(p []byte) int {
	for back := 1; back < utf8.UTFMax && back < len(p); back++ {
		if b := p[len(p)-back]; utf8.RuneStart(b) {
			if !utf8.FullRune(p[len(p)-back:]) {
				return len(p) - back
			}
			break
		}
	}
	return len(p)
}

// clean makes valid UTF-8 without NUL.
func clean(p []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(p), "\uFFFD"), "\x00", "\u2400")
}
