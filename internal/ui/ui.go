// Package ui owns the terminal. It shows events as they come (live, plain or
// JSON), then results, failures and tables. It must not know how an event came
// about, where records are kept, or what a flag is called.
//
// The rules of the terminal:
//
//  1. stdout is data, stderr is everything else: progress, prompts, warnings,
//     errors. Nothing but this package writes to either while a Display is open.
//  2. What a person gets and what a pipe gets is decided once, in Streams, for
//     each stream apart. A stream is a terminal only where it is one, TERM is
//     not dumb and CI is not set.
//  3. A pipe gets no escape sequence, no alignment, no truncation, no prompt:
//     tab-separated rows and RFC 3339 times. CLICOLOR_FORCE adds colour alone.
//  4. Colour never carries meaning alone; a mark or a word says the same. Every
//     colour reads well on black and on white, so no terminal is asked for its
//     background. NO_COLOR, CLICOLOR=0 and --no-color leave no colour at all.
//  5. One goroutine draws the live display. It moves the cursor relatively,
//     inside the lines that it drew, at most ten times a second; a line that
//     did not change is not written again; a frame is one write.
//  6. The cursor is hidden while the live display stands and shown by Close,
//     whatever happened. The alternate screen is never used: what was shown
//     stays in the scrollback.
//  7. A line never wraps: it is cut to the width by graphemes, at any width.
//  8. Text from a guest, from Proxmox or from a template is not trusted: on a
//     screen, escape sequences, control and invisible characters are taken out
//     (Clean, CleanOutput). stderr is for eyes even where it is a pipe, and is
//     always clean. On stdout a pipe gets cells as they are, but for tabs and line
//     breaks, so that a row stays a row; JSON gets the same value as \u escapes.
//  9. Showing never slows a run: events are only noted; what scrolls by between
//     two frames is skipped.
//  10. A closed pipe is an error like any other (IsClosed tells it apart); it is
//     returned and never panics.
//  11. Questions go to stderr and are asked only of a person: in a form (form.go) that
//     obeys these rules, or line by line where the terminal is dumb or ACCESSIBLE is
//     set. Answers stay on the screen, secret ones are never shown.
package ui

import (
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/event"
)

// Display shows a run's events. Close shows the end and releases the terminal. It must be
// called before anything else is written, and may be called twice.
type Display interface {
	event.Sink
	// ShowedTail reports whether the last lines of the failed script are on the screen,
	// so that WriteFailure does not repeat them.
	ShowedTail() bool
	Close() error
}

// Options are the global flags that concern a display.
type Options struct {
	JSON    bool
	Quiet   bool // warnings and errors only; no effect on JSON
	Verbose bool // never the live display: every line stays
	Replay  bool // events may be older than the display: they count from their own times
}

// NewDisplay returns the JSON display if asked for, the live one on a terminal, otherwise
// the plain one, with groups where a CI system shows them.
func NewDisplay(s *Streams, o Options) Display {
	switch {
	case o.JSON:
		return newJSON(s)
	case s.ci != "":
		return newCI(s, o.Quiet)
	case s.ErrTTY && !o.Quiet && !o.Verbose:
		return newLive(s, o.Replay)
	}
	return newPlain(s, o.Quiet)
}

// IsClosed reports whether err comes from writing to a pipe without a reader.
func IsClosed(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, fs.ErrClosed)
}

// Leave shows the cursor again, which a live display may have hidden, in a process that
// ends without Close at a second Ctrl-C.
func Leave(s *Streams) {
	if s.ErrTTY {
		_, _ = io.WriteString(s.Err, showCursor) // ignore the error: the process ends here
	}
}
