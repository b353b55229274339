package provision

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// turn is what is to be done about one program that runs in the guest: a script
// or the config-manager.
type turn int

const (
	turnFirst  turn = iota // it never ran: run it
	turnDone               // it was done before: leave it
	turnAttach             // it runs, or has ended well unseen: follow it from where its output was left
	turnAgain              // it failed or died, or is to be run again: another attempt
	turnDrain              // it failed or died unseen: show the rest of its output, then another attempt
)

// decide says what is to be done about a program by its mark, what the guest
// says of the attempt, whether it was asked for again, and the digest of what
// would run now ("": whatever ran will do). What has changed since it ran is run
// again: only a sync, or a resume that was told so, has a changed template.
func decide(m plan.Mark, seen guest.Seen, again bool, sha string) turn {
	switch m.State {
	case "":
		return turnFirst
	case plan.Done:
		if again || sha != "" && sha != m.SHA256 {
			return turnAgain
		}
		return turnDone
	case plan.Claimed:
		switch {
		case seen.State == guest.Dead, seen.State == guest.Ended && seen.Status != 0:
			return turnDrain
		case seen.State == guest.Unclaimed && (again || sha != "" && sha != m.SHA256):
			return turnAgain
		}
		return turnAttach // an attempt that was never claimed in the guest is started by this, once
	}
	return turnAgain
}

// takeStock finds out, with one remote command at most, what is to be done about
// the config-manager and each script, and learns what they have saved as credentials:
// it is as secret in what this run is going to follow.
func (r *Run) takeStock(ctx context.Context) error {
	items := []string{plan.ItemManager}
	for _, s := range r.Job.Scripts() {
		items = append(items, s.Name)
	}
	var dirs []string
	for _, item := range items {
		if m := r.marks.Of(event.Syncing, item); m.Dir != "" {
			dirs = append(dirs, m.Dir)
		}
	}
	var seen map[string]guest.Seen
	err := r.reading(ctx, func() (err error) {
		seen, err = guest.Look(ctx, r.Guest, dirs, r.learnSecret)
		return err
	})
	if err != nil {
		return err
	}
	r.decideTurns(items, seen)
	return nil
}

// decideTurns fills in turns. A script that follows one which is run again is
// not: what is done stays done, unless --from says otherwise.
func (r *Run) decideTurns(items []string, seen map[string]guest.Seen) {
	r.turns = map[string]turn{}
	for _, item := range items {
		m := r.marks.Of(event.Syncing, item)
		again := r.revalued(item)
		t := decide(m, seen[m.Dir], again || r.redo(item), r.scriptSHA(item))
		if t == turnAttach && (again || item == plan.ItemManager && r.stale()) {
			t = turnDrain // it works with what there was then
			if seen[m.Dir].State == guest.Unclaimed {
				t = turnAgain
			}
		}
		r.turns[item] = t
	}
}

// revalued reports whether a sync was given another value of a variable that a
// script names. The digest of a script knows nothing of those that are secret.
func (r *Run) revalued(item string) bool {
	return slices.ContainsFunc(r.Job.Scripts(), func(s template.Script) bool {
		return s.Name == item && slices.ContainsFunc(r.Asked.Values, func(name string) bool { return names(s, name) })
	})
}

// stale reports whether a resume was told to use a template that has changed since
// the config-manager's last turn.
func (r *Run) stale() bool {
	last := cmp.Or(r.marks.Of(event.Syncing, plan.ItemManager).SHA256, r.marks.Of(event.Deploying, plan.ItemShip).SHA256)
	return !r.renewing && !r.lookOnly() && last != "" && last != r.Job.Digest()
}

// applyChanged lets the config-manager, although it is done, apply what the
// template has changed of files and packages. What differs for another reason is
// left: a script that ran may have edited it.
func (r *Run) applyChanged(ctx context.Context) error {
	if r.turns[plan.ItemManager] != turnDone || !r.stale() {
		return nil
	}
	in, err := r.input()
	if err != nil {
		return err
	}
	d, err := r.drift(ctx, in)
	if err != nil {
		return err
	}
	if r.Drift = &d; d.Renewed() || packagesDiffer(d) {
		r.turns[plan.ItemManager] = turnAgain
	}
	return nil
}

// redo reports whether --from asks for a program that was done. The last phase has
// none.
func (r *Run) redo(item string) bool {
	if r.From == "" || r.From == string(event.Finalizing) {
		return false
	}
	if slices.Contains(event.Steps, event.StepName(r.From)) {
		return true
	}
	for _, s := range r.Job.Scripts() {
		switch s.Name {
		case r.From:
			return item != plan.ItemManager // it and what follows it
		case item:
			return false
		}
	}
	return false
}

// lookOnly reports whether --from asks for the last phase alone. It goes back only:
// of what was not finished, everything that is not done is done first.
func (r *Run) lookOnly() bool {
	return r.From == string(event.Finalizing) && r.Recorded.Lifecycle == lxc.Ready
}

// shipNeeded reports whether the guest lacks what the config-manager is to
// apply, or the scripts that are to run.
func (r *Run) shipNeeded() bool {
	ship := r.marks.Of(event.Deploying, plan.ItemShip)
	if t := r.turns[plan.ItemManager]; ship.State != plan.Done || t != turnDone && t != turnAttach {
		return true // what was staged may be half used up
	}
	return ship.SHA256 != r.Job.Digest() && r.scriptsToRun()
}

// scriptsToRun reports whether any script begins in this run.
func (r *Run) scriptsToRun() bool {
	return slices.ContainsFunc(r.Job.Scripts(), func(s template.Script) bool {
		t := r.turns[s.Name]
		return t != turnDone && t != turnAttach
	})
}

// nextAttempt is where the next attempt at a program lives in the guest.
func (r *Run) nextAttempt(item string) plan.Detail {
	m := r.marks.Of(event.Syncing, item)
	name, sha := item, r.scriptSHA(item)
	if item == plan.ItemManager {
		name, sha = "00-config-manager", r.Job.Digest()
	}
	try := m.Try + 1
	dir := path.Join(configmanager.RunsDir, r.ID, fmt.Sprintf("%s.%d", name, try))
	return plan.Detail{Dir: dir, Try: try, SHA256: sha, Take: m.Take}
}

// scriptSHA is the digest of a script as it would run now, with the variables that
// it names, secret ones apart; "" for none.
func (r *Run) scriptSHA(name string) string {
	if r.Job.Template == nil {
		return ""
	}
	for _, s := range r.Job.Template.Scripts {
		if s.Name != name {
			continue
		}
		h := sha256.New()
		h.Write(s.Content)
		for _, v := range r.Job.Values.All() {
			if !v.Secret && names(s, v.Name) {
				fmt.Fprintf(h, "\x00%s=%s", v.Name, v.Text)
			}
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	return ""
}

// names reports whether a script names a variable.
func names(s template.Script, variable string) bool {
	return bytes.Contains(s.Content, []byte(variable)) || bytes.Contains(s.Content, []byte(template.EnvName(variable)))
}
