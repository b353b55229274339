package plan

import "github.com/infrahaus/infrahaus/internal/event"

// MarkState is the progress of one item of the work.
type MarkState string

// An item is claimed before its side effect, and done or failed after it.
const (
	Claimed MarkState = "claimed"
	Done    MarkState = "done"
	Failed  MarkState = "failed"
	// Expired is the state of a snapshot to which no rollback may go: its sync has ended
	// well, or it was never complete. It may still exist, and will be removed.
	Expired = Failed
)

// Mark is one item of the work on a container and its progress. It holds no secret.
type Mark struct {
	Phase string
	Item  string
	State MarkState
	RunID string // the run that wrote it; filled in by the catalogue
	Detail
}

// Detail is what a later run needs to continue an item.
type Detail struct {
	UPID   string `json:"upid,omitempty"`   // of a task on the node
	Dir    string `json:"dir,omitempty"`    // the folder in the guest of an attempt, or of the shipped files
	Try    int    `json:"try,omitempty"`    // number of the attempt, from 1
	Status int    `json:"status,omitempty"` // exit status of an attempt that ended
	SHA256 string `json:"sha256,omitempty"` // of the script that ran, or the digest of the job whose files were shipped
	Stage  string `json:"stage,omitempty"`  // the staging folder of the shipped files
	Take   string `json:"take,omitempty"`   // how a sync settles conflicts
	Name   string `json:"name,omitempty"`   // of a snapshot
	Image  string `json:"image,omitempty"`  // of a script that a baked image has run: the image
	Due    []Due  `json:"due,omitempty"`    // of ItemNotify: what it has to see to, besides files
	Was    string `json:"was,omitempty"`    // the lifecycle when the snapshot was taken
	// Puts are the settings that a sync changes, and Restart whether it then restarts the
	// container.
	Puts    []Put `json:"puts,omitempty"`
	Restart bool  `json:"restart,omitempty"`
	Swap    *Swap `json:"swap,omitempty"` // of ItemUpdate: how far it is
	// Out and Err are the offsets from which the run that wrote the mark followed the output.
	Out int64 `json:"out,omitempty"`
	Err int64 `json:"err,omitempty"`
}

// The items that are not scripts.
const (
	ItemCreate   = "create"  // done once the container was made
	ItemOnNode   = "on-node" // done once `pct set` has made the settings that the login may not
	ItemStart    = "start"
	ItemShip     = "ship"
	ItemManager  = "config-manager"
	ItemNotify   = "notify" // the checks and restarts after the scripts
	ItemSnapshot = "snapshot"
	ItemSettings = "settings" // claimed with everything that is set, done once it is
	ItemRollback = "rollback"
)

// Marks are the items of a container's work by phase and name.
type Marks map[[2]string]Mark

// Of returns the mark of an item; its state is "" if there is none.
func (m Marks) Of(phase event.StepName, item string) Mark { return m[[2]string{string(phase), item}] }

// Put adds a mark or replaces the one of the same item.
func (m Marks) Put(mark Mark) { m[[2]string{mark.Phase, mark.Item}] = mark }
