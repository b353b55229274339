// Package ownership answers one question: whose container has this id? Proxmox gives a
// free id to the next container, so the id on record proves nothing. The answer follows
// from the record, from the container's configuration or its absence, and from the tasks
// that created containers of that id. The package asks nobody: survey collects the facts.
//
// The question is asked again right before a container is destroyed, because the id may
// have changed hands since the last answer.
package ownership

import (
	"fmt"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// Owner is the answer.
type Owner int

// Only Ours and Unfinished permit a change to the container.
const (
	Unknown    Owner = iota // the facts do not tell: look again later, change nothing
	Gone                    // no container has the id
	Theirs                  // the id belongs to somebody else's container
	Ours                    // it is the container on record
	Unfinished              // it is the container on record, and its create task did not complete it
)

func (o Owner) String() string {
	return [...]string{"unknown", "gone", "theirs", "ours", "unfinished"}[o]
}

// Mine reports whether it is the container on record, complete or not.
func (o Owner) Mine() bool { return o == Ours || o == Unfinished }

// TaskState is how a create task stands.
type TaskState int

// The states, as Proxmox reports them.
const (
	Unseen TaskState = iota // there is none, or the login cannot see it
	Running
	Succeeded // ended well, perhaps with warnings
	Failed    // ended badly, and Proxmox has cleaned up
	Died      // its worker was killed and has not cleaned up
)

// StateOf interprets the answer of pve.Client.TaskRunning.
func StateOf(running bool, exit string, err error) TaskState {
	switch {
	case err != nil:
		return Unseen
	case running:
		return Running
	case pve.TaskSucceeded(exit):
		return Succeeded
	case pve.TaskDied(exit):
		return Died
	}
	return Failed
}

// Task is one create task.
type Task struct {
	UPID  string // "": none is known
	State TaskState
}

// Ended reports whether the task is known to have ended, well or badly.
func (t Task) Ended() bool { return t.State == Succeeded || t.State == Failed || t.State == Died }

// Facts are all that the answer depends on.
type Facts struct {
	Record  lxc.Container
	Created bool        // the record says that the create task has ended well
	Config  *pve.Config // nil: Proxmox has no container of that id
	Own     Task        // the create task that this record began
	Newest  Task        // the newest create task of that id, anybody's
	Login   string      // the login that asked, as in a UPID
}

// With adds what Proxmox has shown of the id since the request.
func (f Facts) With(seen pve.Seen) Facts {
	f.Config = seen.Config
	if seen.Left != "" {
		f.Newest = Task{UPID: seen.Left, State: StateOf(false, seen.Exit, nil)}
	}
	return f
}

// Finished reports whether the container on record is known to have been complete once.
// From then on, a container without name and network cannot be ours.
func (f Facts) Finished() bool {
	return f.Created || f.Record.Adopted || f.Record.Lifecycle == lxc.Ready
}

// Of answers by the record and the configuration alone, for callers that do not ask
// for tasks. A container that shows nothing of its owner is Unknown then.
func Of(c lxc.Container, cfg *pve.Config) Owner {
	return Facts{Record: c, Config: cfg, Own: Task{UPID: c.UPID}}.Owner()
}

// Owner is the truth table.
func (f Facts) Owner() Owner {
	switch {
	case f.Config == nil:
		return Gone
	case f.proven() && f.halfMade():
		return Unfinished
	case f.proven():
		return Ours
	case !f.Config.Blank() || f.Finished():
		return Theirs
	case f.Own.UPID == "":
		return f.unrecorded()
	}
	return f.blank()
}

// proven reports whether the configuration shows that it is the container on record: by
// the mark in its description, by its MAC, or, if it was adopted without one, by its name.
func (f Facts) proven() bool {
	c, cfg := f.Record, f.Config
	return c.Marked && cfg.Marker() == c.RecordID && f.markCounts() ||
		c.MAC != "" && c.MAC == cfg.MAC ||
		c.Adopted && c.MAC == "" && c.Hostname == Name(*cfg, c.CTID)
}

// markCounts is false between a request and the record of its task. An earlier request of
// the same record may have made a container that carries the same mark and another MAC;
// the run would then look for an address by the wrong MAC.
func (f Facts) markCounts() bool { return f.Finished() || f.Own.UPID != "" }

// halfMade reports whether the create task left a proven container incomplete. Proxmox
// keeps it locked until the task ends.
func (f Facts) halfMade() bool {
	if f.Finished() || f.Own.State == Succeeded {
		return false
	}
	return f.Config.Lock == "create" || f.Own.Ended()
}

// unrecorded answers for a blank container of a record whose process ended before it
// could record its task. A login sees its own tasks alone, unless it may audit the node.
// An ended task of this login that left a blank container is taken for ours.
func (f Facts) unrecorded() Owner {
	switch {
	case !f.Newest.Ended():
		return Unknown
	case pve.TaskLogin(f.Newest.UPID) != f.Login:
		return Theirs
	}
	return Unfinished
}

// blank answers by the tasks for a container that shows nothing of its owner. Our task
// left one only if its worker died: Proxmox cleans up behind a task that fails, and may
// give the id to somebody else then.
func (f Facts) blank() Owner {
	other := f.Newest.UPID != f.Own.UPID
	switch {
	case f.Newest.UPID == "": // the login sees no task, not even its own
		return Unknown
	case other && f.Newest.State == Running:
		return Theirs
	case other && !f.Newest.Ended(), other && f.Newest.State == Died: // either task may have left it
		return Unknown
	case f.Own.State == Died:
		return Unfinished
	}
	return Unknown
}

// Permission says whether a container that is ours may be destroyed without --foreign.
type Permission int

// A container that this catalogue did not make needs --foreign.
const (
	Allowed  Permission = iota
	MarkGone            // it was made with a mark, and does not carry it any more
	NotMade             // it was adopted, or its MAC is not the one that it was made with
)

// MayDestroy decides by the record and by what the configuration still shows.
func MayDestroy(c lxc.Container, cfg pve.Config) Permission {
	switch {
	case c.Marked && cfg.Marker() != c.RecordID:
		return MarkGone
	case c.Adopted, !c.Marked && c.MAC != cfg.MAC:
		return NotMade
	}
	return Allowed
}

// Name is what an adopted container is called: Proxmox calls one without a hostname so.
func Name(cfg pve.Config, ctid int) string {
	if cfg.Hostname == "" {
		return fmt.Sprintf("CT%d", ctid)
	}
	return cfg.Hostname
}
