// Package cli holds the commands: the only room where everything meets. It
// turns flags into calls and errors into messages and exit statuses; it must
// not hold what another program could want to call.
package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// Watch sees what a command decides, and what it asks Proxmox to change, so that the two can
// be compared. The zero Watch sees nothing.
type Watch struct {
	Decided func(plan.Plan)
	Sent    func(method, path string)
}

// Main runs one command line and returns the process's exit status.
func Main(args []string, in, out, errOut *os.File) int {
	return WatchedMain(args, in, out, errOut, Watch{})
}

// WatchedMain is Main with somebody who watches.
func WatchedMain(args []string, in, out, errOut *os.File, w Watch) int {
	// A reader that leaves (| head) must not kill a run half-way: writes fail
	// with EPIPE instead, and the display is dropped.
	signal.Ignore(syscall.SIGPIPE)
	a := &app{args: args, in: in, out: out, err: errOut, watch: w, observed: &observed{}, streams: ui.System(in, out, errOut, os.Environ(), false)}
	ctx, release, stop := interruptible(context.Background(), func() { ui.Leave(a.streams) })
	defer stop()
	a.releaseSignals = release

	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	a.unobserve()
	a.close()
	return a.report(ctx, commandPath(cmd), err)
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string {
	if i.signal == syscall.SIGTERM {
		return "interrupted by SIGTERM"
	}
	return "interrupted by SIGINT"
}

// ExitStatus is 128 plus the signal's number, as in a shell: exit.Interrupted or
// exit.Terminated.
func (i interrupted) ExitStatus() int { return 128 + int(i.signal) }

// NextSteps is empty: a run that was interrupted names the next step itself.
func (interrupted) NextSteps() []string { return nil }

// interruptible gives a context that the first SIGINT or SIGTERM cancels; the
// second calls leave and leaves at once. After release, signals are somebody else's.
func interruptible(parent context.Context, leave func()) (ctx context.Context, release, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for n := 0; ; n++ {
			s, ok := <-signals
			if !ok {
				return
			}
			cause := interrupted{s.(syscall.Signal)}
			if n > 0 {
				leave()
				os.Exit(cause.ExitStatus())
			}
			cancel(cause)
		}
	}()
	return ctx, func() { signal.Stop(signals) }, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
