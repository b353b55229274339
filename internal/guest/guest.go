// Package guest runs commands in a container and puts files there. Three
// real things stand behind its interface: SSH to the container's own address, SSH
// to the Proxmox node with one long-lived `pct exec`, and the container's console,
// with a pump (see pump.sh) that makes streams of it. All carry the same protocol
// (see agent.sh), so that no phase knows which one it has. The package
// knows nothing of templates, phases or Proxmox's API.
package guest

import (
	"context"
	"io"
)

// Guest is a root shell inside one container. One command runs at a time: a
// second Run waits for the first.
type Guest interface {
	// Run runs one POSIX sh program in the guest as root, in /root, and waits
	// for its end. The exit status is the program's; err is for everything that
	// kept it from being known (the link, the guest's death, ctx). Run never
	// retries: a program whose link dropped may have run. When ctx ends the
	// program is sent SIGTERM where the link can, and the link is given up.
	Run(ctx context.Context, cmd Cmd) (status int, err error)
	// Reconnect opens the link again after Run returned an error for which
	// IsDropped holds, or after ctx ended it; it retries until ctx ends, or until
	// the answer is not mere absence (a changed host key, a refused login).
	Reconnect(ctx context.Context) error
	// Again opens a second shell beside this one, for what cannot wait until
	// Run returns. It is the caller's to close.
	Again(ctx context.Context) (Guest, error)
	// Transport is transports.Guest, Node or API.
	Transport() string
	// Stats counts what was done so far, by shells opened with Again too.
	Stats() Stats
	Close() error
}

// Cmd is one program to run.
type Cmd struct {
	Label  string    // what it does, for errors: "install packages"
	Script string    // POSIX sh; text from outside goes through Quote
	Stdin  io.Reader // nil: /dev/null
	Size   int64     // bytes of Stdin, exactly
	Stdout io.Writer // nil: discarded
	Stderr io.Writer
}

// Stats counts remote work, for the budgets of `make bench`.
type Stats struct {
	Connections int // SSH connections or consoles opened
	Shells      int // agents started: on the node each is one start of pct
	Commands    int // programs run
}
