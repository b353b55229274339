package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	xterm "golang.org/x/term"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// A command that runs something in a container with the user's own streams takes over the
// process's signals and, with -t, its terminal.

// takeSignals passes SIGINT, SIGTERM and SIGHUP on by their names. The second SIGINT, or a
// second of the others, calls giveUp instead. stop ends it.
func (a *app) takeSignals(giveUp func()) (names <-chan string, stop func()) {
	heard := make(chan os.Signal, 4)
	signal.Notify(heard, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if a.releaseSignals != nil {
		a.releaseSignals() // no longer Main's, which would end the process
	}
	out, ended := make(chan string, 4), make(chan struct{})
	go func() {
		seen := map[os.Signal]bool{}
		for {
			select {
			case <-ended:
				return
			case s := <-heard:
				if seen[s] {
					giveUp()
					return
				}
				seen[s] = true
				out <- map[os.Signal]string{syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP"}[s]
			}
		}
	}()
	return out, func() { signal.Stop(heard); close(ended) }
}

// rawTerminal makes the terminal raw. restore makes it as it was, as often as it is called.
func (a *app) rawTerminal() (restore func(), err error) {
	fd := int(a.in.Fd())
	was, err := xterm.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	return func() { _ = xterm.Restore(fd, was) }, nil
}

// window is the size of the user's terminal; zero where it is not known.
func (a *app) window() guest.Size {
	for _, f := range []*os.File{a.in, a.out, a.err} {
		if w, h, err := xterm.GetSize(int(f.Fd())); err == nil {
			return guest.Size{Cols: w, Rows: h}
		}
	}
	return guest.Size{}
}

// resizes are the window's sizes as they change.
func (a *app) resizes(ctx context.Context) <-chan guest.Size {
	changed := make(chan os.Signal, 1)
	notifyResize(changed)
	out := make(chan guest.Size, 1)
	go func() {
		defer signal.Stop(changed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			select { // while somebody drags a corner, many come at once
			case <-ctx.Done():
				return
			case <-time.After(30 * time.Millisecond):
			}
			select {
			case out <- a.window():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
