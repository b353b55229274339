package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// counts are shared by every shell of one Open.
type counts struct{ connections, shells, commands atomic.Int64 }

// shell is a Guest: one agent at the other end of one session.
type shell struct {
	open transport
	*common
	main bool // closes the connection too; false for Again's

	run sync.Mutex // held during Run: the agent does one thing at a time

	mu   sync.Mutex
	link *link // nil: dropped, not reconnected
	shut bool
}

func (s *shell) Transport() string { return s.transport }

func (s *shell) Stats() Stats {
	c := s.counts
	return Stats{int(c.connections.Load()), int(c.shells.Load()), int(c.commands.Load())}
}

func (s *shell) current() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// drop gives up l if it is still the current link.
func (s *shell) drop(l *link) {
	s.mu.Lock()
	if s.link == l {
		s.link = nil
	}
	s.mu.Unlock()
	if l != nil {
		go l.abandon() // may block on a dead connection until it is closed
	}
}

// adopt makes l the current link, unless the shell was closed meanwhile.
func (s *shell) adopt(l *link) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		go l.abandon()
		return s.fail(Dropped, "cannot reconnect: the shell was closed", nil)
	}
	s.link = l
	return nil
}

// Close ends the agent and, for the shell that Open gave, the connection.
func (s *shell) Close() error {
	s.mu.Lock()
	s.shut = true
	l := s.link
	s.link = nil
	s.mu.Unlock()
	if l != nil {
		// The agent ends at the end of its stdin, and a pct around it with it.
		go func() {
			_ = l.in.Close()
			_ = l.sess.Close()
		}()
	}
	if s.main {
		s.open.close()
	}
	return nil
}

// Again opens a second shell, over the same connection if that is alive.
func (s *shell) Again(ctx context.Context) (Guest, error) {
	l, err := s.open.open(ctx)
	if err != nil {
		return nil, err
	}
	return &shell{open: s.open, common: s.common, link: l}, nil
}

// againFast is Again for urgent work, such as stopping a script. It starts the shell faster
// if the transport can.
func againFast(ctx context.Context, g Guest) (Guest, error) {
	if gate, is := g.(gated); is {
		more, err := againFast(ctx, gate.Guest)
		if err != nil {
			return nil, err
		}
		return gated{more, gate.gate}, nil
	}
	s, ok := g.(*shell)
	if !ok {
		return g.Again(ctx)
	}
	l, err := s.open.openFast(ctx)
	if err != nil {
		return nil, err
	}
	return &shell{open: s.open, common: s.common, link: l}, nil
}

// Run sends one command and copies its output until both sentinels came.
func (s *shell) Run(ctx context.Context, cmd Cmd) (int, error) {
	s.run.Lock()
	defer s.run.Unlock()
	what := cmd.Label
	if what == "" {
		what = "run a command in the guest"
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", what, err)
	}
	l := s.current()
	if l == nil {
		return 0, s.fail(Dropped, "cannot "+what+": the link is not open", nil)
	}
	s.counts.commands.Add(1)
	out, errw := &gate{w: cmd.Stdout}, &gate{w: cmd.Stderr}
	type end struct {
		status int
		err    error
	}
	done := make(chan end, 1)
	go func() {
		status, err := l.exchange(cmd, out, errw)
		done <- end{status, err}
	}()
	var e end
	select {
	case e = <-done:
	case <-ctx.Done():
		e.err = ctx.Err()
	}
	if e.err == nil {
		return e.status, nil
	}
	out.close()
	errw.close()
	s.drop(l)
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", what, err)
	}
	if own := (*ownError)(nil); errors.As(e.err, &own) {
		return 0, own.err
	}
	return 0, s.fail(Dropped, "cannot "+what+": the link to the guest dropped", e.err)
}

// reconnectGrace is how long Reconnect ignores that a guest is stopped or answers nonsense:
// it may be restarting.
const reconnectGrace = 10 * time.Second

// Reconnect opens the link again, at intervals of 50 ms to 2 s.
func (s *shell) Reconnect(ctx context.Context) error {
	s.drop(s.current())
	began, delay := time.Now(), 50*time.Millisecond
	for {
		l, err := s.open.open(ctx)
		if err == nil {
			return s.adopt(l)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("cannot reconnect to the guest: %w", ctx.Err())
		}
		slowest := 2 * time.Second
		switch KindOf(err) {
		case Unreachable, NoSSHD, Dropped:
		case Busy:
			delay, slowest = max(delay, busyPause), busyPauses
		case Gone, Protocol, NoConsole:
			if time.Since(began) > reconnectGrace {
				return err
			}
		default:
			return err
		}
		if s.running != nil {
			if up, asked := s.running(ctx); asked == nil && !up {
				return s.fail(Gone, "cannot reconnect: the container has stopped", nil)
			}
		}
		if err := pause(ctx, delay); err != nil {
			return fmt.Errorf("cannot reconnect to the guest: %w", err)
		}
		delay = min(2*delay, slowest)
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gate is a writer that can be closed, so that nothing is written after Run has returned.
type gate struct {
	mu   sync.Mutex
	w    io.Writer
	shut bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return 0, io.ErrClosedPipe
	}
	if g.w == nil {
		return len(p), nil
	}
	return g.w.Write(p)
}

func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
}
