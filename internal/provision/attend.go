package provision

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// program is something that runs in the guest as an attempt: a script or the
// config-manager.
type program struct {
	item      string
	logs      event.Event   // what its log events look like
	attempt   guest.Attempt // but for Dir
	announced bool          // its first run is an event of its own
	begins    string        // what that event says; "" means that it runs
}

// runProgram executes the decision about a program: it starts an attempt, follows the one
// that runs, or leaves a program that is done.
func (r *Run) runProgram(ctx context.Context, p program) error {
	doing := r.plan.Of(p.item)
	if doing == plan.Leave {
		return nil
	}
	if doing == plan.Follow || doing == plan.Drain {
		m := r.marks.Of(event.Syncing, p.item)
		if doing == plan.Follow { // an interrupt of this run has to stop the attempt
			r.attempt = &guest.Attempt{Dir: m.Dir, Name: p.item}
		}
		if err := r.announce(p, "Following "+p.item); err != nil {
			return err
		}
		at, err := r.toldSoFar(ctx, m)
		if err != nil {
			return err
		}
		end, err := r.attend(ctx, p, m.Detail, at)
		if err != nil {
			return err
		}
		if doing == plan.Follow {
			return r.judge(ctx, p.item, end)
		}
	}
	d := r.nextAttempt(p.item)
	begin := "Running " + p.item
	switch {
	case p.begins != "":
		begin = p.begins
	case d.Try > 1:
		begin = fmt.Sprintf("Running %s again (attempt %d)", p.item, d.Try)
	}
	if p.announced || d.Try > 1 {
		if err := r.announce(p, begin); err != nil {
			return err
		}
	}
	end, err := r.attend(ctx, p, d, guest.Offsets{})
	if err != nil {
		return err
	}
	return r.judge(ctx, p.item, end)
}

// announce emits the event that a program begins, or is followed.
func (r *Run) announce(p program, message string) error {
	begin := p.logs
	begin.Type, begin.Message = event.Step, message
	return r.Bus.Emit(begin)
}

// toldSoFar returns how much of an attempt's output is on record. That is what the last run
// that followed it has logged. If it logged nothing, it is the offset at which that run
// began.
func (r *Run) toldSoFar(ctx context.Context, m plan.Mark) (guest.Offsets, error) {
	at := guest.Offsets{Out: m.Out, Err: m.Err}
	told, err := r.record.LoggedOffsets(ctx, m.RunID, m.Item)
	if told.Out > 0 {
		at.Out = told.Out
	}
	if told.Err > 0 {
		at.Err = told.Err
	}
	return at, err
}

// judge returns an error if a program did not end well.
func (r *Run) judge(ctx context.Context, item string, end guest.Result) error {
	switch {
	case end.Died:
		return r.died(item)
	case item == plan.ItemNotify && end.Status == configmanager.StatusRefused:
		return r.refused()
	case end.TimedOut:
		return r.tookTooLong(item)
	case end.Status != 0:
		return r.scriptFailed(ctx, item, end.Status)
	}
	return nil
}

// attend claims and starts an attempt, or finds one that was started, and follows it. It
// records the claim and the end. The output becomes log events; a credential that the
// program saves is redacted from then on. If the attempt died, or its guest is gone, that is
// a result and not an error.
func (r *Run) attend(ctx context.Context, p program, d plan.Detail, at guest.Offsets) (guest.Result, error) {
	d.Out, d.Err = at.Out, at.Err
	if err := r.mark(ctx, event.Syncing, p.item, plan.Claimed, d); err != nil {
		return guest.Result{}, err
	}
	defer r.wait(p.item, 0)()
	r.tail.reset()
	lines := r.Bus.Lines(p.logs)
	a := p.attempt
	a.Dir = d.Dir
	if d.Try > 1 { // the helper functions then repair what the last attempt may have left half done
		a.Env = append(slices.Clone(a.Env), fmt.Sprintf("INFRAHAUS_TRY=%d", d.Try))
	}
	r.attempt = &a
	end, err := guest.RunAttempt(ctx, r.guest, a, at, guest.Sink{Output: lines.Add, Secret: r.learnSecret, Link: r.linkChanged})
	if flushErr := lines.Flush(); err == nil {
		err = flushErr
	}
	if guest.KindOf(err) == guest.Gone && ctx.Err() == nil {
		r.attempt = nil
		end.Died = true
		return end, nil // the mark stays claimed, so that a resume asks the guest how the attempt ended
	}
	if err != nil {
		return end, err
	}
	r.attempt = nil
	state := plan.Done
	if d.Status = end.Status; end.Status != 0 || end.Died {
		state = plan.Failed
	}
	return end, r.mark(ctx, event.Syncing, p.item, state, d)
}

// learnSecret redacts a credential that the guest has just made.
func (r *Run) learnSecret(key, value string) {
	r.Bus.Secrets().Add(event.SecretsIn(key, value)...)
}

func (r *Run) linkChanged(err error) {
	if err != nil {
		r.warn("the link to the container dropped; what runs there goes on, and is followed again once the link is back", "")
		return
	}
	r.say("the link to the container is back")
}

// nextAttempt returns the folder in the guest and the number of the next attempt at a program.
func (r *Run) nextAttempt(item string) plan.Detail {
	m := r.marks.Of(event.Syncing, item)
	name, sha := item, r.job.ScriptSHA(item)
	var due []plan.Due
	switch item {
	case plan.ItemManager:
		name, sha = "00-config-manager", r.job.Digest()
	case plan.ItemNotify:
		name, due = "99-notify", r.plan.Due
	}
	try := m.Try + 1
	dir := path.Join(configmanager.RunsDir, r.id, fmt.Sprintf("%s.%d", name, try))
	return plan.Detail{Dir: dir, Try: try, SHA256: sha, Take: m.Take, Due: due}
}
