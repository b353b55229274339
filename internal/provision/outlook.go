package provision

import (
	"context"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Outlook says what Resume would do, phase by phase, and does none of it. It asks
// Proxmox and, where the container runs, the guest. The run's record must drop
// what is written to it.
func (r *Run) Outlook(ctx context.Context) ([]PlanStep, error) {
	defer func() {
		if r.Guest != nil {
			r.Guest.Close()
		}
	}()
	defer r.wait("Proxmox and the container to report their progress", 0)()
	if err := r.lookBack(ctx); err != nil {
		return nil, err
	}
	if err := r.lookInside(ctx); err != nil {
		return nil, err
	}
	create, err := r.outlookCreate(ctx)
	if err != nil {
		return nil, err
	}
	inside, err := r.wayIn()
	if err != nil {
		return nil, err
	}
	deploy, refused, err := r.outlookDeploy(ctx, inside)
	if err != nil {
		return nil, err
	}
	does := [][]string{create, r.outlookStart(), deploy, r.outlookSync(), r.outlookFinalize()}
	switch {
	case r.lookOnly() && r.situation.Running:
		does[2], does[3] = []string{"get inside " + inside}, []string{"nothing"}
	case refused:
		does[3] = []string{"nothing: it is refused before"}
		does[4] = does[3]
	}
	var steps []PlanStep
	for i, phase := range Phases {
		steps = append(steps, planStep(phase, does[i]))
	}
	return steps, nil
}

// lookInside takes stock in the guest, or by the record alone where nobody can
// look in.
func (r *Run) lookInside(ctx context.Context) error {
	if r.situation.Runs() {
		if err := r.enterReady(ctx); err != nil {
			return err
		}
		if err := r.takeStock(ctx); err != nil {
			return err
		}
		return r.applyChanged(ctx)
	}
	if r.situation.ToCreate() {
		r.marks = plan.Marks{} // what ran in a container that is gone does not count
	}
	items := []string{plan.ItemManager}
	for _, s := range r.Job.Scripts() {
		items = append(items, s.Name)
	}
	r.decideTurns(items, nil)
	return nil
}

func (r *Run) outlookCreate(ctx context.Context) ([]string, error) {
	there := fmt.Sprintf("container %d on %s", r.CTID, r.Recorded.Node)
	switch {
	case r.situation.State == plan.There:
		return []string{"nothing: " + there + " is there"}, nil
	case r.situation.ToFollow():
		return []string{"follow the task that creates " + there + ": " + r.situation.Why}, nil
	}
	var lines []string
	if r.situation.State == plan.HalfMade {
		lines = append(lines, "remove the half-made "+there+": "+r.situation.Why)
		if r.Job.Spec.CTID != 0 {
			return append(lines, fmt.Sprintf("create container %d again", r.Job.Spec.CTID)), nil
		}
	}
	p, err := r.PVE.Resolve(ctx, r.Job.Spec, Inside(r.SSH.Transport)...)
	if err != nil {
		return nil, err
	}
	return append(lines, planCreate(r.Job, p)...), nil
}

func (r *Run) outlookStart() []string {
	switch {
	case r.situation.Runs():
		return []string{"nothing: it runs"}
	case r.situation.Start != "":
		return []string{"follow the task that starts it"}
	}
	return []string{"start it"}
}

// wayIn says how the guest was entered, or would be. Its error is a way that cannot
// work at all: nothing is to be made for it.
func (r *Run) wayIn() (string, error) {
	if r.Guest != nil {
		return r.SSH.Way(r.Guest.Transport(), r.opening.notes), nil
	}
	return wayIn(r.SSH, r.Address.IsValid() || r.Job.Spec.Network.Addressed())
}

func (r *Run) outlookFinalize() []string {
	lines := planFinalize(r.Job)
	if m := r.marks.Of(event.Deploying, plan.ItemSnapshot); m.State == plan.Claimed {
		lines = append(lines, "remove the snapshot "+m.Name)
	}
	return lines
}

func (r *Run) outlookSync() []string {
	files := map[turn]string{
		turnFirst: "put files in place and install packages", turnDone: "files and packages: done before",
		turnAttach: "follow the config-manager: files and packages", turnAgain: "files and packages: try again",
		turnDrain: "show how the config-manager ended, and try files and packages again",
	}
	lines := []string{files[r.turns[plan.ItemManager]]}
	if r.unseen() && r.turns[plan.ItemManager] == turnDone && r.stale() {
		lines[0] = "files and packages: what the template has changed"
	}
	for _, s := range r.Job.Template.EnabledScripts() {
		lines = append(lines, r.outlookScript(s))
	}
	return lines
}

func (r *Run) outlookScript(s template.Script) string {
	if r.Job.Skips(s.Name) {
		return s.Name + ": skipped"
	}
	m := r.marks.Of(event.Syncing, s.Name)
	switch r.turns[s.Name] {
	case turnDone:
		return s.Name + ": done before"
	case turnAttach:
		if !r.situation.Running {
			return "see how " + s.Name + " ended; run it again unless it ended well"
		}
		return "follow " + s.Name + " from where its output was left"
	case turnAgain:
		return fmt.Sprintf("run %s again (attempt %d)", s.Name, m.Try+1)
	case turnDrain:
		return fmt.Sprintf("show how %s ended, and run it again (attempt %d)", s.Name, m.Try+1)
	}
	return "run " + s.Name
}
