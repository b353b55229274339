package guest

import (
	"context"
	"errors"
	"time"
)

// Attempt is one run of one script, claimed in the guest before it starts and
// started at most once. It runs detached, with its output and exit status in
// files of Dir, so that a dropped link neither ends nor repeats it.
type Attempt struct {
	Dir  string // absolute, in the guest: …/runs/<runId>/<NN-name>.<n>; made 0700 if missing
	Name string // for messages

	// Script is the text to run, kept as Dir/script. Where it is nil, Path is
	// an absolute path of a script that is in the guest already. $0 is that file.
	Script []byte
	Path   string

	Args    []string
	Env     []string // KEY=value; on top of PATH, HOME, LANG, INFRAHAUS_ATTEMPT
	Helpers string   // absolute path in the guest of the helper functions; "": none
}

// Offsets are the bytes of stdout and stderr that were passed on already.
type Offsets struct{ Out, Err int64 }

// Sink takes what a script says, in order within each stream.
type Sink struct {
	// Output takes raw bytes of Stdout or Stderr, in pieces of any size. Its
	// error ends the following (the script goes on) and is returned.
	Output func(stream string, p []byte) error
	// Secret takes a credential that the script saved, always before the output
	// that was written after it.
	Secret func(key, value string)
	// Link is told when the link dropped (err) and when it is back (nil).
	Link func(err error)
}

// The streams of Sink.Output.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Result is how an attempt ended.
type Result struct {
	Status     int     // exit status as a shell says it; 127: the interpreter is missing
	Signal     int     // Status-128 where that is a signal's number, else 0
	Died       bool    // its runner is gone without an exit status: the guest was restarted, or all was killed
	Claimed    bool    // this call claimed and started it; false: it was there already
	Offsets    Offsets // how much was passed on
	Reconnects int
}

// RunAttempt claims, starts and follows an attempt to its end in one remote
// command. On a dropped link it reconnects until ctx ends and goes on from the
// same byte, never starting it again. An attempt that was claimed before is
// followed from from, not started. When ctx ends the script goes on: see Kill.
func RunAttempt(ctx context.Context, g Guest, a Attempt, from Offsets, sink Sink) (Result, error) {
	return Result{}, errors.New("cannot run an attempt: not implemented")
}

// Kill ends a running attempt: SIGTERM to all of its session, then SIGKILL to
// what is left after grace. It opens a second shell beside g, so it may be
// called while RunAttempt follows; the follower then sees exit status 143 or
// 137. Killing what has ended, or never began, is no error.
func Kill(ctx context.Context, g Guest, a Attempt, grace time.Duration) error {
	return errors.New("cannot kill an attempt: not implemented")
}
