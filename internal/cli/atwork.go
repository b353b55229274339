package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
)

// newRun is a run of this process.
func (a *app) newRun(c lxc.Container, kind string, began time.Time) store.Run {
	machine, _ := os.Hostname() // a machine without a name has none to tell
	return store.Run{
		ID: store.NewRecordID(), RecordID: c.RecordID, Kind: kind, StartedAt: lxc.At(began),
		PID: os.Getpid(), Machine: machine, Command: commandLine(a.args),
	}
}

// commandLine is what was typed, for others to read: what variables are set to may be
// secret and is left out.
func commandLine(args []string) string {
	line := "infrahaus"
	for i, word := range args {
		flag, value, joined := strings.Cut(word, "=")
		switch {
		case flag == "--set" && joined:
			line += " " + flag + "=" + masked(value)
		case i > 0 && args[i-1] == "--set":
			line += " " + masked(word)
		default:
			line += " " + shellWord(word)
		}
	}
	return line
}

// masked is NAME=… of NAME=VALUE.
func masked(assignment string) string {
	name, _, _ := strings.Cut(assignment, "=")
	return shellWord(name) + "=…"
}

// alone does something to a container as a run that has no phases, so that no other
// process works on the container meanwhile.
func (a *app) alone(ctx context.Context, c lxc.Container, kind string, do func() error) error {
	r := a.newRun(c, kind, time.Now())
	if err := a.store.BeginRun(ctx, r); err != nil {
		return err
	}
	err := do()
	status := 0
	if err != nil {
		status = provision.Explain(err).Status
	}
	return orFirst(err, a.store.EndRun(context.WithoutCancel(ctx), r.ID, status))
}
