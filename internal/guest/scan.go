package guest

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// scanner splits one stream of a link at the agent's sentinels.
type scanner struct {
	r    io.Reader
	mark []byte // "<nonce> "
	buf  []byte // read, not passed on yet
	tmp  [32 << 10]byte
}

func newScanner(r io.Reader, nonce string) *scanner {
	return &scanner{r: r, mark: []byte(nonce + " ")}
}

// next copies to w up to the sentinel and returns its status. It keeps at most one read in
// memory, whatever the program prints. An error of w is returned at once, as an ownError.
func (s *scanner) next(w io.Writer) (int, error) {
	for {
		if status, rest, ok, err := s.sentinel(w); ok || err != nil {
			s.buf = rest
			return status, err
		}
		n, err := s.r.Read(s.tmp[:])
		s.buf = append(s.buf, s.tmp[:n]...)
		if n == 0 && err != nil {
			if len(s.buf) > 0 {
				_ = put(w, s.buf) // the last output may say why
				s.buf = nil
			}
			return 0, err
		}
	}
}

// sentinel passes on all bytes that cannot be part of a sentinel, and reads a whole one.
func (s *scanner) sentinel(w io.Writer) (status int, rest []byte, ok bool, err error) {
	i := bytes.Index(s.buf, s.mark)
	if i < 0 {
		keep := overlap(s.buf, s.mark)
		err = put(w, s.buf[:len(s.buf)-keep])
		s.buf = append(s.buf[:0], s.buf[len(s.buf)-keep:]...)
		return 0, s.buf, false, err
	}
	if err := put(w, s.buf[:i]); err != nil {
		return 0, nil, false, err
	}
	s.buf = append(s.buf[:0], s.buf[i:]...)
	line, after, whole := bytes.Cut(s.buf[len(s.mark):], []byte("\n"))
	if !whole {
		if len(line) > 16 {
			return 0, nil, false, fmt.Errorf("a sentinel without an end")
		}
		return 0, s.buf, false, nil
	}
	status, err = strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil {
		return 0, nil, false, fmt.Errorf("a sentinel without a status: %q", line)
	}
	return status, append([]byte(nil), after...), true, nil
}

// overlap is the length of the longest end of b with which mark begins.
func overlap(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasPrefix(mark, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

func put(w io.Writer, p []byte) error {
	if w == nil || len(p) == 0 {
		return nil
	}
	if _, err := w.Write(p); err != nil {
		return &ownError{err}
	}
	return nil
}

// tail keeps the last bytes written to it, for error messages.
type tail struct{ b []byte }

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	if len(p) >= tailSize {
		t.b = append(t.b[:0], p[len(p)-tailSize:]...)
		return len(p), nil
	}
	if over := len(t.b) + len(p) - tailSize; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	t.b = append(t.b, p...)
	return len(p), nil
}

// String is the tail with its blanks trimmed and control bytes made visible.
func (t *tail) String() string {
	s := strings.ToValidUTF8(strings.TrimSpace(string(t.b)), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, s)
}

// lockedTail is a tail that can be written and read at the same time.
type lockedTail struct {
	mu sync.Mutex
	t  tail
}

func (l *lockedTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.t.Write(p)
}

func (l *lockedTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.t.String()
}
