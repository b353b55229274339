package guest

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Attempt is one run of one script. It is claimed in the guest before it starts, so that it
// starts at most once. It runs detached, with its output and exit status in files of Dir,
// so that a dropped link neither ends nor repeats it.
type Attempt struct {
	Dir  string // absolute, in the guest: …/runs/<runId>/<NN-name>.<n>; made 0700 if missing
	Name string // for messages

	// Script is the text to run, kept as Dir/script. If it is nil, Path is the absolute path
	// of a script in the guest. $0 is that file.
	Script []byte
	Path   string

	Args    []string
	Env     []string // KEY=value; on top of PATH, HOME, LANG, INFRAHAUS_ATTEMPT
	Helpers string   // absolute path in the guest of the helper functions; "": none

	// Timeout is how long it may run, in whole seconds; 0: for ever. The runner in the guest
	// ends it then, with all that it has started, even if the link is down.
	Timeout time.Duration
	User    string // a user of the guest as whom it runs; "": root
}

// Offsets are how many bytes of stdout and stderr were passed on.
type Offsets struct{ Out, Err int64 }

// Sink takes the output of a script, in order within each stream.
type Sink struct {
	// Output takes raw bytes of Stdout or Stderr, in pieces of any size; at is the offset of
	// the piece in its stream. RunAttempt returns its error, and the script goes on.
	Output func(stream string, at int64, p []byte) error
	// Secret takes a credential that the script saved, always before the output
	// that was written after it.
	Secret func(key, value string)
	// Link is called when the link has dropped (err) and when it is back (nil).
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
	TimedOut   bool    // it was ended because of Attempt.Timeout; Status is 124
	Died       bool    // its runner is gone without an exit status: the guest was restarted, or all was killed
	Claimed    bool    // this call claimed and started it; false: it was there already
	Offsets    Offsets // how much was passed on
	Reconnects int
}

// RunAttempt claims, starts and follows an attempt to its end in one remote command. If the
// link drops it reconnects until ctx ends and continues at the same byte; it never starts
// the script again. An attempt that was claimed before is followed from the given offsets,
// not started. When ctx ends the script goes on: see Kill.
func RunAttempt(ctx context.Context, g Guest, a Attempt, from Offsets, sink Sink) (Result, error) {
	if err := a.check(); err != nil {
		return Result{Offsets: from}, err
	}
	f := &follower{sink: sink, at: from}
	for {
		var said tail
		f.begin()
		cmd := Cmd{Label: "run " + a.Name, Script: a.command(f.at, f.secrets), Stdout: f, Stderr: &said}
		if a.Script != nil {
			cmd.Stdin, cmd.Size = bytes.NewReader(a.Script), int64(len(a.Script))
		}
		status, err := g.Run(ctx, cmd)
		f.result.Offsets = f.at
		switch {
		case f.ended:
			return f.result, nil // even if the link dropped right after
		case err == nil:
			return f.result, &Error{Kind: Failed, Transport: g.Transport(), Tail: said.String(),
				Message: fmt.Sprintf("cannot run %s: the guest could not prepare or follow it (status %d)", a.Name, status)}
		case !IsDropped(err):
			return f.result, err
		}
		f.link(err)
		if err := g.Reconnect(ctx); err != nil {
			return f.result, err
		}
		f.result.Reconnects++
		f.link(nil)
	}
}

// check refuses attempts that the guest would misunderstand.
func (a Attempt) check() error {
	if !path.IsAbs(a.Dir) || a.Script == nil && !path.IsAbs(a.Path) {
		return fmt.Errorf("cannot run %s: an attempt needs absolute paths", a.Name)
	}
	for _, kv := range a.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || !shellName(name) {
			return fmt.Errorf("cannot run %s: %q cannot be a variable of the environment", a.Name, name)
		}
	}
	return nil
}

// shellName reports whether a POSIX shell can assign to name.
func shellName(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// command is the one program that claims, starts and follows the attempt. However often it
// runs, the script starts at most once. A script that did not arrive whole, because the
// link was cut, claims nothing.
func (a Attempt) command(at Offsets, secrets int64) string {
	var b strings.Builder
	script := a.Path
	fmt.Fprintf(&b, "umask 077\nih_d=%s\n[ -d \"$ih_d\" ] || mkdir -p \"$ih_d\" || exit 125\n", Quote(a.Dir))
	if a.Script != nil {
		script = a.Dir + "/script"
		fmt.Fprintf(&b, "cat >\"$ih_d/script.$$\" && [ $(wc -c <\"$ih_d/script.$$\") -eq %d ] || exit 125\n", len(a.Script))
	}
	b.WriteString("if ih_claim \"$ih_d\"; then\n")
	if a.Script != nil {
		b.WriteString("mv \"$ih_d/script.$$\" \"$ih_d/script\" &&\n")
	}
	fmt.Fprintf(&b, "printf %%s %s >\"$ih_d/env\" &&\nprintf %%s \"$ih_run\" >\"$ih_d/run\" || exit 125\n", Quote(a.env()))
	if how := a.how(); how != "" {
		fmt.Fprintf(&b, "printf %%s %s >\"$ih_d/how\" || exit 125\n", Quote(how))
	}
	fmt.Fprintf(&b, "ih_launch \"$ih_d\" %s %s %s", Quote(script), Quote(a.Helpers), Quote(a.Name))
	for _, arg := range a.Args {
		b.WriteString(" " + Quote(arg))
	}
	b.WriteString("\necho c\n")
	if a.Script != nil {
		b.WriteString("else rm -f \"$ih_d/script.$$\"\n")
	}
	fmt.Fprintf(&b, "fi\nih_follow \"$ih_d\" %d %d %d", at.Out, at.Err, secrets)
	return b.String()
}

// how is the file that tells the runner of a limit and a user; "" for none.
func (a Attempt) how() (text string) {
	if a.Timeout > 0 {
		text = fmt.Sprintf("ih_limit=%d\n", int((a.Timeout+time.Second-1)/time.Second))
	}
	if a.User != "" {
		text += "ih_user=" + Quote(a.User) + "\n"
	}
	return text
}

// env is the file that the runner loads.
func (a Attempt) env() string {
	var b strings.Builder
	for _, kv := range a.Env {
		name, value, _ := strings.Cut(kv, "=")
		b.WriteString("export " + name + "=" + Quote(value) + "\n")
	}
	return b.String()
}

// Kill ends a running attempt: SIGTERM to its process session, and SIGKILL to what is left
// after grace. It opens a second shell beside g, so it may be called while RunAttempt
// follows; the follower then sees exit status 143 or 137, or the script's own. Killing an
// attempt that has ended is no error; one that has not started never will. An attempt that
// is installing packages is spared, because a half-installed package breaks the guest.
func Kill(ctx context.Context, g Guest, a Attempt, grace time.Duration) (spared bool, err error) {
	second, err := againFast(ctx, g)
	if err != nil {
		return false, err
	}
	defer second.Close()
	tenths := int(grace / (100 * time.Millisecond))
	var said tail
	_, err = second.Run(ctx, Cmd{
		Label:  "stop " + a.Name,
		Script: fmt.Sprintf("umask 077\nih_kill %s %d", Quote(a.Dir), tenths), Stdout: &said,
	})
	return strings.TrimSpace(said.String()) == "spared", err
}
