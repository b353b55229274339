// Package outcome decides how a run ends: the message and the hints of its last event, the
// lifecycle of its record, and its exit status. It is pure: the engine says how far the run
// has come.
package outcome

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Existence is what is known about the container of a run on Proxmox.
type Existence int

// The values. A run begins with NotAsked, or with Asked if the record has an id.
const (
	NotAsked   Existence = iota // no request was sent, or Proxmox refused it
	Asked                       // it was requested: it exists, as far as is known
	Locked                      // its create task died and left it locked
	Unanswered                  // the request had no answer: Proxmox may still make it
	CleanedUp                   // its create task failed, and Proxmox removed what it had made
	Foreign                     // the id belongs to somebody else's container
	Destroyed                   // --on-failure destroyed it
)

// None reports whether no container of this run exists.
func (e Existence) None() bool {
	return e == NotAsked || e == CleanedUp || e == Foreign || e == Destroyed
}

// Run is everything on which the end of a run depends.
type Run struct {
	Verb      plan.Verb
	Existence Existence
	Changing  bool // the run has begun to change the container, or its record
	Recorded  lxc.Container
	Hostname  string
	CTID      int

	LeftSnapshot bool          // a snapshot from before a sync exists, to which the user can go back
	Updated      string        // of an update that ended well: its message
	NoWayBack    bool          // of an update: the container was not saved before
	Baked        string        // of a bake that ended well: the image; its container is destroyed
	Kept         string        // end of a sync's message: the files that stay as the container has them
	Snapshot     string        // of a rollback: its name,
	Was          lxc.Lifecycle // and the lifecycle when it was taken
	OnNode       bool          // of a rollback: a task of it may still run on the node
	Unready      []string      // declared services that do not answer
	CanUnlock    bool          // this tool can remove a lock on the node
	Interrupted  bool          // a signal or a deadline ended the run

	Command func(words ...string) string // a command line of this tool
}

// End is how a run ends.
type End struct {
	Message   string // of a success
	Hints     []string
	Status    int           // of a success: 0 or exit.Unready
	Lifecycle lxc.Lifecycle // for the record; "" leaves it
	Error     string        // for the record of a success
}

// Success is the end of a run without an error.
func (r Run) Success() End {
	if r.Baked != "" {
		return End{Message: "Image ready: " + r.Baked, Lifecycle: lxc.Destroyed}
	}
	end := End{Message: r.done(), Lifecycle: lxc.Ready}
	if r.Verb == plan.Discover && !r.Recorded.Adopted {
		// A look inside does not show whether other work is left. Only an adopted container
		// has no other work.
		end.Lifecycle = ""
	}
	if r.Verb == plan.Update && !r.Changing {
		end.Lifecycle = "" // nothing was newer
	}
	if r.wasUnfinished() {
		end.Lifecycle, end.Error = lxc.Failed, "it is as it was before a sync, and had not been finished then"
		end.Hints = []string{"it had not been finished then; to go on: " + r.Command("resume", r.Recorded.Hostname)}
	}
	if len(r.Unready) > 0 {
		end.Status, end.Message = exit.Unready, "Container is up, but not answering: "+strings.Join(r.Unready, ", ")
		end.Hints = []string{r.Command("logs", r.Hostname)}
		if r.LeftSnapshot && r.Verb != plan.Update {
			end.Hints = append(end.Hints, r.back())
		}
	}
	return end
}

// done is the message for each verb.
func (r Run) done() string {
	switch r.Verb {
	case plan.Discover:
		return "Container was looked at"
	case plan.Sync:
		return "Container is as its template says" + r.Kept
	case plan.Update:
		return r.Updated
	case plan.Rollback:
		return "Container is as it was when the snapshot " + r.Snapshot + " was taken"
	}
	return "Container ready!"
}

// wasUnfinished reports whether a rollback leads to a container that was never finished.
func (r Run) wasUnfinished() bool {
	return r.Verb == plan.Rollback && (r.Was == lxc.Failed || r.Was == lxc.Creating)
}

