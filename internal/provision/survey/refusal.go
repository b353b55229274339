package survey

import (
	"fmt"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// Refusal says why a container must be left alone as it is, and what to do next.
type Refusal struct {
	status  int
	message string
	hints   []string
}

func (r *Refusal) Error() string { return r.message }

// ExitStatus is that of the process.
func (r *Refusal) ExitStatus() int { return r.status }

// NextSteps are the commands that come next.
func (r *Refusal) NextSteps() []string { return r.hints }

func refusal(message string, hints ...string) *Refusal {
	return &Refusal{status: exit.Proxmox, message: message, hints: hints}
}

// Command writes a command line of this tool for a hint.
type Command func(words ...string) string

// Lost refuses to do something with a container that is on record and not on Proxmox. anew
// are further hints: how to make it again.
func Lost(do string, c lxc.Container, command Command, anew ...string) error {
	hints := append([]string{"to take it off the record: " + command("destroy", c.Hostname)}, anew...)
	return &Refusal{
		status: exit.Unreachable, hints: hints,
		message: fmt.Sprintf("cannot %s %s: Proxmox has no container %d any more; somebody else has destroyed it", do, c.Hostname, c.CTID),
	}
}

// NotOurs refuses a container that has the id of the one on record: Proxmox gives a free
// id to the next container.
func NotOurs(c lxc.Container, node string, command Command) error {
	return refusal(fmt.Sprintf("container %d on %s is not %s any more: Proxmox has given the id to somebody else", c.CTID, node, c.Hostname),
		command("show", c.RecordID))
}

// Locked refuses to do something with a container that another task works on.
func Locked(do string, c lxc.Container, lock string) error {
	return refusal(fmt.Sprintf("cannot %s %s: it is locked (%s): another task is at work on it", do, c.Hostname, lock),
		fmt.Sprintf("try again once it has ended; a lock that a dead task has left is freed on the node with: pct unlock %d", c.CTID))
}

// Missing is the refusal to go on with a container that was complete and is lost; nil if
// it is not. anew are further hints of Lost.
func Missing(s plan.Situation, c lxc.Container, command Command, anew ...string) error {
	switch s.State {
	case plan.Vanished:
		return Lost("go on with", c, command, anew...)
	case plan.Replaced:
		return NotOurs(c, s.Node, command)
	}
	return nil
}
