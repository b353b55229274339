package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
)

// decision is a request and a world with the intermediate results.
type decision struct {
	Request
	World
	programs map[string]Doing
	input    configmanager.Input       // the files to ship
	refused  []configmanager.FileDrift // files for which the run is refused
	settings []Setting                 // of a sync: the differences on Proxmox
	differs  bool                      // a sync has something to change
	redo     []string                  // programs that are done, and that a sync or resume has to run again
	due      []Due                     // of ItemNotify
}

// Decide makes the list of actions. Without World.Inside it is a prediction for everything
// after the start: what Proxmox and the record say is enough to create and to start.
func Decide(q Request, w World) Plan {
	if q.Verb == Discover {
		return Plan{Actions: []Action{{Phase: event.Finalizing, Kind: LookAround}}}
	}
	d := decide(q, w)
	p := Plan{
		Input: d.input, Refused: d.refused, Barred: d.barred(), Busy: d.busy(), Due: d.due, Silent: d.silent(),
	}
	for _, actions := range [][]Action{d.creating(), d.starting(), d.deploying(), d.syncing(), d.finalizing()} {
		p.Actions = append(p.Actions, actions...)
	}
	return p
}

func decide(q Request, w World) *decision {
	d := &decision{Request: q, World: w, programs: Programs(q, w)}
	if q.Verb == Sync && w.Situation.State == There {
		d.settings = Settings(q, w)
	}
	d.compare()
	for _, item := range d.redo {
		if d.programs[item] == Leave {
			d.programs[item] = Rerun
		}
	}
	if !w.Application() {
		d.notify()
	}
	return d
}

// NeedsDrift reports whether the decision needs World.Inside.Drift: a sync always, a resume
// if the config-manager may have something to apply.
func NeedsDrift(q Request, w World) bool {
	switch {
	case w.Inside == nil || q.Verb == Create || q.Verb == Resume && q.onlyLooks(w) || w.Application():
		return false
	case q.Verb == Sync:
		return true
	}
	d := decision{Request: q, World: w, programs: Programs(q, w)}
	if d.programs[ItemManager] == Leave {
		return q.outdated(w)
	}
	return d.ships()
}

// NeedsInput reports whether the decision, or the run after it, needs World.Inside.Wants.
func NeedsInput(q Request, w World) bool {
	d := decision{Request: q, World: w, programs: Programs(q, w)}
	return !w.Application() && !d.seesAll() && (d.ships() || NeedsDrift(q, w))
}

// compare applies the comparison of the guest with the template to the decision about the
// config-manager, and to the files that must be shipped.
func (d *decision) compare() {
	if d.Inside == nil {
		return
	}
	d.input = d.Inside.Wants
	drift := d.Inside.Drift
	if drift == nil {
		if d.Verb != Create {
			d.input = unshipped(d.input)
		}
		return
	}
	wanted := d.input
	differing, refused := wanted.Differing(*drift, d.take())
	refused = append(drift.TakenFolders(), refused...)
	d.input = differing
	switch {
	case d.Verb == Sync && len(refused) > 0:
		d.refused = refused
		return
	case d.Verb == Sync:
		if d.reconcile(); slices.Contains(d.redo, ItemManager) {
			d.programs[ItemManager] = Rerun
		}
	case d.programs[ItemManager] == Leave && (drift.Renewed() || drift.FoldersDiffer() || packagesDiffer(drift.Packages)):
		// A file that differs for another reason than the template is left: a script that
		// ran may have edited it.
		d.programs[ItemManager] = Rerun
	}
	if d.programs[ItemManager] == Leave {
		d.input = unshipped(wanted)
		return
	}
	if d.ships() {
		d.refused = refused
	}
	if d.Verb == Resume {
		d.redo = d.reruns()
	}
}

// unshipped is in with no file to ship: the guest has all of them.
func unshipped(in configmanager.Input) configmanager.Input {
	files := make([]configmanager.File, len(in.Files))
	for i, f := range in.Files {
		f.Unshipped = true
		files[i] = f
	}
	in.Files = files
	return in
}

