// Package event is the spine of a run: everything that happens is an Event. One place,
// Bus, numbers, stamps and redacts events and keeps the percentage from falling. Events
// are facts, and no code decides anything from them. This room must not know what its
// sinks do with an event.
package event

import (
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Type is an event's kind on the wire.
type Type string

// The six kinds. Log events are not stored in the database.
const (
	Step     Type = "step"
	Log      Type = "log"
	Complete Type = "complete"
	Error    Type = "error"
	Warning  Type = "warning"
	Service  Type = "service"
)

// StepName is one of the five phases, by its wire name.
type StepName string

// The five phases in the order in which they run.
const (
	Creating   StepName = "creating"
	Starting   StepName = "starting"
	Deploying  StepName = "deploying"
	Syncing    StepName = "syncing"
	Finalizing StepName = "finalizing"
)

// Steps lists the five phases in the order in which they run.
var Steps = []StepName{Creating, Starting, Deploying, Syncing, Finalizing}

// Stream names the output of a script from which a log line came.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Event is one fact. It has the same flat form in the database, in --json and on Redis,
// and extends the original system's events. Absent fields are left out.
type Event struct {
	Seq         int       `json:"seq,omitempty"` // from 1 within a run, no holes
	Timestamp   time.Time `json:"timestamp"`     // UTC; RFC 3339 with milliseconds on the wire
	Type        Type      `json:"type"`
	Step        StepName  `json:"step,omitempty"`
	Percent     *int      `json:"percent,omitempty"` // 0..100, never falls within a run
	Message     string    `json:"message"`
	ContainerID string    `json:"containerId,omitempty"` // the record id
	RunID       string    `json:"runId,omitempty"`
	CTID        int       `json:"ctid,omitempty"`
	Node        string    `json:"node,omitempty"`
	Hostname    string    `json:"hostname,omitempty"`
	Host        string    `json:"host,omitempty"`

	ScriptName  string   `json:"scriptName,omitempty"`
	ScriptIndex *int     `json:"scriptIndex,omitempty"` // from 0
	ScriptTotal int      `json:"scriptTotal,omitempty"`
	ScriptNames []string `json:"scriptNames,omitempty"`
	Stream      string   `json:"stream,omitempty"`
	Offset      int64    `json:"offset,omitempty"` // on a log event that ends a line of a script: bytes of that stream up to here

	ElapsedMs  int64         `json:"elapsedMs,omitempty"` // since the run began
	Service    *lxc.Service  `json:"service,omitempty"`
	Hint       string        `json:"hint,omitempty"`       // one hint a line; JSON also has them as the list hints
	ExitStatus *int          `json:"exitStatus,omitempty"` // on complete and error
	Address    string        `json:"address,omitempty"`    // on complete
	Services   []lxc.Service `json:"services,omitempty"`   // on complete

	User    string `json:"user,omitempty"`    // who began the run, on its first event
	Machine string `json:"machine,omitempty"` // where, on the first event
	Version string `json:"version,omitempty"` // of infrahaus, on the first event

	Waiting bool `json:"-"` // a step event that only reports that the run still waits
}

// Sink takes events in order. An error of the required sink stops the run; any
// other sink is dropped at its first error, with one warning.
type Sink interface {
	Event(Event) error
}

// SinkFunc makes a Sink of a function.
type SinkFunc func(Event) error

// Event calls f.
func (f SinkFunc) Event(e Event) error { return f(e) }
