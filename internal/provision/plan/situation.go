package plan

import "github.com/infrahaus/infrahaus/internal/pve"

// State is how far Proxmox has got with the container on record.
type State int

// The states, and what a run that goes on does about each.
const (
	NotMade    State = iota // Proxmox has no container of ours: create it
	InCreation              // its create task runs: follow it
	Unread                  // its create task has ended, and no run has read its log: follow it
	HalfMade                // its create task died and left part of it: remove that, create it again
	There                   // it is complete
	Vanished                // it was complete, and Proxmox has no container of that id any more
	Replaced                // it was complete, and the id belongs to somebody else's container now
)

// Situation is what Proxmox says of the work that earlier runs began.
type Situation struct {
	State  State
	Why    string     // in words: how that was seen; "" for There, Vanished and Replaced
	Node   string     // where the container is now; the record may name the node that it left
	Config pve.Config // of Unread, HalfMade and There
	// Now is the configuration with which the container runs, without what waits for a
	// restart; nil if nobody asked.
	Now  *pve.Config
	Pool *string // that the container is a member of, "" for none; nil if nobody asked
	// Moved is the digest for which the tag of the container's image stands now, if it is
	// another one than the container was made from; "": it is not, or nobody knows.
	Moved string
	// HotDevices: a running container gets a new device at once (Proxmox VE 9.0 on).
	HotDevices bool
	Create     string // UPID of the create task of InCreation, Unread and HalfMade
	Running    bool   // of There
	Start      string // of There: UPID of a start task that still runs
}

// ToCreate reports whether a container has to be created.
func (s Situation) ToCreate() bool { return s.State == NotMade || s.State == HalfMade }

// ToFollow reports whether there is a create task to follow.
func (s Situation) ToFollow() bool { return s.State == InCreation || s.State == Unread }

// made reports whether Proxmox has what a request asks for.
func (s Situation) made(p Put) bool {
	if p.Key == KeyPool {
		return s.Pool != nil && *s.Pool == p.Value
	}
	return p.Made(s.Config)
}

// Lost reports whether a container that was complete is not there any more.
func (s Situation) Lost() bool { return s.State == Vanished || s.State == Replaced }

// Runs reports whether the container is complete and running.
func (s Situation) Runs() bool { return s.State == There && s.Running }
