package sandbox

import (
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/admin"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/pct"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// nodeCommands are the programs that the node has and guests lack.
func nodeCommands(tool *pct.Tool, n *node.Node) map[string]virtual.CommandFunc {
	return map[string]virtual.CommandFunc{
		"pct": tool.Run, "lxc-attach": tool.Attach, "pveum": admin.Pveum(n), "pvesm": admin.Pvesm(n), "pveversion": admin.Pveversion(n),
		"pveam": admin.Pveam(n), "ha-manager": admin.HAManager(n), "vzdump": admin.Vzdump(n), "time": pct.GNUTime,
	}
}

// machine gives the node's own shell and files, and what ends them. The machine is made
// when somebody first logs in to the node: its files cost as much as those of a guest, and
// most commands that open a sandbox ask its API alone.
func (w *owned) machine(f *face) (get func() (*virtual.Machine, error), end func() error) {
	var made *virtual.Machine // read by end once the sshd, whose sessions call get, is closed
	get = sync.OnceValues(func() (*virtual.Machine, error) {
		m, err := virtual.NewMachine(f.node.MachineDir(), nodeCommands(f.tool, f.node))
		if err != nil {
			return nil, err
		}
		m.SetClock(w.faults.Now)
		m.SetFiles(nodeFiles(f.node))
		made = m
		return m, nil
	})
	return get, func() error {
		if made == nil {
			return nil
		}
		made.Halt()
		return made.FS.Close()
	}
}
