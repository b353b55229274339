// Package guest runs commands in a container and puts files there. It knows nothing of
// templates, phases or Proxmox's API. From the outside in:
//
//   - Guest is a root shell in a container. Open gets one; RunAttempt runs a script that
//     survives a dropped link, Ship sends files, WaitReady waits for the guest's init.
//   - shell implements Guest over a link: a session with an agent (agent.sh), a shell
//     program that runs one command at a time and marks the end of its output.
//   - A transport opens links: the container's own sshd (guestssh.go), SSH to the Proxmox
//     node and pct (pct.go), or the container's console (console.go, over
//     internal/console). transport.go has the table of them; a new one is a row and a file.
//
// All transports carry the agent's protocol, so no caller needs to know which one it has.
package guest

import (
	"context"
	"io"
)

// Guest is a root shell inside one container. One command runs at a time: a
// second Run waits for the first.
type Guest interface {
	// Run runs one POSIX sh program in the guest as root, in /root, and waits for its end.
	// status is the program's exit status. err says why the status is not known: the link
	// dropped, the guest died, or ctx ended. Run never retries, because a program whose link
	// dropped may have run. When ctx ends, Run sends the program SIGTERM if the link can, and
	// gives up the link.
	Run(ctx context.Context, cmd Cmd) (status int, err error)
	// Reconnect opens the link again after an error of Run for which IsDropped holds, or
	// after ctx ended Run. It retries until ctx ends, or until an error that no retry
	// mends (a changed host key, a refused login).
	Reconnect(ctx context.Context) error
	// Again opens a second shell beside this one, for work that cannot wait until Run
	// returns. The caller must close it.
	Again(ctx context.Context) (Guest, error)
	// Transport is transports.Guest, Node or API.
	Transport() string
	// Stats counts the work so far, including that of shells opened with Again.
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
