package outcome

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name  string
		cut   Cut
		want  int
		names bool // the message says what was waited for
	}{
		{"a signal", Cut{Signalled: exit.Interrupted, Phase: event.Starting, Waited: exit.Proxmox}, exit.Interrupted, false},
		{"a signal while a task is followed", Cut{Signalled: exit.Terminated, Phase: event.Creating, Following: true}, exit.Terminated, false},
		{"another cause", Cut{Phase: event.Starting, Waited: exit.Proxmox}, exit.Other, false},
		{"a deadline before any phase", Cut{Deadline: true, Waited: exit.Unreachable}, exit.Other, false},
		{"a deadline while a container is created", Cut{Deadline: true, Phase: event.Creating, Following: true, Waited: exit.Unreachable}, exit.Other, false},
		{"a deadline while a start task runs", Cut{Deadline: true, Phase: event.Starting, Following: true, Waited: exit.Unreachable}, exit.Unreachable, false},
		{"a deadline while a snapshot is taken", Cut{Deadline: true, Phase: event.Deploying, Following: true, Waited: exit.Unreachable}, exit.Other, false},
		{"a deadline without an address", Cut{Deadline: true, Phase: event.Starting, Waited: exit.Other}, exit.Unreachable, false},
		{"a deadline without a way in", Cut{Deadline: true, Phase: event.Deploying, Waited: exit.Unreachable}, exit.Unreachable, true},
		{"a deadline while Proxmox does not answer", Cut{Deadline: true, Phase: event.Creating, Waited: exit.Unreachable}, exit.Unreachable, true},
		{"a deadline in a script", Cut{Deadline: true, Phase: event.Syncing, Waited: exit.Other}, exit.Other, false},
		{"a deadline in a failing script", Cut{Deadline: true, Phase: event.Syncing, Waited: exit.Guest}, exit.Guest, true},
	} {
		if got := c.cut.Status(); got != c.want || c.cut.NamesWaited() != c.names {
			t.Errorf("%s: status %d, %v", c.name, got, c.cut.NamesWaited())
		}
	}
}

func TestLeftBy(t *testing.T) {
	for _, c := range []struct {
		attempt, task, asked bool
		want                 Left
	}{
		{false, false, false, NothingLeft}, {true, true, true, ScriptLeft}, {false, true, true, TaskLeft}, {false, false, true, StartAsked},
	} {
		if got := LeftBy(c.attempt, c.task, c.asked); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
