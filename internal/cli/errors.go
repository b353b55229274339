package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// failure is a provision.Failure under construction.
type failure struct{ *provision.Failure }

func (f *failure) Unwrap() error { return f.Failure }

// failf makes an error with an exit status of the contract.
func failf(status int, format string, args ...any) *failure {
	err := fmt.Errorf(format, args...)
	return &failure{&provision.Failure{Status: status, Message: err.Error(), Err: errors.Unwrap(err)}}
}

// usagef is failf for exit status 2: nothing was touched.
func usagef(format string, args ...any) *failure {
	return failf(provision.ExitUsage, format, args...)
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
	if !isRun && readerLeft(err) {
		return 0 // the reader has what it wanted
	}
	var (
		sig  interrupted
		said *provision.Failure // what the interruption left, in words of its own
	)
	if !isRun && errors.As(context.Cause(ctx), &sig) && !(errors.As(err, &said) && said.Status == sig.ExitStatus()) {
		err = sig
	}
	f := a.explain(err)
	f.Message = cannot(command, f.Message)
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
		"events": "replay the events", "logs": "replay the logs", "credentials": "show the credentials",
		"template": "use the catalogue of templates", "template list": "list the templates",
		"template show": "show the template", "template validate": "validate the template",
		"sandbox": "use the sandbox", "sandbox serve": "serve the sandbox", "sandbox reset": "reset the sandbox",
		"version": "print the version", "key": "use the encryption key", "key rotate": "rotate the encryption key",
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
func (a *app) printErrorEvent(f *provision.Failure) error {
	e := event.Event{
		Timestamp: time.Now().UTC(), Type: event.Error, Message: f.Text(), ExitStatus: &f.Status, Host: a.global.host,
		Hint: joinLines(f.Hints),
	}
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

// explain also knows the errors that occur only in this package. It masks secrets in the
// URLs that errors of other packages quote.
func (a *app) explain(err error) *provision.Failure {
	f := a.explained(err)
	f.Message = event.RedactURLs(f.Message)
	for _, texts := range [][]string{f.Tail, f.Hints} {
		for i := range texts {
			texts[i] = event.RedactURLs(texts[i])
		}
	}
	return f
}

func (a *app) explained(err error) *provision.Failure {
	var (
		conf  *config.Error
		taken *store.NameTaken
		none  *store.NotFound
		many  *store.Ambiguous
		state *store.Error
		key   *vault.Error
		busy  *store.Busy
	)
	f := provision.Explain(err)
	if len(f.Hints) == 0 {
		f.Hints = nonEmpty(a.templateHint(err))
	}
	if f.Err == nil || f.Status != provision.ExitOther || len(f.Hints) > 0 {
		return f
	}
	switch {
	case errors.As(err, &conf):
		f.Status, f.Hints = provision.ExitUsage, nonEmpty(conf.Hint())
	case errors.As(err, &taken):
		f.Status = provision.ExitUsage
		f.Hints = []string{a.command("show", taken.Existing.Hostname)}
		if taken.Existing.Lifecycle == lxc.Ready {
			f.Hints = append(f.Hints, "choose another NAME, or say --if-exists ok if it will do as it is")
		} else {
			f.Hints = append(f.Hints, "to finish it: "+a.command("resume", taken.Existing.Hostname))
		}
	case errors.As(err, &none):
		f.Hints = []string{a.command("list")}
	case errors.As(err, &many):
		f.Message = fmt.Sprintf("cannot tell which container %s is: %d records answer to it", many.Ref, len(many.Candidates))
		for _, c := range many.Candidates {
			f.Tail = append(f.Tail, candidate(c))
		}
		f.Hints = []string{"say the record id: " + a.command("show", many.Candidates[len(many.Candidates)-1].RecordID)}
	case errors.As(err, &busy):
		f.Hints = []string{a.command("events", busy.Run.RecordID, "--follow")}
	case errors.As(err, &state):
		f.Hints = nonEmpty(state.Hint)
	case errors.As(err, &key):
		f.Hints = nonEmpty(key.Hint())
	}
	return f
}

// templateHint is the command that shows more about the faults of a template.
func (a *app) templateHint(err error) string {
	var (
		bad  *template.Error
		none *template.NotFoundError
		vars *template.VariableError
	)
	switch {
	case errors.As(err, &bad):
		return a.command("template", "validate", bad.Template)
	case errors.As(err, &none):
		return a.command("template", "list")
	case errors.As(err, &vars):
		return a.command("template", "show", vars.Template)
	}
	return ""
}

// candidate is one record that a reference may mean.
func candidate(c lxc.Container) string {
	text := c.RecordID + "  " + c.Hostname
	if c.CTID != 0 {
		text += fmt.Sprintf(", CT %d on %s", c.CTID, c.Node)
	}
	if c.DestroyedAt != nil {
		return text + ", destroyed " + c.DestroyedAt.Format(time.RFC3339)
	}
	return text + ", " + string(c.Lifecycle)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
