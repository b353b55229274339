package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/provision/guestfiles"
)

// unseen reports whether the container is there and cannot be looked into, for it
// does not run.
func (r *Run) unseen() bool { return r.course.make == makeNone && !r.course.runs }

// outlookDeploy says what would be shipped, and whether the resume would be refused
// instead. As far as the guest can be asked it is what differs.
func (r *Run) outlookDeploy(ctx context.Context, inside string) (lines []string, refused bool, err error) {
	switch {
	case !r.shipNeeded() && !(r.unseen() && r.stale()):
		return []string{"get inside " + inside, "nothing to ship: it is there"}, false, nil
	case !r.course.runs || r.course.make != makeNone:
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
	if r.turns[itemManager] == turnDone && !r.stale() {
		return lines
	}
	for _, line := range planDeploy(r.Job, inside)[len(lines):] {
		lines = append(lines, line+", if it differs")
	}
	return lines
}

// outlookFiles says of each file that differs what would be done about it. in is as
// differing returns it.
func (r *Run) outlookFiles(in guestfiles.Input) (lines []string) {
	drift := map[string]guestfiles.FileDrift{}
	later := false // some sync has ended before: what is there may be the user's
	if r.Drift != nil {
		for _, f := range r.Drift.Files {
			drift[f.Target] = f.Settled(r.take())
			later = later || f.Deployed != ""
		}
	}
	for i, f := range r.Job.Template.Files {
		d := drift[f.Target]
		effect := d.Effect()
		if in.Files[i].Unshipped {
			if effect == guestfiles.Keep && r.turns[itemManager] != turnDone {
				lines = append(lines, "leave "+f.Target+" as the container has it, and remember that")
			}
			continue
		}
		line := shipLine(f)
		if effect == guestfiles.Backup && (later || d.State != guestfiles.FilePresent || d.Policy == "backup") {
			line += ", keeping a copy of what is there"
		}
		lines = append(lines, line)
	}
	return lines
}
