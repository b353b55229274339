package sandbox

import (
	"maps"
	"slices"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/pct"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// Simulation lists what the sandbox has with virtual guests, each list in alphabetical
// order but Faults. The lists are read from the tables that the sandbox itself uses.
type Simulation struct {
	Programs []string           // in a guest and on the node
	Node     []string           // on the node alone
	Pct      []string           // the verbs of pct
	Packages []string           // that apt-get and apk install, with programs that run
	Hollow   []string           // packages that install, but some of whose programs refuse to run
	Faults   []driver.FaultInfo // in the order of a create
}

// Simulated returns the lists.
func Simulated() Simulation {
	whole, hollow := virtual.Packages()
	return Simulation{
		Programs: virtual.Programs(),
		Node:     slices.Sorted(maps.Keys(nodeCommands(&pct.Tool{}, &node.Node{}))),
		Pct:      pct.Verbs(),
		Packages: whole, Hollow: hollow,
		Faults: driver.FaultList(),
	}
}
