package plan

import (
	"bytes"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Verb is the command that a run executes.
type Verb int

// The verbs. Decide knows the first four: a destroy or a rollback depends on the situation
// alone.
const (
	Create Verb = iota
	Resume
	Sync
	Discover
	Destroy
	Rollback
	Update
)

// Request is what a run is asked for.
type Request struct {
	Verb Verb
	Job  Job
	From string      // of a resume: the phase or script to which it goes back; "": none
	Sync SyncRequest // of a sync
}

// SyncRequest is what a sync is asked for.
type SyncRequest struct {
	Take     string     // how to settle conflicts: template or guest; "" refuses them
	Snapshot string     // SnapshotAuto, SnapshotAlways or SnapshotNever
	Removed  []string   // scripts that the template no longer has
	Values   []NewValue // variables whose value differs from the one on record
	Changed  bool       // the template is not the one on record
	Want     lxc.Spec   // what the container is asked to be now
	Was      lxc.Spec   // what it was asked to be, on record
	EnvGone  []string   // variables of its environment on record that the job does not have any more
	Restart  bool       // restart it if a setting needs that
}

// The values of --snapshot. Auto takes one if the storage can.
const (
	SnapshotAuto   = "auto"
	SnapshotAlways = "always"
	SnapshotNever  = "never"
)

// goesBackTo reports whether --from asks to run a program again that is done: the programs
// of a named phase and later ones, or a named script and those after it. The last phase
// has no programs.
func (q Request) goesBackTo(item string) bool {
	if q.From == "" || q.From == string(event.Finalizing) {
		return false
	}
	if slices.Contains(event.Steps, event.StepName(q.From)) {
		return true
	}
	for _, s := range q.Job.Scripts() {
		switch s.Name {
		case q.From:
			return item != ItemManager
		case item:
			return false
		}
	}
	return false
}

// revalued reports whether a sync has another value for a variable that a script names.
// The digest of a script does not cover secret variables, so it cannot show this.
func (q Request) revalued(item string) bool {
	return slices.ContainsFunc(q.Job.Scripts(), func(s template.Script) bool {
		return s.Name == item && slices.ContainsFunc(q.Sync.Values, func(v NewValue) bool { return Names(s, v.Name) })
	})
}

// Names reports whether a script names a variable.
func Names(s template.Script, variable string) bool {
	for _, text := range s.Env {
		if strings.Contains(text, "${"+variable+"}") {
			return true
		}
	}
	return bytes.Contains(s.Content, []byte(variable)) || bytes.Contains(s.Content, []byte(template.EnvName(variable)))
}

// everySync reports whether this is a sync, which runs a script again that is done, because
// the template wants that.
func (q Request) everySync(item string) bool {
	return q.Verb == Sync && slices.ContainsFunc(q.Job.Scripts(), func(s template.Script) bool { return s.Name == item && s.EverySync })
}

// items are the programs of a job in the order in which they run.
func (q Request) items() []string {
	items := []string{ItemManager}
	for _, s := range q.Job.Scripts() {
		items = append(items, s.Name)
	}
	return append(items, ItemNotify)
}
