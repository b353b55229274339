package console

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// pipe is a terminal with both sides in the test's hands.
type pipe struct {
	io.Reader
	show  *io.PipeWriter
	typed bytes.Buffer
	size  string
}

func newPipe() *pipe {
	r, w := io.Pipe()
	return &pipe{Reader: r, show: w}
}

func (p *pipe) Write(b []byte) (int, error) { return p.typed.Write(b) }
func (p *pipe) Close() error                { return p.show.Close() }

func (p *pipe) Resize(cols, rows int) error {
	p.size = fmt.Sprint(cols, "x", rows)
	return nil
}

// next returns the next n bytes that a view shows.
func next(t *testing.T, v *View, n int) string {
	t.Helper()
	b := make([]byte, n)
	for got := 0; got < n; {
		k, err := v.Read(t.Context(), b[got:])
		if err != nil {
			t.Fatalf("%v after %q", err, b[:got])
		}
		got += k
	}
	return string(b)
}

func show(t *testing.T, p *pipe, text string) {
	t.Helper()
	if _, err := io.WriteString(p.show, text); err != nil {
		t.Fatal(err)
	}
}

func TestSession(t *testing.T) {
	p := newPipe()
	s := New(p)
	a, _ := s.Attach()
	next(t, a, len(attached))
	show(t, p, "one")
	if got := next(t, a, 3); got != "one" {
		t.Errorf("%q", got)
	}
	b, _ := s.Attach()
	if got := next(t, b, len(attached)); got != attached {
		t.Errorf("something old: %q", got)
	}
	show(t, p, "two")
	if x, y := next(t, a, 3), next(t, b, 3); x != "two" || y != "two" {
		t.Errorf("%q %q", x, y)
	}
	a.Close()
	if _, err := a.Read(t.Context(), make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	b.Close()
	show(t, p, "nobody") // returns, because it is still read
	show(t, p, "")       // is read only after that was passed on
	c, _ := s.Attach()
	show(t, p, "three")
	if got := next(t, c, len(attached)+5); !strings.HasSuffix(got, "three") {
		t.Errorf("%q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, c, len(terminated)); got != terminated {
		t.Errorf("%q", got)
	}
	<-s.Done()
	if _, ok := s.Attach(); ok {
		t.Error("attached to what has ended")
	}
}

// TestSlowView: a viewer who does not read delays nobody else.
func TestSlowView(t *testing.T) {
	p := newPipe()
	s := New(p)
	slow, _ := s.Attach()
	quick, _ := s.Attach()
	next(t, quick, len(attached))
	const chunk = 4096
	for range 4 * viewSize / chunk {
		show(t, p, strings.Repeat("x", chunk))
		next(t, quick, chunk)
	}
	quick.Close()
	if got := next(t, slow, viewSize); len(got) != viewSize {
		t.Error(len(got))
	}
}

func TestFrames(t *testing.T) {
	const text = "20:3:a:b1:80:24:20:0:x0:5:12345"
	for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "pieces": iotest.OneByteReader} {
		p := newPipe()
		err := Frames(bufio.NewReader(wrap(strings.NewReader(text))), p, p.Resize)
		if !errors.Is(err, io.EOF) || p.typed.String() != "a:b12345" || p.size != "80x24" {
			t.Errorf("%s: %v, %q, %s", name, err, p.typed.String(), p.size)
		}
	}
	for _, bad := range []string{"0:x:", "0::", "0:99999999999:", "1:1:", "0", "05:x", "1:-1:2:"} {
		if err := Frames(bufio.NewReader(strings.NewReader(bad)), io.Discard, newPipe().Resize); err == nil || !errors.Is(err, errFrame) && !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzFrames checks that the output is never longer than the input.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("0:3:abc1:80:24:2"))
	f.Add([]byte("0:0:0:99999:x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPipe()
		if err := Frames(bufio.NewReader(bytes.NewReader(b)), p, p.Resize); err == nil || p.typed.Len() > len(b) {
			t.Errorf("%v, %d of %d bytes", err, p.typed.Len(), len(b))
		}
	})
}
