package provision

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// scriptUpdate runs the update of a container's template in the container, which goes on
// running: the check, which changes nothing, and then, once the container is saved, the script
// that installs the newest version. The script runs as an attempt, so that a run that is killed
// leaves it running, and the next one follows it. Without a snapshot or a backup there is no
// way back.
type scriptUpdate struct {
	run *Run
	how plan.UpdateRequest
	at  plan.Swap
}

func (u *scriptUpdate) swap() *plan.Swap { return &u.at }

func (u *scriptUpdate) privileges() (needs, optional []string) {
	needs = slices.Concat([]string{"VM.Audit"}, Inside(u.run.host.SSH.Transport))
	if u.how.Save == plan.SnapshotNever {
		return needs, nil
	}
	return append(needs, "VM.PowerMgmt"), []string{"VM.Snapshot", "VM.Backup"}
}

func (u *scriptUpdate) update() *template.Update { return u.run.job.Template.Update }

func (u *scriptUpdate) look(ctx context.Context, deep bool) (plan.UpdateWorld, error) {
	r := u.run
	name := r.recorded.Hostname
	w := plan.UpdateWorld{Record: r.recorded, What: r.job.Template.Name, Running: r.situation.Running}
	refuse := func(status int, why, hint string) (plan.UpdateWorld, error) {
		return w, &exit.Failure{Status: status, Message: fmt.Sprintf("cannot update %s: %s", name, why), Hints: []string{hint}}
	}
	switch {
	case u.at.Begun():
	case r.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed: // a way back would lead there
		return refuse(exit.Other, "a snapshot is there from before a sync that did not end well", r.Command("sync", name, "--rollback"))
	case r.recorded.Lifecycle != lxc.Ready:
		return refuse(exit.Other, "it is not finished", r.Command("resume", name))
	case !w.Running:
		return refuse(exit.Unreachable, "it is not running", r.Command("start", name))
	}
	declared, err := r.declared()
	if err != nil {
		return w, err
	}
	for _, d := range declared {
		w.Services = append(w.Services, d.Name)
	}
	w.Steps = []plan.UpdateStep{{Line: "run " + u.update().Run.Name + " in the container, which goes on running"}}
	if err := r.waysToSave(ctx, u.how.Save, &w); err != nil {
		return w, err
	}
	if err := u.wholeInBackup(w); err != nil {
		return w, err
	}
	if ship := r.marks.Of(event.Deploying, plan.ItemShip); ship.SHA256 != r.job.Digest() {
		r.warn("the template has changed since it was applied: the update runs with the files that the container has", "to apply it first: "+r.Command("sync", name))
	}
	if !deep || u.at.Begun() || u.update().Check == nil {
		return w, nil
	}
	return w, u.check(ctx, &w)
}

// wholeInBackup refuses an update whose way back is a backup that lacks a volume: Proxmox
// removes every volume of a container before it unpacks the backup.
func (u *scriptUpdate) wholeInBackup(w plan.UpdateWorld) error {
	if w.CanSnapshot || w.Backup == "" || u.at.Begun() {
		return nil
	}
	lacks := u.run.situation.Config.NotBackedUp()
	if len(lacks) == 0 {
		return nil
	}
	return &exit.Failure{
		Status:  exit.Usage,
		Message: fmt.Sprintf("cannot update %s: its storage cannot make a snapshot, and a backup has no %s, which would be lost with a way back", u.run.recorded.Hostname, strings.Join(lacks, ", ")),
		Hints:   []string{"set backup=1 for the mount point", "or update without a way back: " + u.run.Command("update", u.run.recorded.Hostname, "--snapshot", plan.SnapshotNever)},
	}
}

// check runs the script that looks for something newer. It leaves nothing in the container.
func (u *scriptUpdate) check(ctx context.Context, w *plan.UpdateWorld) error {
	r, s := u.run, *u.update().Check
	if err := r.enterUpdate(ctx); err != nil {
		return err
	}
	r.say("Running " + s.Name)
	a := u.attempt(s)
	a.Dir = path.Join(configmanager.RunsDir, "look-"+strings.ToLower(rand.Text()[:12]))
	lines := r.Bus.Lines(u.logs(s))
	var out bounded
	out.limit = 64 << 10
	r.tail.reset()
	end, err := guest.RunAttempt(ctx, r.guest, a, guest.Offsets{}, guest.Sink{
		Output: func(stream string, at int64, p []byte) error {
			if stream == guest.Stdout {
				_, _ = out.Write(p)
			}
			return lines.Add(stream, at, p)
		},
		Secret: r.learnSecret, Link: r.linkChanged,
	})
	if flushErr := lines.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		return err
	}
	if _, err := r.guest.Run(ctx, guest.Cmd{Label: "remove what the check has left", Script: "rm -rf " + guest.Quote(a.Dir)}); err != nil {
		return err
	}
	said := splitLines(strings.TrimSpace(out.String()))
	switch {
	case end.Status == template.NothingNewer:
		w.Same = true
	case end.Status != 0 || end.Died:
		return &exit.Failure{
			Status: exit.Guest, Message: fmt.Sprintf("cannot tell whether %s has anything newer: %s: exit status %d; nothing was changed", r.recorded.Hostname, s.Name, end.Status),
			Tail: r.tail.lines(),
		}
	case len(said) > 0:
		w.To = said[len(said)-1]
	}
	return nil
}

