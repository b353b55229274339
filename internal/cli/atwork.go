package cli

import (
	"context"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
)

// newRun makes a run of this process.
func (a *app) newRun(c lxc.Container, kind string, began time.Time) store.Run {
	who, machine := whoAndWhere()
	line, job := commandLine(a.args), ""
	if a.worked != nil {
		line, job = orElse(a.worked.Command, line), a.worked.ID
	}
	return store.Run{
		Job: job,
		ID:  store.NewRecordID(), RecordID: c.RecordID, Kind: kind, StartedAt: lxc.At(began),
		PID: os.Getpid(), Machine: machine, Command: line,
		User: who, Version: version,
	}
}

// whoAndWhere are the names of the user and of the machine; one that is not known is empty.
func whoAndWhere() (who, machine string) {
	machine, _ = os.Hostname() // an error leaves the name empty
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return who, machine
}

// commandLine is the typed command line as others may read it. It leaves out the values
// of variables and of an environment, because they may be secret.
func commandLine(args []string) string {
	line := "infrahaus"
	for i, word := range args {
		flag, value, joined := strings.Cut(word, "=")
		switch {
		case (flag == "--set" || flag == "--env") && joined:
			line += " " + flag + "=" + masked(value)
		case i > 0 && (args[i-1] == "--set" || args[i-1] == "--env"):
			line += " " + masked(word)
		default:
			line += " " + shellWord(word)
		}
	}
	return line
}

// masked turns NAME=VALUE into NAME=….
func masked(assignment string) string {
	name, _, _ := strings.Cut(assignment, "=")
	return shellWord(name) + "=…"
}

// alone performs an action on a container as a run without phases, so that no other
// process works on the container at the same time.
func (a *app) alone(ctx context.Context, c lxc.Container, kind string, do func() error) error {
	r := a.newRun(c, kind, time.Now())
	if err := a.store.BeginRun(ctx, r); err != nil {
		return err
	}
	err := do()
	status := 0
	if err != nil {
		status = exit.Explain(err).Status
	}
	return orFirst(err, a.store.EndRun(context.WithoutCancel(ctx), r.ID, status))
}
