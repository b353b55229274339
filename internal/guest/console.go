package guest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/infrahaus/infrahaus/internal/console"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// consoleAPI is the container's console over Proxmox's API.
var consoleAPI = transportKind{
	name: transports.API, lack: "no API is given", next: "using the container's console: ", open: openConsole, missing: missingConsole,
	describe: func(Options) string { return "its console over Proxmox's API" },
}

func missingConsole(o Options, _ bool) *Error {
	if o.Console != nil {
		return nil
	}
	return &Error{Kind: NotConfigured, Transport: transports.API, Message: "cannot use the container's console: no way to Proxmox's API is given"}
}

// consoleTransport opens links over the container's console: one console for all of
// them.
type consoleTransport struct {
	common
	o      Options
	target Target

	mu     sync.Mutex
	tty    *console.Console
	mux    *console.Mux // the last connection; nil before the first
	closed bool
}

// openConsole waits until the container runs, then goes to its console.
func openConsole(ctx context.Context, t Target, o Options) (Guest, error) {
	if none := missingConsole(o, true); none != nil {
		return nil, none
	}
	booting := !closed(o.Up)
	if err := o.waitUntilUp(ctx); err != nil {
		return nil, err
	}
	w := &consoleTransport{common: common{transport: transports.API, running: o.Running, counts: &counts{}}, o: o, target: t, tty: console.New(consoleConfig(o, booting))}
	l, err := w.open(ctx)
	for try := 1; try < maxCuts && wasCut(err) && ctx.Err() == nil; try++ {
		o.Note("the connection to the console was cut: it is opened again")
		l, err = w.open(ctx)
	}
	return firstShellOf(ctx, w, l, err)
}

// maxCuts is how often the console is opened where it is cut before a shell is there.
const maxCuts = 4

// wasCut says that a connection broke; one that was closed is another matter.
func wasCut(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Kind == Dropped || e.Kind == NoConsole && e.Err != nil)
}

// open starts one more agent, on the console there is or on a new one.
func (w *consoleTransport) open(ctx context.Context) (*link, error) {
	p, err := w.console(ctx)
	if err != nil {
		return nil, err
	}
	var noise, said tail
	l, s := start(ctx, func(opened chan<- session) (*link, *silence) {
		ch, err := p.Dial()
		if err != nil {
			return nil, &silence{status: -1, err: err}
		}
		opened <- consoleSession{ch}
		l, err := (*link)(nil), ch.Start()
		if err == nil {
			l, err = handshake(consoleSession{ch}, ch, ch.Stdout(), ch.Stderr(), &noise, &said)
		}
		if err != nil {
			ch.Close()
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

// openFast is open: no start is faster.
func (w *consoleTransport) openFast(ctx context.Context) (*link, error) { return w.open(ctx) }

// console is the console there is, or a new one.
func (w *consoleTransport) console(ctx context.Context) (*console.Mux, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mux != nil && w.mux.Err() == nil {
		return w.mux, nil
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
	p, err := w.tty.Attach(ctx, conn)
	if err != nil {
		conn.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.stopped(ctx):
			e := w.fail(Gone, "cannot use the console of "+w.who()+": it closed because the container stopped", nil)
			e.Fix = "start the container first"
			return nil, e
		}
		return nil, consoleError(w.target.CTID, w.o.ShowPassword, err)
	}
	w.counts.connections.Add(1)
	w.mux = p
	return p, nil
}

// stopped reports whether the container is known to have stopped.
func (w *consoleTransport) stopped(ctx context.Context) bool {
	if w.running == nil {
		return false
	}
	up, err := w.running(ctx)
	return err == nil && !up
}

// consoleSession is a channel of the console as a session.
type consoleSession struct{ *console.Channel }

// Terminate does nothing: Close ends the agent too.
func (consoleSession) Terminate() {}

// consoleConfig is how to get a shell on the console.
func consoleConfig(o Options, booting bool) console.Config {
	return console.Config{
		Start: strings.TrimSpace(bootText), RootPassword: o.RootPassword, Booting: booting,
		Limits: o.consoleLimits, KeepAlive: o.KeepAlive, Waiting: o.Waiting, Note: o.Note,
	}
}

func (w *consoleTransport) who() string { return fmt.Sprintf("container %d", w.target.CTID) }

func (w *consoleTransport) close() {
	w.mu.Lock()
	w.closed = true
	p := w.mux
	w.mu.Unlock()
	if p != nil {
		p.Close()
	}
}
