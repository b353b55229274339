package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// statusCoder is an error that knows its exit status, such as an interruption.
type statusCoder interface {
	error
	ExitStatus() int
}

// Explain turns any error of the engine and the rooms below it into a Failure.
// It is the one place that maps kinds of error to exit statuses.
func Explain(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	f = &Failure{Status: ExitOther, Message: err.Error(), Err: err}
	var (
		coded statusCoder
		api   *pve.Error
		in    *guest.Error
		tmpl  *template.Error
		none  *template.NotFoundError
		vars  *template.VariableError
	)
	switch {
	case errors.As(err, &coded):
		f.Status = coded.ExitStatus()
		if h, ok := coded.(interface{ Hints() []string }); ok {
			f.Hints = h.Hints()
		}
	case errors.As(err, &api):
		f.Status, f.Tail, f.Told, f.Hints = pveStatus(api), api.Tail(), api.Told, pveHints(api)
	case errors.As(err, &in):
		f.Status, f.Tail, f.Hints = guestStatus(in), splitLines(in.Tail), hint(in.Hint())
	case errors.As(err, &tmpl), errors.As(err, &none), errors.As(err, &vars):
		f.Status = ExitUsage
	case errors.Is(err, context.DeadlineExceeded):
		f.Message = "cannot finish in time: " + err.Error()
		f.Hints = hint("give it longer with --timeout")
	}
	return f
}

// pveStatus is the exit status for an error of Proxmox. It is 4 if Proxmox cannot be
// reached or is not trusted, 2 for a faulty command line, config or template (even if
// only Proxmox shows the fault), and 3 for all others.
func pveStatus(e *pve.Error) int {
	switch e.Kind {
	case pve.Unreachable, pve.TLS, pve.Unauthorized, pve.Timeout:
		return ExitUnreachable
	case pve.Invalid, pve.Ambiguous:
		return ExitUsage
	case pve.Forbidden:
		if e.Field == pve.FieldTransport { // as when the console itself is refused
			return ExitUnreachable
		}
	}
	return ExitProxmox
}

func pveHints(e *pve.Error) []string {
	var hints []string
	if e.Kind == pve.Unreachable && len(hints) == 0 {
		hints = append(hints, "see that the host's url is right (INFRAHAUS_URL, or url in the config) and can be reached from here")
	}
	if len(e.Choices) > 0 {
		what := "choose one of"
		if e.Field != "" {
			what = fmt.Sprintf("choose --%s from", e.Field)
		}
		hints = append(hints, fmt.Sprintf("%s: %s", what, strings.Join(e.Choices, ", ")))
	}
	return append(hints, e.Hints...)
}

// guestStatus is 4 for every way of not getting in.
func guestStatus(*guest.Error) int { return ExitUnreachable }

func hint(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
