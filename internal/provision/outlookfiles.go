package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// unseen reports whether the container is there and cannot be looked into, for it
// does not run.
func (r *Run) unseen() bool { return r.situation.State == plan.There && !r.situation.Running }

// outlookDeploy says what would be shipped, and whether the resume would be refused
// instead. As far as the guest can be asked it is what differs.
func (r *Run) outlookDeploy(ctx context.Context, inside string) (lines []string, refused bool, err error) {
	switch {
	case !r.shipNeeded() && !(r.unseen() && r.stale()):
		return []string{"get inside " + inside, "nothing to ship: it is there"}, false, nil
	case !r.situation.Runs():
		return r.outlookUnseen(inside), false, nil
	}
	in, err := r.input()
	if err != nil {
		return nil, false, err
	}
	in, inTheWay, err := r.differing(ctx, in)
	if err != nil {
		return nil, false, err
	}
	if len(inTheWay) > 0 {
		f := r.conflict(inTheWay)
		lines = []string{"get inside " + inside, fmt.Sprintf("refuse: %s in the way, and nothing is changed", counted(len(inTheWay), "file"))}
		return slices.Concat(lines, f.Tail, f.Hints), true, nil
	}
	return append(shipFirst(inside), r.outlookFiles(in)...), false, nil
}

// shipFirst is what comes before the files.
func shipFirst(inside string) []string {
	return []string{"get inside " + inside, "wait until the guest is ready", "install the config-manager"}
}

// outlookUnseen is the outlook where no guest can be asked.
func (r *Run) outlookUnseen(inside string) []string {
	if !r.unseen() {
		return planDeploy(r.Job, inside)
	}
	lines := shipFirst(inside)
	if r.turns[plan.ItemManager] == turnDone && !r.stale() {
		return lines
	}
	for _, line := range planDeploy(r.Job, inside)[len(lines):] {
		lines = append(lines, line+", if it differs")
	}
	return lines
}

// outlookFiles says of each file that differs what would be done about it. in is as
// differing returns it.
func (r *Run) outlookFiles(in configmanager.Input) (lines []string) {
	for i, f := range r.Job.Template.Files {
		d, later := r.driftOf(f.Target)
		switch effect := d.Effect(); {
		case r.turns[plan.ItemManager] == turnDone:
		case effect == configmanager.Keep:
			lines = append(lines, "leave "+f.Target+" as the container has it, and remember that")
		case in.Files[i].Unshipped:
		case effect == configmanager.Backup && (later || d.State != configmanager.FilePresent || d.Policy == "backup"):
			lines = append(lines, shipLine(f)+", keeping a copy of what is there")
		default:
			lines = append(lines, shipLine(f))
		}
	}
	return lines
}

// driftOf is how one file stands, settled. later says that a sync has ended before:
// what is there and was not deployed may be the user's.
func (r *Run) driftOf(target string) (of configmanager.FileDrift, later bool) {
	if r.Drift == nil {
		return of, false
	}
	for _, f := range r.Drift.Files {
		later = later || f.Deployed != ""
		if f.Target == target {
			of = f.Settled(r.take())
		}
	}
	return of, later
}
