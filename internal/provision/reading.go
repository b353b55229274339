package provision

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/template"
)

const (
	// maxReads is how often one question is asked where the link drops under each.
	maxReads = 4
	// backWithin is how long the link may take to come back for one.
	backWithin = 2 * time.Minute
)

// reading does what only reads in the guest, again over a new link where the link
// drops under it.
func (r *Run) reading(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		if !guest.IsDropped(err) || ctx.Err() != nil {
			return err
		}
		if try == maxReads {
			return r.cutOff(err)
		}
		r.warn("the link to the container dropped: it is asked again over a new one", "")
		back, cancel := context.WithTimeout(ctx, backWithin)
		again := r.guest.Reconnect(back)
		late := back.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case late:
			return r.cutOff(err)
		case again != nil:
			return r.noWayIn(again)
		}
	}
}

// cutOff is a link that dropped too often, with the command to go on with.
func (r *Run) cutOff(err error) error {
	f := exit.Explain(err)
	f.Hints = append(f.Hints, "see what cuts the connection (a proxy?), or use another ssh.transport; then: "+r.Command(outcome.Again(r.verb), r.job.Spec.Hostname))
	return f
}

// stoppedUnder explains a link that dropped because its container stopped. The error of
// the link alone would not show that.
func (r *Run) stoppedUnder(ctx context.Context, err error) error {
	var in *guest.Error
	if !errors.As(err, &in) || r.placement == nil || in.Kind != guest.Dropped && in.Kind != guest.NoConsole {
		return err
	}
	if st, asked := r.host.PVE.Status(ctx, r.placement.Node, r.ctid); asked != nil || st.Running {
		return err
	}
	what, _, _ := strings.Cut(in.Message, ": ")
	f := &exit.Failure{Status: exit.Unreachable, Message: what + ": the container has stopped", Err: err}
	if !r.changing {
		f.Hints = []string{r.Command("start", r.job.Spec.Hostname)}
	}
	return f
}

// noWayIn is an error of getting inside: one that was cut off says how to go on.
func (r *Run) noWayIn(err error) error {
	var in *guest.Error
	if errors.As(err, &in) && in.Fix == "" && (in.Kind == guest.Dropped || in.Kind == guest.NoConsole) {
		return r.cutOff(err)
	}
	return err
}

// waitReady is guest.WaitReady, which only reads.
func (r *Run) waitReady(ctx context.Context, ready guest.Ready) error {
	defer r.wait("the container's init to be ready", guest.ReadyDeadline)()
	return r.reading(ctx, func() (err error) {
		r.guestFacts, err = guest.WaitReady(ctx, r.guest, ready)
		f := r.guestFacts
		r.job.Facts = &template.Facts{OS: f.OS, OSVersion: f.OSVersion, Init: f.Init, PackageManager: f.PackageManager}
		return err
	})
}
