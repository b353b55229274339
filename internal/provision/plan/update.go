package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// ItemUpdate is claimed while an update changes a container, with how far it is.
const ItemUpdate = "update"

// UpdateRequest is what an update is asked for.
type UpdateRequest struct {
	Save        string // SnapshotAuto, SnapshotAlways or SnapshotNever: a snapshot or backup before the change
	DiscardRoot bool   // replace the root file system although no mount point keeps data
	Keep        bool   // leave what was updated although it does not answer
}

// UpdateWorld is what was found before an update.
type UpdateWorld struct {
	Record      lxc.Container
	What        string       // what is updated, in words: the image nginx:1.29
	From, To    string       // the two versions, in words; From "": To says all, or is not known
	Pinned      string       // why nothing is newer, if not because there is nothing
	Same        bool         // nothing is newer
	Steps       []UpdateStep // of what is updated, in their order
	Running     bool
	Stop        bool     // it is stopped while it is saved and changed
	Undoes      bool     // the change can be taken back although the container was not saved
	CanSnapshot bool     // every disk's storage can
	Backup      string   // a storage for a backup, where there can be no snapshot; "": none
	Keeps       []string // paths of mount points, whose data stays
	Begun       Swap     // how far an earlier update is; the zero Swap: none has begun
	Services    []string // declared services that have to answer afterwards
}

// SameWords says why there is nothing to update.
func (w UpdateWorld) SameWords() string {
	if w.Pinned != "" {
		return w.What + " " + w.Pinned
	}
	return w.What + " is the newest"
}

// Change is what is updated and to what, in words.
func (w UpdateWorld) Change() string {
	switch {
	case w.From != "":
		return w.What + " to " + w.To
	case w.To != "":
		return w.What + ": " + w.To
	}
	return w.What
}

// UpdateStep is one step of what is updated.
type UpdateStep struct {
	Before bool // the container is not touched yet
	Line   string
}

// Kinds of actions of an update.
const (
	Prepare Kind = "prepare"    // get everything ready, without touching the container
	Halt    Kind = "halt"       // stop the container
	Save    Kind = "save"       // a snapshot, or a backup
	Apply   Kind = "apply"      // the change itself
	PutBack Kind = "put back"   // undo it, if the container does not get ready
	Settle  Kind = "settle"     // remove what is left over
	Same    Kind = "up to date" // there is nothing to do
)

// Swap is how far the replacement of a root file system is. It is on record before each step,
// and says what the step does, so that a later run can finish it or put it back.
type Swap struct {
	Image    lxc.Image     `json:"image,omitzero"`
	Was      *lxc.Image    `json:"was,omitempty"` // the image on record before
	Aside    int           `json:"aside,omitempty"`
	AsideMAC string        `json:"asideMac,omitempty"`
	UPID     string        `json:"upid,omitempty"`    // of the task that makes it
	Freed    bool          `json:"freed,omitempty"`   // its root is an unused volume of it
	Given    string        `json:"given,omitempty"`   // the key under which the container has, or gets, that volume
	New      string        `json:"new,omitempty"`     // rootfs with the new volume
	Old      string        `json:"old,omitempty"`     // rootfs as it was
	OldKey   string        `json:"oldKey,omitempty"`  // the key under which the old volume is kept
	Program  string        `json:"program,omitempty"` // the entrypoint as it was
	Ran      bool          `json:"ran,omitempty"`     // the container ran before
	Before   lxc.Lifecycle `json:"before,omitempty"`  // of the record
	Backup   string        `json:"backup,omitempty"`  // the archive of a backup
	Try      int           `json:"try,omitempty"`     // of a script: the number of its first attempt in this update
	Stage    SwapStage     `json:"stage,omitempty"`
}

// SwapStage is the last stage of a replacement that has begun.
type SwapStage string

// The stages. Up to SwapMade the container is as it was.
const (
	SwapMade SwapStage = "made"    // the new root is being made
	SwapHalt SwapStage = "halted"  // the container is being stopped, and saved
	SwapPut  SwapStage = "put"     // the root is being replaced
	SwapRun  SwapStage = "run"     // the container is being started, and has to get ready
	SwapGood SwapStage = "good"    // it is ready: what is left over is being removed
	SwapBack SwapStage = "putback" // it is being put back
)

// before reports whether a stage comes before another one.
func (s SwapStage) before(o SwapStage) bool {
	order := []SwapStage{"", SwapMade, SwapHalt, SwapPut, SwapRun, SwapGood, SwapBack}
	return slices.Index(order, s) < slices.Index(order, o)
}

