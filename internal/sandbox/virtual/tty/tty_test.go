package tty

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func typ(t *testing.T, x *TTY, text string) {
	t.Helper()
	if _, err := x.Type(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, x *TTY, size int) string {
	t.Helper()
	b := make([]byte, size)
	n, err := x.ReadContext(t.Context(), b)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(b[:n])
}

// shown is what the terminal shows now.
func shown(t *testing.T, x *TTY) string {
	t.Helper()
	var all []byte
	b := make([]byte, 64<<10)
	for {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n, err := x.Show(ctx, b)
		all = append(all, b[:n]...)
		if err != nil {
			return string(all)
		}
	}
}

func TestCanonical(t *testing.T) {
	for name, tc := range map[string]struct{ typed, read, shown string }{
		"line":     {"ab\r", "ab\n", "ab\r\n"},
		"erase":    {"abx\x7fc\n", "abc\n", "abx\b \bc\r\n"},
		"kill":     {"ab\x15c\n", "c\n", "ab\b \b\b \bc\r\n"},
		"word":     {"ab cd \x17e\n", "ab e\n", "ab cd \b \b\b \b\b \be\r\n"},
		"literal":  {"a\x16\x03b\n", "a\x03b\n", "a^\b^Cb\r\n"},
		"control":  {"\x01\t\n", "\x01\t\n", "^A\t\r\n"},
		"eof":      {"ab\x04", "ab", "ab"},
		"eof only": {"\x04", "", ""},
		"flow":     {"a\x11b\n", "ab\n", "ab\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			x := New("tty1")
			typ(t, x, tc.typed)
			if got := read(t, x, 100); got != tc.read {
				t.Errorf("read %q", got)
			}
			if got := shown(t, x); got != tc.shown {
				t.Errorf("shown %q", got)
			}
		})
	}
}

// A read takes one line at most, and the rest of one that did not fit.
func TestReadOneLine(t *testing.T) {
	x := New("tty1")
	typ(t, x, "one\ntwo\n")
	for _, want := range []string{"on", "e\n", "tw"} {
		if got := read(t, x, 2); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// Linux keeps 4095 bytes of a line, and its end.
func TestLineLimit(t *testing.T) {
	for _, n := range []int{4094, 4095, 4096, 64 << 10} {
		x := New("tty1")
		typ(t, x, strings.Repeat("x", n)+"\n")
		if got := read(t, x, 100_000); len(got) != min(n, 4095)+1 || !strings.HasSuffix(got, "x\n") {
			t.Errorf("%d: %d bytes", n, len(got))
		}
		typ(t, x, "next\n")
		if got := read(t, x, 100); got != "next\n" {
			t.Errorf("%q", got)
		}
		if got := shown(t, x); n <= 4096 && !strings.HasPrefix(got, strings.Repeat("x", n)+"\r\n") {
			t.Errorf("%d: not all was echoed", n)
		}
	}
}

func TestRaw(t *testing.T) {
	x := New("tty1")
	m := Sane().Raw()
	m.Lflag &^= ECHO
	x.SetMode(m)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	typ(t, x, string(all))
	if got := read(t, x, 1000); got != string(all) {
		t.Errorf("read %q", got)
	}
	if _, err := x.Write(all); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, x); got != string(all) {
		t.Errorf("shown %q", got)
	}
}

// What is typed in one mode is there in the other.
func TestModeSwitch(t *testing.T) {
	x := New("tty1")
	typ(t, x, "one\ntw")
	x.SetMode(Sane().Raw())
	if got := read(t, x, 100); got != "one\ntw" {
		t.Errorf("%q", got)
	}
	typ(t, x, "o\rmore")
	x.SetMode(Sane())
	typ(t, x, "!\n")
	if got := read(t, x, 100) + "|" + read(t, x, 100); got != "o\rmore|!\n" {
		t.Errorf("%q", got)
	}
}

// Nobody reads: the one who types waits, and nothing is lost.
func TestFlowControl(t *testing.T) {
	for name, mode := range map[string]Termios{"canonical": Sane(), "raw": Sane().Raw()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := New("tty1")
				mode.Lflag &^= ECHO
				x.SetMode(mode)
				want := strings.Repeat(strings.Repeat("y", 999)+"\n", 50)
				done := false
				go func() {
					_, _ = x.Type(t.Context(), []byte(want))
					done = true
				}()
				synctest.Wait()
				if done {
					t.Error("50,000 bytes fitted into a terminal that nobody reads")
				}
				var got bytes.Buffer
				for got.Len() < len(want) {
					got.WriteString(read(t, x, 700))
				}
				synctest.Wait()
				if !done || got.String() != want {
					t.Errorf("done %t, %d bytes", done, got.Len())
				}
			})
		})
	}
}

