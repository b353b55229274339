package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Resizer is a console's connection that can set the size of the window.
type Resizer interface {
	Resize(cols, rows int) error
}

// Terminal is the console itself, given to one program: what is typed goes to the program
// as it is, and what the console prints comes from it. The pump waits meanwhile, so no
// channel works. Nothing tells whether the other end still lives, except the connection.
type Terminal struct {
	mux  *Mux
	mark []byte // begins the pump's word for the program's end

	mu    sync.Mutex
	more  *sync.Cond
	ready []byte // printed, not read yet
	held  []byte // perhaps the beginning of mark
	over  bool   // the program has ended
	err   error  // the mux has ended
	gone  bool   // nobody reads

	begun     chan struct{}
	beginOnce sync.Once
	ended     chan struct{} // closed with over
}

// Terminal has the pump run a shell program, which it reads from that file of the guest, on
// the console. The connection must not be shared with anybody who types.
func (m *Mux) Terminal(path string) (*Terminal, error) {
	t := &Terminal{mux: m, mark: []byte("~" + m.tag + " u;"), begun: make(chan struct{}), ended: make(chan struct{})}
	t.more = sync.NewCond(&t.mu)
	m.mu.Lock()
	err := m.err
	if m.terminal != nil && err == nil {
		err = errors.New("another program has the console")
	}
	if err == nil {
		m.terminal = t
	}
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := m.insist(t.begun, nil, "t %s", path); err != nil {
		return nil, err
	}
	m.write.Lock()
	defer m.write.Unlock()
	m.lent = true // from here on the program would read what we say to the pump
	if _, err := io.WriteString(m.conn, pumpLine(m.tag, "g")); err != nil {
		m.fail(err)
		return nil, err
	}
	return t, nil
}

// show handles what the console prints. It returns what comes after the program's end.
func (t *Terminal) show(b []byte) (rest []byte, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.more.Broadcast()
	all := append(t.held, b...)
	if i := bytes.Index(all, t.mark); i >= 0 {
		t.ready, t.held, t.over = append(t.ready, all[:i]...), nil, true
		close(t.ended)
		return all[i+len(t.mark):], true
	}
	keep := overlap(all, t.mark)
	t.ready = append(t.ready, all[:len(all)-keep]...)
	t.held = append([]byte(nil), all[len(all)-keep:]...)
	if t.gone {
		t.ready = nil
	}
	for len(t.ready) > maxUnread && t.err == nil && !t.gone { // its reader is slow: so is the console, then
		t.more.Wait()
	}
	return nil, false
}

// maxUnread is how much of a program's output waits for its reader, in bytes.
const maxUnread = 1 << 20

func (t *Terminal) fail(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	t.more.Broadcast()
}

// Read returns what the program prints, and io.EOF after its end.
func (t *Terminal) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ready) == 0 && !t.over && t.err == nil {
		t.more.Wait()
	}
	switch {
	case len(t.ready) > 0:
		n := copy(p, t.ready)
		t.ready = t.ready[n:]
		t.more.Broadcast()
		return n, nil
	case t.over:
		return 0, io.EOF
	}
	return 0, t.err
}

// Discard drops what the program prints from now on.
func (t *Terminal) Discard() {
	t.mu.Lock()
	t.gone, t.ready = true, nil
	t.mu.Unlock()
	t.more.Broadcast()
}

// Write types p.
func (t *Terminal) Write(p []byte) (int, error) {
	t.mux.write.Lock()
	defer t.mux.write.Unlock()
	if !t.mux.lent {
		return 0, io.ErrClosedPipe
	}
	n, err := t.mux.conn.Write(p)
	if err != nil {
		t.mux.fail(err)
	}
	return n, err
}

// Ended is closed when the program has ended.
func (t *Terminal) Ended() <-chan struct{} { return t.ended }

// Resize sets the size of the console's window.
func (t *Terminal) Resize(cols, rows int) error {
	r, ok := t.mux.conn.(Resizer)
	if !ok {
		return fmt.Errorf("cannot set the size of this console: %w", errors.ErrUnsupported)
	}
	return r.Resize(cols, rows)
}