// take is how conflicts are settled: as this sync was asked, or the sync that a resume
// continues.
func (d *decision) take() string {
	if d.Verb == Sync {
		return d.Sync.Take
	}
	return d.known().Of(event.Syncing, ItemManager).Take
}

// unfinished reports whether any program is not done.
func (d *decision) unfinished() bool {
	for _, p := range d.programs {
		if p != Leave {
			return true
		}
	}
	return false
}

// starts reports whether any script starts an attempt.
func (d *decision) starts() bool {
	for _, s := range d.Job.Scripts() {
		if d.programs[s.Name].Starts() {
			return true
		}
	}
	return false
}

// ships reports whether the guest lacks the files that the config-manager will apply, or
// the scripts that will run.
func (d *decision) ships() bool {
	ship := d.known().Of(event.Deploying, ItemShip)
	if ship.State != Done || d.programs[ItemManager].Starts() {
		return true // an attempt of the config-manager may have used up half of what was shipped
	}
	return ship.SHA256 != d.Job.Digest() && d.starts()
}

// seesAll reports whether the guest needs nothing but the last phase, once it runs.
func (d *decision) seesAll() bool {
	return d.onlyLooks(d.World) && (d.Inside != nil || d.Situation.State == There)
}

func (d *decision) creating() []Action {
	action := func(kind Kind, lines ...string) Action {
		return Action{Phase: event.Creating, Kind: kind, Lines: lines}
	}
	there := fmt.Sprintf("container %d on %s", d.Record.CTID, d.Record.Node)
	var onNode, env []Action
	if d.setsOnNode(d.Request) {
		onNode = []Action{action(SetOnNode, d.onNodeLines()...)}
	}
	if lines := d.environmentLines(); lines != nil {
		env = []Action{action(SetEnv, lines...)}
	}
	switch {
	case d.Situation.State == There && onNode != nil:
		return onNode
	case d.Situation.State == There:
		return []Action{action(Nothing, "nothing: "+there+" is there")}
	case d.Situation.ToFollow():
		return append([]Action{action(FollowCreate, "follow the task that creates "+there+": "+d.Situation.Why)}, append(env, onNode...)...)
	}
	var actions []Action
	if d.Situation.State == HalfMade {
		actions = append(actions, action(RemoveHalf, "remove the half-made "+there+": "+d.Situation.Why))
	}
	if p := d.Placement; p != nil && p.Template.Download {
		line := fmt.Sprintf("download %s to %s", p.Template.Name, p.Template.Storage)
		if p.Template.Image != "" {
			line = fmt.Sprintf("pull %s to %s as %s", p.Template.Image, p.Template.Storage, p.Template.Name)
		}
		actions = append(actions, action(Download, line))
	}
	return slices.Concat(actions, []Action{action(CreateAnew, d.createLines()...)}, env, onNode)
}

func (d *decision) starting() []Action {
	action := func(kind Kind, lines ...string) []Action {
		return []Action{{Phase: event.Starting, Kind: kind, Lines: lines}}
	}
	switch {
	case d.Situation.Runs():
		return action(Nothing, "nothing: it runs")
	case d.Situation.Start != "":
		return action(FollowStart, "follow the task that starts it")
	}
	return action(Start, d.startLines()...)
}

func (d *decision) deploying() []Action {
	action := func(kind Kind, item string, lines ...string) Action {
		return Action{Phase: event.Deploying, Kind: kind, Item: item, Lines: lines}
	}
	enter := "get inside " + d.Way
	switch {
	case d.Application():
		return d.applicationDeploying()
	case d.seesAll():
		return []Action{action(Enter, "", enter)}
	case d.refuses():
		return []Action{action(Enter, "", enter), action(Refuse, "", d.refuseLines()...)}
	case d.Verb != Sync || d.Inside == nil:
		ship := d.shipping(enter)
		return slices.Concat(ship[:1:1], d.redoing(), d.goOnSetting(), ship[1:])
	}
	ship := d.shipping(enter)
	actions := slices.Concat(ship[:1:1], d.removed(), d.staying())
	if d.differs {
		actions = append(actions, action(Snapshot, ""))
		actions = append(actions, d.redoing()...)
		actions = append(actions, action(Change, ""))
		actions = append(actions, d.setting()...)
	} else {
		actions = append(actions, action(KeepJob, ""))
	}
	return append(actions, ship[1:]...)
}