// logs are the log events of a script of the update.
func (u *scriptUpdate) logs(s template.Script) event.Event {
	return event.Event{Type: event.Log, Step: u.run.phase.Name, ScriptName: s.Name}
}

func (u *scriptUpdate) attempt(s template.Script) guest.Attempt {
	return guest.Attempt{Name: s.Name, Script: s.Content, Env: u.run.scriptEnv(s), Helpers: configmanager.HelpersPath, Timeout: s.Timeout}
}

// enterUpdate gets inside, unless the run is there already.
func (r *Run) enterUpdate(ctx context.Context) error {
	if r.guest != nil {
		return nil
	}
	st, err := r.host.PVE.Status(ctx, r.placement.Node, r.ctid)
	if err == nil && !st.Running { // somebody has stopped it since the update began
		err = r.startIt(ctx, plan.Action{Kind: plan.Start})
	}
	if err != nil {
		return err
	}
	return r.enterReady(ctx)
}

func (u *scriptUpdate) prepare(context.Context) error { return nil }

func (u *scriptUpdate) same(context.Context) error { return nil }

// apply runs the script, or follows the one that an earlier run has started. A script that has
// failed or died is run again: the user has asked to go on.
func (u *scriptUpdate) apply(ctx context.Context) error {
	r, s := u.run, u.update().Run
	r.phase = Phases[2]
	if err := r.enterUpdate(ctx); err != nil {
		return err
	}
	m := r.marks.Of(event.Syncing, s.Name)
	if u.at.Try == 0 { // the attempts up to here belong to earlier updates
		u.at.Try = m.Try + 1
		if err := r.stage(ctx, u, plan.SwapPut); err != nil {
			return err
		}
	}
	doing := plan.Run
	if m.Try >= u.at.Try {
		var seen map[string]guest.Seen
		err := r.reading(ctx, func() (err error) {
			seen, err = guest.Look(ctx, r.guest, []string{m.Dir}, r.learnSecret)
			return err
		})
		if err != nil {
			return err
		}
		doing = plan.Continue(m, seen[m.Dir])
	}
	r.plan.Actions = append(r.plan.Actions, plan.Action{Kind: plan.Program, Item: s.Name, Doing: doing})
	err := r.runProgram(ctx, program{item: s.Name, logs: u.logs(s), attempt: u.attempt(s), announced: true})
	if err != nil {
		return err
	}
	r.closeGuest() // what it has installed may have broken this way in
	r.guest = nil
	return nil
}

// undo makes the container again from the backup, where there was no snapshot to go back to.
func (u *scriptUpdate) undo(ctx context.Context) error {
	r, node := u.run, u.run.placement.Node
	if r.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed || u.at.Backup == "" {
		return nil
	}
	now, err := r.host.PVE.AwaitUnlocked(ctx, node, r.ctid)
	if err != nil {
		return err
	}
	r.say("Making the container again from " + u.at.Backup)
	storage, _, _ := strings.Cut(volumeOf(now.All["rootfs"]), ":")
	upid, err := r.host.PVE.Restore(ctx, node, r.ctid, u.at.Backup, storage)
	if err == nil {
		_, err = r.followTask(ctx, upid)
	}
	return err
}

// settle removes the snapshot. A backup stays: it may be the only one.
func (u *scriptUpdate) settle(ctx context.Context, good bool) error {
	r := u.run
	r.dropSnapshot(ctx)
	if good && u.at.Backup != "" {
		r.say("The backup " + u.at.Backup + " stays")
	}
	if !good {
		err := r.record.Update(ctx, func(c *lxc.Container) {
			if c.Lifecycle = u.at.Before; u.at.Before == "" {
				c.Lifecycle = lxc.Ready
			}
		})
		if err != nil {
			return err
		}
	}
	return r.mark(ctx, event.Deploying, plan.ItemUpdate, plan.Done, plan.Detail{})
}

// half reports whether the script has begun.
func (u *scriptUpdate) half() bool {
	return u.at.Try > 0 && u.run.marks.Of(event.Syncing, u.update().Run.Name).Try >= u.at.Try
}

// canPutBack reports whether the container was saved.
func (u *scriptUpdate) canPutBack() bool {
	return u.at.Backup != "" || u.run.marks.Of(event.Deploying, plan.ItemSnapshot).State == plan.Claimed
}
