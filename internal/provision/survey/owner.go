// Package survey asks Proxmox how a container stands and changes nothing, neither there
// nor on record. It collects facts; package ownership decides whose a container is.
package survey

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// CreateTasks asks for the create tasks of a container that shows nothing of its owner:
// the task on record, and the newest one of that id. A task that cannot be looked at is
// Unseen; a server that cannot be reached is an error. Without a task on record it asks
// nothing: one look at the newest task does not prove that the container is ours.
func CreateTasks(ctx context.Context, client *pve.Client, node string, f ownership.Facts) (ownership.Facts, error) {
	if f.Own.UPID == "" {
		return f, nil
	}
	upid, err := client.LastTask(ctx, node, f.Record.CTID, "vzcreate")
	if err != nil {
		return f, err
	}
	if f.Newest, err = Task(ctx, client, upid); err != nil {
		return f, err
	}
	if f.Own.UPID == upid {
		f.Own = f.Newest
		return f, nil
	}
	f.Own, err = Task(ctx, client, f.Own.UPID)
	return f, err
}

// Task asks how a task stands; "" is no task.
func Task(ctx context.Context, client *pve.Client, upid string) (ownership.Task, error) {
	t := ownership.Task{UPID: upid}
	if upid == "" {
		return t, nil
	}
	running, exit, err := client.TaskRunning(ctx, upid)
	if pve.IsKind(err, pve.Unreachable) {
		return t, err
	}
	t.State = ownership.StateOf(running, exit, err)
	return t, nil
}

// AwaitShown waits until a container that was requested shows whose it is (see
// pve.Client.AwaitShown), and completes the facts.
func AwaitShown(ctx context.Context, client *pve.Client, node string, f ownership.Facts, w pve.Watch) (ownership.Facts, error) {
	seen, err := client.AwaitShown(ctx, node, f.Record.CTID, w)
	if err != nil {
		return f, err
	}
	f = f.With(seen)
	if f.Config != nil && f.Config.Blank() && f.Own.UPID != "" {
		return CreateTasks(ctx, client, node, f)
	}
	return f, nil
}
