package plan

import (
	"cmp"
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// World is everything that was found before a decision.
type World struct {
	Record    lxc.Container
	Marks     Marks
	Situation Situation
	Placement *pve.Placement // where a container will be created; nil: not chosen yet, or none is created
	OnNode    []pve.Setting  // what the node has to set before the first start; see pve.Client.OnNode
	Way       string         // in words, how the guest is or will be entered
	Login     Login
	NoShell   string  // in words, why there is no shell in an application container; "": there is, or may be
	Inside    *Inside // nil: nobody has looked into the guest
}

// Login is what may be set that Proxmox keeps for root@pam.
type Login struct {
	Root bool // the login is root@pam with its password
	Node bool // pct can be run on the node
	// Pools: the login may take a container out of its pool, and into the one that it is
	// asked to be in.
	Pools bool
}

// Inside is what was found in a guest that runs.
type Inside struct {
	Attempts map[string]guest.Seen // by the folder of the attempt
	Wants    configmanager.Input   // the files and packages that the template puts into this guest
	Drift    *configmanager.Drift  // how the guest differs from that; nil: not compared, see NeedsDrift
}

// Image is the OCI image of the container: as it was made, or before that as the registry
// describes it. It is nil for an ordinary OS template.
func (w World) Image() *lxc.Image {
	if w.Record.Image == nil && w.Placement != nil {
		return w.Placement.Image
	}
	return w.Record.Image
}

// inImage reports whether a baked image, from which the container will be made, has run a script
// already. Once the container is made, its mark says so.
func (w World) inImage(j Job, script string) bool {
	return w.Placement != nil && w.Placement.Baked != nil && slices.ContainsFunc(j.Template.Scripts, func(s template.Script) bool {
		return s.Name == script && s.Stage == template.StageImage
	})
}

// known are the marks that count. The marks of a container that does not exist any more
// say nothing about the one that will be created.
func (w World) known() Marks {
	if w.Inside == nil && w.Situation.ToCreate() {
		return nil
	}
	return w.Marks
}

// setsOnNode reports whether settings are still to be made on the node. After the first start
// a change of them is a sync's matter.
func (w World) setsOnNode(q Request) bool {
	marks := w.known()
	return len(w.OnNode) > 0 && (q.Verb == Create || q.Verb == Resume) &&
		marks.Of(event.Creating, ItemOnNode).State != Done && marks.Of(event.Starting, ItemStart).State == ""
}

// unseen reports whether the container is complete but stopped, so that nobody could look
// inside.
func (w World) unseen() bool { return w.Situation.State == There && !w.Situation.Running }

// onlyLooks reports whether --from asks for the last phase alone. --from never skips work:
// in a container that is not finished, everything that is not done is done first.
func (q Request) onlyLooks(w World) bool {
	return q.From == string(event.Finalizing) && w.Record.Lifecycle == lxc.Ready
}

// outdated reports whether the template has changed since its files and packages were last
// applied, and a resume was told to use it as it is now.
func (q Request) outdated(w World) bool {
	marks := w.known()
	last := cmp.Or(marks.Of(event.Syncing, ItemManager).SHA256, marks.Of(event.Deploying, ItemShip).SHA256)
	return q.Verb != Sync && !q.onlyLooks(w) && last != "" && last != q.Job.Digest()
}