// Begun reports whether a replacement has begun and not ended.
func (s Swap) Begun() bool { return s.Stage != "" }

// Touched reports whether the container itself may have been changed or stopped.
func (s Swap) Touched() bool { return s.Stage != "" && s.Stage != SwapMade }

// UpdateBegun is how far an update is that has begun and not ended.
func UpdateBegun(marks Marks) Swap {
	if m := marks.Of(event.Deploying, ItemUpdate); m.State == Claimed && m.Swap != nil {
		return *m.Swap
	}
	return Swap{}
}

// DecideUpdate makes the list of actions of an update.
func DecideUpdate(q UpdateRequest, w UpdateWorld) Plan {
	act := func(phase event.StepName, kind Kind, lines ...string) Action {
		return Action{Phase: phase, Kind: kind, Lines: lines}
	}
	if w.Same && !w.Begun.Begun() {
		version := ""
		if w.From != "" {
			version = " (" + w.From + ")"
		}
		return Plan{Actions: []Action{act(event.Creating, Same, "nothing: "+w.SameWords()+version)}}
	}
	prepare, apply := []string{w.news()}, []string(nil)
	for _, s := range w.Steps {
		if s.Before {
			prepare = append(prepare, s.Line)
		} else {
			apply = append(apply, s.Line)
		}
	}
	p, begun := Plan{}, w.Begun.Stage
	add := func(a Action) { p.Actions = append(p.Actions, a) }
	ran := w.Running
	if w.Begun.Touched() {
		ran = w.Begun.Ran
	}
	if begun.before(SwapHalt) {
		add(act(event.Creating, Prepare, prepare...))
	}
	if begun.before(SwapPut) && w.Stop && w.Running {
		add(act(event.Deploying, Halt, "stop the container"))
	}
	if line := saveLine(q, w); begun.before(SwapPut) && line != "" {
		add(act(event.Deploying, Save, line))
	}
	if w.Stop && len(w.Keeps) > 0 {
		apply = append(apply, "what is in "+strings.Join(w.Keeps, ", ")+" stays")
	} else if w.Stop {
		apply = append(apply, "everything that was written in the container is discarded (--discard-root)")
	}
	if begun.before(SwapRun) {
		add(act(event.Deploying, Apply, apply...))
	}
	ready := "wait until the container runs"
	if len(w.Services) > 0 {
		ready = "wait until " + strings.Join(w.Services, ", ") + " answers"
	}
	switch {
	case !ran:
		ready = "the container was stopped before, and stays so"
	case w.Stop && (begun.before(SwapRun) || !w.Running):
		add(act(event.Finalizing, Start, "start the container"))
	}
	add(act(event.Finalizing, LookAround, ready))
	if back := backLine(q, w); back != "" && !q.Keep {
		add(act(event.Finalizing, PutBack, "put it back if not: "+back))
	}
	switch {
	case w.Stop:
		add(act(event.Finalizing, Settle, "remove the old one, and the snapshot"))
	case q.Save != SnapshotNever && w.CanSnapshot:
		add(act(event.Finalizing, Settle, "remove the snapshot"))
	}
	return p
}

// news is the first line of a plan.
func (w UpdateWorld) news() string {
	switch {
	case w.From != "":
		return w.What + ": " + w.From + " to " + w.To
	case w.To == "":
		return w.What + ": whether anything is newer is not known before"
	}
	return w.Change()
}

func saveLine(q UpdateRequest, w UpdateWorld) string {
	switch {
	case q.Save == SnapshotNever:
		return ""
	case w.CanSnapshot:
		return "take a snapshot"
	case w.Backup != "":
		return "make a backup on " + w.Backup + " (vzdump), because the storage cannot make a snapshot"
	}
	return "no snapshot and no backup: the storage cannot make one, and there is no storage for backups"
}

// backLine says how it is put back.
func backLine(q UpdateRequest, w UpdateWorld) string {
	switch {
	case q.Save != SnapshotNever && w.CanSnapshot:
		return "to the snapshot"
	case !w.Undoes && (q.Save == SnapshotNever || w.Backup == ""):
		return ""
	case !w.Undoes:
		return "stop it, and make it again from the backup"
	case len(w.Keeps) == 0:
		return "to the old root file system"
	}
	return fmt.Sprintf("to the old root file system; what the new one wrote in %s stays", strings.Join(w.Keeps, ", "))
}