// redoing record that programs which are done have to run again.
func (d *decision) redoing() (actions []Action) {
	for _, item := range d.redo {
		actions = append(actions, Action{Phase: event.Deploying, Kind: Redo, Item: item})
	}
	return actions
}

// removed name what the template no longer has. It stays in the container, because nobody
// knows what else uses it.
func (d *decision) removed() (actions []Action) {
	add := func(name, line string) {
		actions = append(actions, Action{Phase: event.Deploying, Kind: Removed, Item: name, Lines: []string{line}})
	}
	for _, name := range d.Sync.Removed {
		add(name, "script "+name+" is not in the template any more; what it did stays")
	}
	for _, f := range d.Inside.Drift.Files {
		if f.State == configmanager.FileRemoved {
			add(f.Target, f.Target+" is not in the template any more; it stays in the container")
		}
	}
	return actions
}

// shipping are the actions from the entry on: with everything to ship, or with nothing.
func (d *decision) shipping(enter string) []Action {
	action := func(kind Kind, item string, lines ...string) Action {
		return Action{Phase: event.Deploying, Kind: kind, Item: item, Lines: lines}
	}
	if !d.ships() && !(d.unseen() && d.outdated(d.World)) {
		return []Action{action(Enter, "", enter), action(Nothing, "", "nothing to ship: it is there")}
	}
	actions := []Action{
		action(Enter, "", enter, "wait until the guest is ready"),
		action(Ship, "", "install the config-manager"),
	}
	return append(actions, d.fileActions()...)
}

func (d *decision) syncing() []Action {
	action := func(kind Kind, item string, doing Doing, lines ...string) Action {
		return Action{Phase: event.Syncing, Kind: kind, Item: item, Doing: doing, Lines: lines}
	}
	switch {
	case d.Application():
		return d.applicationSyncing()
	case d.seesAll():
		return []Action{action(Nothing, "", 0, "nothing")}
	case d.refuses():
		return []Action{action(Nothing, "", 0, "nothing: it is refused before")}
	}
	actions := []Action{action(Program, ItemManager, d.programs[ItemManager], d.managerLines()...)}
	for _, s := range d.Job.Template.EnabledScripts() {
		if d.Job.Skips(s.Name) {
			actions = append(actions, action(Skip, s.Name, 0, d.skipLines(s.Name)...))
			continue
		}
		if why := d.Job.unmet(s); why != "" {
			actions = append(actions, action(Unmet, s.Name, 0, s.Name+": skipped, "+why))
			continue
		}
		actions = append(actions, action(Program, s.Name, d.programs[s.Name], d.scriptLine(s.Name)+d.ifKnown(s)))
	}
	if p := d.programs[ItemNotify]; p != Leave {
		actions = append(actions, action(Program, ItemNotify, p, d.notifyLines()...))
	}
	if n := len(actions) - 1; d.Verb == Create {
		actions[n].Lines = append(actions[n].Lines, d.valueLines()...)
	}
	return actions
}

func (d *decision) finalizing() []Action {
	if d.refuses() {
		return []Action{{Phase: event.Finalizing, Kind: Nothing, Lines: []string{"nothing: it is refused before"}}}
	}
	if b := d.Job.Bake; b != nil {
		name := cmp.Or(b.Name, "an image")
		return []Action{{Phase: event.Finalizing, Kind: Pack, Lines: []string{
			"remove what containers must not share", "store " + name + " on " + b.Storage, "destroy the container",
		}}}
	}
	look := d.discoverLines
	if d.Application() {
		look = d.outsideLines
	}
	actions := []Action{{Phase: event.Finalizing, Kind: LookAround, Lines: look()}}
	drop := Action{Phase: event.Finalizing, Kind: DropSnapshot}
	switch m := d.known().Of(event.Deploying, ItemSnapshot); {
	case m.State == Claimed, m.State == Expired:
		drop.Item, drop.Lines = m.Name, []string{"remove the snapshot " + m.Name}
	case !d.differs: // this sync takes no snapshot either
		return actions
	}
	return append(actions, drop)
}
