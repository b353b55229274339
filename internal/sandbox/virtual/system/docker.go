package system

import "github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"

func dockerCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"docker": func(p *proc, args []string) int {
		p.Errorf("sandbox: docker %s is not supported by the virtual guest", args[1:])
		return 1
	}}
}
