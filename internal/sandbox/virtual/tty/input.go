package tty

import (
	"context"
	"io"
)

// Type is the master's write: it types b on the terminal. It waits while the processes
// do not read, as a real terminal's flow control does; only a single line that
// is too long loses its end.
func (t *TTY) Type(ctx context.Context, b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := 0; n < len(b); n++ {
		for t.full() {
			if t.hungup {
				return n, io.ErrClosedPipe
			}
			if ctx.Err() != nil {
				return n, context.Cause(ctx)
			}
			_ = t.wait(ctx, nil) // the end is seen above
		}
		if t.hungup {
			return n, io.ErrClosedPipe
		}
		t.receive(b[n])
	}
	t.changed()
	return len(b), nil
}

// full says that the next byte has to wait: there is something to be read, and
// no room. With half a line alone nobody could ever read, so that goes on and
// receive drops input that does not fit.
func (t *TTY) full() bool {
	room := bufSize - 1 - t.held - len(t.cur)
	return room <= 0 && (len(t.lines) > 0 || !t.mode.local(ICANON))
}

// receive takes one typed byte through the input flags.
func (t *TTY) receive(c byte) {
	m := &t.mode
	if t.lnext {
		t.lnext = false
		t.add(c)
		return
	}
	if m.in(ISTRIP) {
		c &= 0x7f
	}
	switch {
	case c == '\r' && m.in(IGNCR):
		return
	case c == '\r' && m.in(ICRNL):
		c = '\n'
	case c == '\n' && m.in(INLCR):
		c = '\r'
	}
	if m.in(IXON) && t.flow(c) || m.local(ISIG) && t.interrupts(c) {
		return
	}
	if !m.local(ICANON) {
		t.echo(c)
		t.cur = append(t.cur, c)
		t.changed()
		return
	}
	t.canonical(c)
}

func (t *TTY) flow(c byte) bool {
	switch {
	case t.mode.is(c, VSTOP):
		t.stopped = true
	case t.mode.is(c, VSTART):
		t.stopped = false
		t.changed()
	default:
		if t.stopped && t.mode.in(IXANY) {
			t.stopped = false
			t.changed()
		}
		return false
	}
	return true
}

func (t *TTY) interrupts(c byte) bool {
	sig := 0
	switch {
	case t.mode.is(c, VINTR):
		sig = 2
	case t.mode.is(c, VQUIT):
		sig = 3
	case t.mode.is(c, VSUSP):
		sig = 20
	default:
		return false
	}
	if !t.mode.local(NOFLSH) {
		t.flush()
	}
	t.echo(c)
	if f := t.signal; f != nil {
		go f(sig) // the processes that it signals may want this terminal
	}
	return true
}

func (t *TTY) canonical(c byte) {
	m := &t.mode
	ext := m.local(IEXTEN)
	switch {
	case m.is(c, VERASE) || c == '\b':
		t.erase(1)
	case m.is(c, VKILL):
		t.erase(len(t.cur))
	case ext && m.is(c, VWERASE):
		t.erase(t.lastWord())
	case ext && m.is(c, VLNEXT):
		t.lnext = true
		if m.local(ECHO) && m.local(ECHOCTL) {
			t.out = append(t.out, '^', '\b')
		}
	case ext && m.is(c, VREPRINT):
		t.echo(c)
		t.show('\n')
		for _, x := range t.cur {
			t.show(x)
		}
	case m.is(c, VEOF):
		t.push(t.cur)
	case c == '\n':
		if m.local(ECHO) || m.local(ECHONL) {
			t.show('\n')
		}
		t.push(append(t.cur, '\n'))
	default:
		t.add(c)
	}
}

// add puts a plain byte into the line; the 4096th and later ones are dropped,
// echoed all the same.
func (t *TTY) add(c byte) {
	t.echo(c)
	if len(t.cur) < bufSize-1 {
		t.cur = append(t.cur, c)
	}
	t.changed()
}

func (t *TTY) push(b []byte) {
	t.lines, t.cur, t.held = append(t.lines, line{b}), nil, t.held+len(b)
	t.changed()
}

// erase takes back the last n bytes, and the rest of a UTF-8 character.
func (t *TTY) erase(n int) {
	for ; n > 0 && len(t.cur) > 0; n-- {
		last := len(t.cur) - 1
		for t.mode.in(IUTF8) && last > 0 && t.cur[last]&0xc0 == 0x80 {
			last--
		}
		c := t.cur[last]
		t.cur = t.cur[:last]
		if t.mode.local(ECHO) && t.mode.local(ECHOE) {
			t.out = append(t.out, "\b \b"...)
			if c < ' ' && t.mode.local(ECHOCTL) {
				t.out = append(t.out, "\b \b"...)
			}
		}
	}
	t.changed()
}

func (t *TTY) lastWord() int {
	i := len(t.cur)
	for i > 0 && t.cur[i-1] == ' ' {
		i--
	}
	for i > 0 && t.cur[i-1] != ' ' {
		i--
	}
	return len(t.cur) - i
}

func (t *TTY) echo(c byte) {
	if t.mode.local(ECHO) {
		t.show(c)
	}
}

// show echoes a byte. An echo that does not fit is lost, as it is in the kernel.
func (t *TTY) show(c byte) {
	if len(t.out) >= 2*outSize {
		return
	}
	if (c < ' ' && c != '\t' && c != '\n' || c == 0x7f) && t.mode.local(ECHOCTL) {
		t.out = append(t.out, '^', c^0x40)
	} else {
		t.put(c)
	}
	t.changed()
}
