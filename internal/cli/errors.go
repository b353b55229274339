package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// failure is a exit.Failure under construction.
type failure struct{ *exit.Failure }

func (f *failure) Unwrap() error { return f.Failure }

// failf makes an error with an exit status of the contract.
func failf(status int, format string, args ...any) *failure {
	err := fmt.Errorf(format, args...)
	return &failure{&exit.Failure{Status: status, Message: err.Error(), Err: errors.Unwrap(err)}}
}

// usagef is failf for exit status 2: nothing was touched.
func usagef(format string, args ...any) *failure {
	return failf(exit.Usage, format, args...)
}

// hint adds the next command.
func (f *failure) hint(format string, args ...any) *failure {
	f.Hints = append(f.Hints, fmt.Sprintf(format, args...))
	return f
}

// ran is the error of a run: its events have been shown already.
type ran struct {
	err     error
	tailOut bool // the failing script's last lines stand on the screen
}

func (r ran) Error() string { return r.err.Error() }
func (r ran) Unwrap() error { return r.err }

// silent ends the process with a status and without a word: 6 after a complete
// event.
type silent struct{ status int }

func (s silent) Error() string { return fmt.Sprintf("exit status %d", s.status) }

// silentUnless is nil for status 0.
func silentUnless(status int) error {
	if status == exit.Done {
		return nil
	}
	return silent{status}
}

// documented is the error of a command whose JSON document is on stdout already. With a
// second one there, stdout would not be JSON; the error goes to stderr.
type documented struct{ error }

func (d documented) Unwrap() error { return d.error }

// report prints err, as the error of command, and returns the exit status.
func (a *app) report(ctx context.Context, command string, err error) int {
	var quiet silent
	switch {
	case err == nil:
		return 0
	case errors.As(err, &quiet):
		return quiet.status
	}
	var run ran
	isRun := errors.As(err, &run)
	if !isRun && readerLeft(err) && !passesStatus(command) {
		return 0 // the reader has what it wanted
	}
	var (
		sig  interrupted
		said *exit.Failure // what the interruption left, in words of its own
	)
	if !isRun && errors.As(context.Cause(ctx), &sig) && !(errors.As(err, &said) && said.Status == sig.ExitStatus()) {
		err = sig
	}
	f := a.explain(err)
	if !isRun {
		a.nameTimeout(f, err)
	}
	f.Message = cannot(command, f.Message)
	if passesStatus(command) {
		f.Status = ownEnd
	}
	if a.global.json && !errors.As(err, new(documented)) {
		if isRun {
			return f.Status
		}
		if err := a.printErrorEvent(f); err == nil || ui.IsClosed(err) {
			return f.Status
		}
	}
	shown := ui.Failure{Message: f.Message, Tail: f.Tail, Hints: f.Hints}
	if run.tailOut {
		shown.Tail = nil
	}
	_ = ui.WriteFailure(a.streams, shown) // nothing is left to say it with
	return f.Status
}

// nameTimeout names --timeout in the message of an error that knows only that its context
// has ended: "context deadline exceeded" does not tell the user which limit that was.
func (a *app) nameTimeout(f *exit.Failure, err error) {
	if a.global.timeout > 0 && errors.Is(err, context.DeadlineExceeded) && exit.Find(err) == nil {
		what := strings.TrimSuffix(err.Error(), ": "+context.DeadlineExceeded.Error())
		f.Message = timedOut{a.global.timeout.String()}.Error() + ": " + what
	}
}

// readerLeft says that stdout is a pipe that nobody reads any more. A network
// connection that breaks is the same errno and another matter.
func readerLeft(err error) bool {
	var write *fs.PathError
	return errors.As(err, &write) && errors.Is(write.Err, syscall.EPIPE)
}

// cannot makes every message read "cannot …", as the contract has it.
func cannot(command, message string) string {
	for _, ok := range []string{"cannot ", "interrupted "} {
		if strings.HasPrefix(message, ok) {
			return message
		}
	}
	return fmt.Sprintf("cannot %s: %s", deed(command), message)
}

// deed is what a command does, for "cannot …".
func deed(command string) string {
	said := map[string]string{
		"": "understand the command line", "list": "list the containers", "show": "show the container",
		"inventory": "print the inventory", "ssh-config": "print the Host blocks", "stats": "show the usage", "help": "show the help",
		"open": "open the page", "watch": "watch the runs", "events": "replay the events", "logs": "replay the logs", "credentials": "show the credentials",
		"template": "use the catalogue of templates", "template list": "list the templates",
		"template show": "show the template", "template validate": "validate the template",
		"template new": "make the template", "template test": "test the templates", "template import": "import the template", "template copy": "copy the template", "template schema": "print the schema", "template lock": "lock the templates", "template digest": "print the digest",
		"template bake": "bake the template", "template images": "use the images", "template images list": "list the images", "template images prune": "remove the images",
		"sandbox": "use the sandbox", "sandbox serve": "serve the sandbox", "sandbox reset": "reset the sandbox",
		"host": "use the known hosts", "host list": "list the hosts", "host show": "show the host",
		"host rename": "rename the host", "host remove": "remove the host", "doctor": "make the checks",
		"recover": "recover the catalogue", "exec": "run the command", "shell": "open a shell", "cp": "copy",
		"worker": "run the jobs of the queue", "worker status": "show the workers", "jobs": "use the queue", "jobs list": "list the jobs", "jobs show": "show the job",
		"jobs cancel": "cancel the job", "jobs retry": "retry the job",
		"version": "print the version", "database": "use the database", "database copy": "copy the catalogue", "init": "set up the host", "demo": "show the demo", "key": "use the encryption key", "key rotate": "rotate the encryption key",
	}
	if text, ok := said[command]; ok {
		return text
	}
	if strings.HasPrefix(command, "completion") {
		return "print the completion script"
	}
	return command
}

// printErrorEvent is the JSON face of a failure before any run began.
func (a *app) printErrorEvent(f *exit.Failure) error {
	return a.emitError(event.Event{Message: f.Text(), ExitStatus: &f.Status, Hostname: a.member, Hint: joinLines(f.Hints)})
}

// emitError prints an error event of no run.
func (a *app) emitError(e event.Event) error {
	e.Timestamp, e.Type, e.Host = time.Now().UTC(), event.Error, a.global.host
	return ui.NewEventWriter(a.streams, true).Event(e)
}

// unshown adds to err what stdout said when a run's events were to be shown there. The
// run's own error is printed at the end then.
func unshown(err, write error) error {
	var run ran
	var quiet silent
	switch {
	case write == nil || ui.IsClosed(write):
	case errors.As(err, &run):
		return run.err
	case errors.As(err, &quiet):
		return write
	}
	return errors.Join(err, write)
}

// explain adds to exit.Explain the hints that are commands of this tool. It masks
// secrets in the URLs that errors of other packages quote.
func (a *app) explain(err error) *exit.Failure {
	f := exit.Explain(err)
	var guide exit.Guide
	if len(f.Hints) == 0 && errors.As(err, &guide) {
		f.Hints = guide.Commands(a.command)
	}
	f.Message = event.RedactURLs(f.Message)
	for _, texts := range [][]string{f.Tail, f.Hints} {
		for i := range texts {
			texts[i] = event.RedactURLs(texts[i])
		}
	}
	return f
}
