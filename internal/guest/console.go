package guest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// consoleWay opens links over the container's console: one console for all of
// them.
type consoleWay struct {
	trait
	o      Options
	target Target
	limits limits
	boots  bool // the container was started while this way was opened

	mu     sync.Mutex
	pump   *pumped
	tag    string // of the pump that this way started last
	logged bool   // the shell that is there is of its login
	closed bool
}

// openConsole waits until the container runs, then goes to its console.
func openConsole(ctx context.Context, t Target, o Options) (Guest, error) {
	return openConsoleWithin(ctx, t, o, usualLimits)
}

func openConsoleWithin(ctx context.Context, t Target, o Options, within limits) (Guest, error) {
	if none := o.noConsole(); none != nil {
		return nil, none
	}
	boots := !closed(o.Up)
	if boots {
		o.Waiting("waiting for the container to start")
		select {
		case <-o.Up:
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot get into the guest: %w", ctx.Err())
		}
	}
	w := &consoleWay{trait: trait{transport: "api", running: o.Running, counts: &counts{}}, o: o, target: t, limits: within, boots: boots}
	l, err := w.open(ctx)
	for try := 1; try < maxCuts && wasCut(err) && ctx.Err() == nil; try++ {
		o.Note("the connection to the console was cut: it is opened again")
		l, err = w.open(ctx)
	}
	return shellOf(ctx, w, l, err)
}

// maxCuts is how often the console is opened where it is cut before a shell is there.
const maxCuts = 4

// wasCut says that a connection broke; one that was closed is another matter.
func wasCut(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Kind == Dropped || e.Kind == NoConsole && e.Err != nil)
}

// open starts one more agent, on the console there is or on a new one.
func (w *consoleWay) open(ctx context.Context) (*link, error) {
	p, err := w.console(ctx)
	if err != nil {
		return nil, err
	}
	var noise, said tail
	l, s := start(ctx, func(opened chan<- session) (*link, *silence) {
		line, err := p.dial()
		if err != nil {
			return nil, &silence{status: -1, err: err}
		}
		opened <- line
		l, err := (*link)(nil), line.begin()
		if err == nil {
			l, err = meet(line, line, line.out, line.err, &noise, &said)
		}
		if err != nil {
			line.Close()
			return nil, &silence{status: -1, said: said.String(), err: err}
		}
		return l, nil
	})
	if s == nil {
		w.counts.shells.Add(1)
		return l, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e := w.fail(Dropped, "cannot start a shell over the console", s.err)
	e.Tail = s.said
	return nil, e
}

// console is the console there is, or a new one.
func (w *consoleWay) console(ctx context.Context) (*pumped, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pump != nil && w.pump.failed() == nil {
		return w.pump, nil
	}
	if w.closed {
		return nil, w.fail(Dropped, "cannot open the console: it was closed", nil)
	}
	w.o.Waiting("opening the container's console")
	conn, err := w.o.Console(ctx, w.target.Node, w.target.CTID)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var own *Error
		if errors.As(err, &own) {
			return nil, own
		}
		return nil, w.fail(Unreachable, "cannot open the container's console", err)
	}
	p, err := w.talk(ctx, conn)
	if err != nil {
		conn.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.stopped(ctx):
			e := w.fail(Gone, "cannot use the console of "+w.who()+": it closed because the container stopped", nil)
			e.Fix = "start the container first"
			return nil, e
		case KindOf(err) == "":
			err = w.fail(Dropped, "cannot use the console of "+w.who(), err)
		}
		return nil, err
	}
	w.counts.connections.Add(1)
	w.pump = p
	return p, nil
}

// stopped reports whether the container is known to have stopped.
func (w *consoleWay) stopped(ctx context.Context) bool {
	if w.running == nil {
		return false
	}
	up, err := w.running(ctx)
	return err == nil && !up
}

// talk gets a pump to run at the other end of conn, or finds the one that a cut
// left there.
func (w *consoleWay) talk(ctx context.Context, conn io.ReadWriteCloser) (*pumped, error) {
	chunks, ended := listen(conn)
	d := &dialogue{
		conn: conn, chunks: chunks, ended: ended, tag: newTag(), ours: w.tag, whole: w.pump != nil && w.pump.tag == w.tag,
		password: w.password(ctx), waiting: w.o.Waiting, note: w.o.Note, who: w.who(), ctid: w.target.CTID, shows: w.o.ShowPassword, limits: w.limits,
		boots: w.boots && w.tag == "", logged: w.logged,
	}
	adopted, err := d.run(ctx)
	w.logged = d.logged
	if err != nil {
		return nil, err
	}
	p := &pumped{
		conn: conn, coding: coding{tag: d.tag}, alive: w.o.KeepAlive, said: w.o.Note, heard: time.Now(),
		lines: map[int]*line{}, gone: make(chan struct{}), clean: make(chan struct{}), quits: make(chan struct{}),
	}
	if adopted {
		last := w.pump
		p.coding, p.next = last.coding, last.next
	} else {
		w.tag = d.tag
		if err := p.install(ctx, d); err != nil {
			return nil, err
		}
	}
	go p.read(chunks, ended)
	go p.watch()
	if adopted {
		// What came half through, and what the agents did, ends here.
		if err := p.insist(p.clean, ctx.Done(), "z"); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (w *consoleWay) who() string { return fmt.Sprintf("container %d", w.target.CTID) }

// password is root's, where it is known.
func (w *consoleWay) password(ctx context.Context) func() (string, error) {
	return func() (string, error) {
		if w.o.RootPassword == nil {
			return "", errors.New("it asks for a login, and root's password is not known")
		}
		secret, err := w.o.RootPassword(ctx)
		switch {
		case err != nil:
			return "", fmt.Errorf("it asks for a login, and root's password cannot be read: %w", err)
		case secret == "":
			return "", errors.New("it asks for a login, and root's password is not known")
		case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return "", errors.New("root's password cannot be typed: it has control characters")
		}
		return secret, nil
	}
}

// listen reads a console in the background. ended says why chunks was closed.
func listen(conn io.Reader) (chunks <-chan []byte, ended func() error) {
	c := make(chan []byte, 64)
	var mu sync.Mutex
	var why error
	go func() {
		defer close(c)
		for {
			b := make([]byte, 32<<10)
			n, err := conn.Read(b)
			if n > 0 {
				c <- b[:n]
			}
			if err != nil {
				mu.Lock()
				why = err
				mu.Unlock()
				return
			}
		}
	}()
	return c, func() error { mu.Lock(); defer mu.Unlock(); return why }
}

// newTag makes the word that marks what is one pump's.
func newTag() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (w *consoleWay) close() {
	w.mu.Lock()
	w.closed = true
	p := w.pump
	w.mu.Unlock()
	if p != nil {
		p.close()
	}
}