// Failure is the end of a run with an error, besides the error's own message and hints.
func (r Run) Failure() End { return End{Hints: r.hints(), Lifecycle: r.failed()} }

// failed is the lifecycle after an error. If a create left nothing on the node, its name
// becomes free, and its history stays. A failed look changes nothing, except that a container
// without any successful look is not adopted as ready.
func (r Run) failed() lxc.Lifecycle {
	switch {
	case !r.Changing && r.Recorded.Adopted && r.Recorded.Lifecycle != lxc.Ready:
		return lxc.Failed
	case !r.Changing && r.Verb == plan.Resume && r.Recorded.Lifecycle == lxc.Creating:
		return lxc.Failed // the run that it continues was killed: no run is creating it
	case !r.Changing:
		return ""
	case r.Existence == Destroyed, r.Existence.None() && r.Verb == plan.Create:
		return lxc.Destroyed
	}
	return lxc.Failed
}

// hints name the commands that finish the work or clean it up.
func (r Run) hints() (hints []string) {
	if !r.Changing {
		return r.unchangedHints()
	}
	if r.Interrupted && r.Existence.None() && r.Existence != Destroyed {
		hints = append(hints, "nothing of it is on the node")
	}
	switch {
	case r.Existence.None() && r.Verb == plan.Create:
		return hints
	case r.Verb == plan.Rollback:
		return append(hints, r.rollBackHints()...)
	case r.Verb == plan.Update:
		hints = append(hints, "the update is not finished; to go on: "+r.Command("update", r.Recorded.Hostname))
		if r.NoWayBack {
			return hints
		}
		return append(hints, "to put the container back: "+r.Command("update", r.Recorded.Hostname, "--rollback"))
	}
	first := ""
	if r.Existence == Locked && !r.CanUnlock { // resume and destroy both need it unlocked
		hints, first = append(hints, fmt.Sprintf("first, on the node: pct unlock %d", r.CTID)), "then "
	}
	hints = append(hints, r.left()+"; "+first+"to go on: "+r.Command("resume", r.Hostname))
	if r.LeftSnapshot {
		return append(hints, r.back())
	}
	return append(hints, "to remove it: "+r.Command("destroy", r.Hostname))
}

// unchangedHints say how to go on with a container that an interrupted run has not touched.
func (r Run) unchangedHints() []string {
	if !r.Interrupted || r.Verb != plan.Sync && r.Verb != plan.Resume && r.Verb != plan.Update {
		return nil
	}
	return []string{"nothing was changed; to go on: " + r.Command(Again(r.Verb), r.Recorded.Hostname)}
}

// left says what is on the node.
func (r Run) left() string {
	switch {
	case r.Existence == Unanswered:
		return fmt.Sprintf("Proxmox has no container %d yet, and may still make it, for its answer never came", r.CTID)
	case r.CTID == 0, r.Existence.None():
		return "nothing of it is on the node yet"
	}
	return fmt.Sprintf("container %d was left as it is", r.CTID)
}

// back is the hint to undo a sync.
func (r Run) back() string {
	return "to go back to how it was before: " + r.Command("sync", r.Hostname, "--rollback")
}

// rollBackHints follow a rollback that did not end well.
func (r Run) rollBackHints() []string {
	name := r.Recorded.Hostname
	again := r.Command("sync", name, "--rollback")
	if r.OnNode {
		return []string{"what was begun on the node goes on there; to finish it: " + again}
	}
	return []string{"to try again: " + again, "to go on from how it is now: " + r.Command("resume", name)}
}

// Again is the command that repeats or continues a run of a verb.
func Again(v plan.Verb) string {
	switch v {
	case plan.Sync:
		return "sync"
	case plan.Discover:
		return "discover"
	case plan.Update:
		return "update"
	}
	return "resume"
}