func TestSignals(t *testing.T) {
	x := New("tty1")
	sigs := make(chan int, 3)
	x.OnSignal(func(s int) { sigs <- s })
	typ(t, x, "half\x03\x1c\x1a")
	got := map[int]bool{<-sigs: true, <-sigs: true, <-sigs: true}
	if !got[2] || !got[3] || !got[20] {
		t.Errorf("%v", got)
	}
	typ(t, x, "new\n")
	if got := read(t, x, 100); got != "new\n" {
		t.Errorf("what stood before ^C: %q", got)
	}
	if got := shown(t, x); got != "half^C^\\^Znew\r\n" {
		t.Errorf("%q", got)
	}
	x.SetSize(100, 30)
	if s := <-sigs; s != 28 {
		t.Errorf("signal %d", s)
	}
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New("tty1")
		typ(t, x, "\x13")
		done := make(chan error, 1)
		go func() {
			_, err := x.WriteContext(t.Context(), []byte("late"))
			done <- err
		}()
		synctest.Wait()
		if got := shown(t, x); got != "" {
			t.Errorf("after ^S: %q", got)
		}
		typ(t, x, "\x11")
		if err := <-done; err != nil || shown(t, x) != "late" {
			t.Error(err)
		}
	})
}

func TestMinTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := New("tty1")
		m := Sane().Raw()
		m.Cc[VMIN], m.Cc[VTIME] = 0, 20
		x.SetMode(m)
		before := time.Now()
		if n, err := x.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) || time.Since(before) != 2*time.Second {
			t.Errorf("%d, %v after %v", n, err, time.Since(before))
		}
		m.Cc[VMIN] = 3
		x.SetMode(m)
		go func() {
			typ(t, x, "ab")
			time.Sleep(time.Second)
			typ(t, x, "cd")
		}()
		if got := read(t, x, 10); got != "abcd" {
			t.Errorf("%q", got)
		}
	})
}

func TestHangup(t *testing.T) {
	x := New("tty1")
	if _, err := x.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	x.Hangup()
	if _, err := x.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read: %v", err)
	}
	if _, err := x.Write([]byte("x")); err == nil {
		t.Error("a write into nothing")
	}
	if _, err := x.Type(t.Context(), []byte("x")); err == nil {
		t.Error("typed into nothing")
	}
	b := make([]byte, 100)
	if n, err := x.Show(t.Context(), b); string(b[:n]) != "last\r\n" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	if _, err := x.Show(t.Context(), b); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// FuzzType: whatever is typed, no read returns more than the kernel's buffer,
// and the terminal goes on.
func FuzzType(f *testing.F) {
	f.Add([]byte("ab\x7f\x15\x16\x03\x04\r\n\x13\x11"), false)
	f.Add([]byte{0, 255, 26, 28}, true)
	f.Fuzz(func(t *testing.T, b []byte, raw bool) {
		x := New("tty1")
		if raw {
			x.SetMode(Sane().Raw())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			_, _ = x.Type(ctx, b)
			x.SetMode(Sane())
			_, _ = x.Type(ctx, []byte("\x11\nend\n"))
		}()
		buf := make([]byte, 100_000)
		for {
			n, err := x.ReadContext(ctx, buf)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if n > bufSize {
				t.Fatalf("a line of %d bytes", n)
			}
			if strings.HasSuffix(string(buf[:n]), "end\n") {
				return
			}
		}
	})
}
