// Package plan decides what a run does. From a request and from what was found (a World)
// it makes the list of actions that `--plan` prints and that the phases of a run execute.
// It is pure: it does no I/O and knows no clock, and it imports other rooms for their types
// only. A new rule for a sync or a resume is a row here, with a row in a table test.
//
// A run decides twice: before it enters the guest, from the record and from what Proxmox
// says, and again after it has looked inside.
package plan

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
)

// Kind is one kind of action.
type Kind string

// The kinds, in the order in which a run meets them.
const (
	Nothing      Kind = "nothing"       // in this phase there is nothing to do; the line has the reason
	RemoveHalf   Kind = "remove half"   // remove what a create task that died has left
	Download     Kind = "download"      // download the OS template
	CreateAnew   Kind = "create"        // create the container
	SetEnv       Kind = "environment"   // set the environment of a container from an image; done with its create
	FollowCreate Kind = "follow create" // follow the task that creates it
	SetOnNode    Kind = "set on node"   // make the settings on the node that the API refuses to the login
	Start        Kind = "start"         // start it
	FollowStart  Kind = "follow start"  // follow the task that starts it
	Enter        Kind = "enter"         // get inside, and wait until the guest is ready
	Refuse       Kind = "refuse"        // refuse the run: files are in the way
	Removed      Kind = "removed"       // say that the template no longer has something, which stays
	KeepJob      Kind = "keep job"      // nothing differs: record the request only
	Snapshot     Kind = "snapshot"      // take a snapshot before the first change, as --snapshot says
	Redo         Kind = "redo"          // record that a program which is done has to run again
	Change       Kind = "change"        // record that the container is being changed
	Stays        Kind = "stays"         // say of a setting that it cannot be changed, or waits for a restart
	Configure    Kind = "configure"     // set one setting of the container on Proxmox
	Restart      Kind = "restart"       // restart the container, and get inside again
	Configured   Kind = "configured"    // record that the settings are set
	Ship         Kind = "ship"          // ship the config-manager, the scripts and Plan.Input
	ShipFile     Kind = "ship file"     // one file of Plan.Input
	LeaveOut     Kind = "leave out"     // say what an application container cannot have
	PushFile     Kind = "push file"     // put one file into an application container, on the node
	ShipScripts  Kind = "ship scripts"  // ship the scripts alone, without the config-manager
	KeepFile     Kind = "keep file"     // leave a file as the container has it, and remember that
	Program      Kind = "program"       // what Action.Doing says about a program
	Skip         Kind = "skip"          // do not run a script, because --skip-script names it
	Unmet        Kind = "unmet"         // do not run a script, because its condition does not hold
	LookAround   Kind = "discover"      // look for services, and wait for the declared ones
	DropSnapshot Kind = "drop snapshot" // remove the snapshot of a sync
	Pack         Kind = "pack"          // clean the container, store it as an OS template, and destroy it
)

// Action is one thing that a run does.
type Action struct {
	Phase event.StepName
	Kind  Kind
	Item  string   // the program, the file's target or the snapshot's name
	Doing Doing    // of a Program
	Put   Put      // of a Configure
	Lines []string // what `--plan` prints, or a Removed says; none for an action that is not mentioned
}

// Plan is the list of actions of a run, with what executing them needs.
type Plan struct {
	Actions []Action
	Input   configmanager.Input       // of Ship: files that the guest has are marked as unshipped
	Refused []configmanager.FileDrift // the reasons for Refuse: files in the way
	Barred  []Setting                 // settings that the login may not set
	Busy    string                    // and a program that the restart would kill; "": none
	Due     []Due                     // of ItemNotify
	Silent  []string                  // files of a sync on which nothing depends
}

// In are the actions of a phase.
func (p Plan) In(phase event.StepName) []Action {
	return slices.DeleteFunc(slices.Clone(p.Actions), func(a Action) bool { return a.Phase != phase })
}

// Lines are what `--plan` prints about a phase.
func (p Plan) Lines(phase event.StepName) (lines []string) {
	for _, a := range p.In(phase) {
		lines = append(lines, a.Lines...)
	}
	return lines
}

// Has reports whether there is an action of a kind.
func (p Plan) Has(kind Kind) bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.Kind == kind })
}

// Of is the decision about a program. A program that the plan does not name is left.
func (p Plan) Of(item string) Doing {
	for _, a := range p.Actions {
		if a.Kind == Program && a.Item == item {
			return a.Doing
		}
	}
	return Leave
}
