package provision

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
)

// The names of package exit that this package uses most.
const (
	ExitOther       = exit.Other
	ExitUsage       = exit.Usage
	ExitProxmox     = exit.Proxmox
	ExitUnreachable = exit.Unreachable
	ExitGuest       = exit.Guest
	ExitUnready     = exit.Unready
)

// Failure is exit.Failure.
type Failure = exit.Failure

// Explain is exit.Explain.
func Explain(err error) *Failure { return exit.Explain(err) }

func hint(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
