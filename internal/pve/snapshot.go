package pve

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Snapshot is a saved state of a container.
type Snapshot struct {
	Name        string // a letter first, then letters, digits, - and _; 2 to 40 characters
	Description string
	Parent      string // the snapshot it comes after, "" for the first
	Time        time.Time
	State       string // prepare or delete: incomplete, because its task is running or died; "" if complete
}

func snapshotPath(node string, ctid int, rest ...string) string {
	return join(append([]string{"nodes", node, "lxc", strconv.Itoa(ctid), "snapshot"}, rest...)...)
}

// CanSnapshot reports whether the storages of all of a container's disks can make a
// snapshot. If they can but the login lacks VM.Snapshot, the error is Forbidden:
// Proxmox's own answer does not mention that privilege.
func (c *Client) CanSnapshot(ctx context.Context, node string, ctid int) (bool, error) {
	var f struct {
		Has text `json:"hasFeature"`
	}
	op := fmt.Sprintf("ask whether container %d can be snapshotted", ctid)
	path := join("nodes", node, "lxc", strconv.Itoa(ctid), "feature") + "?feature=snapshot"
	if err := c.get(ctx, op, path, &f); err != nil || !f.Has.bool() {
		return false, err
	}
	err := c.May(ctx, fmt.Sprintf("take a snapshot of container %d", ctid), ctid, []string{"VM.Audit", "VM.Snapshot"}, nil)
	return err == nil, err
}

// Snapshots lists the snapshots of a container, oldest first.
func (c *Client) Snapshots(ctx context.Context, node string, ctid int) ([]Snapshot, error) {
	var raw []struct{ Name, Description, Parent, SnapTime, SnapState text }
	op := fmt.Sprintf("list the snapshots of container %d", ctid)
	if err := c.get(ctx, op, snapshotPath(node, ctid), &raw); err != nil {
		return nil, err
	}
	var all []Snapshot
	for _, s := range raw {
		if s.Name == "current" { // the present state, which is not a snapshot
			continue
		}
		at, _ := s.SnapTime.int64()
		all = append(all, Snapshot{Name: s.Name.String(), Description: strings.TrimRight(s.Description.String(), "\n"), Parent: s.Parent.String(),
			Time: time.Unix(at, 0), State: s.SnapState.String()})
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name)) < 0
	})
	return all, nil
}

func (c *Client) snapshot(ctx context.Context, node string, ctid int, name string) (found bool, err error) {
	all, err := c.Snapshots(ctx, node, ctid)
	return slices.ContainsFunc(all, func(s Snapshot) bool { return s.Name == name }), err
}

// TakeSnapshot takes a snapshot of a container, which may be running, and returns the
// task. If the name is in use, the container is locked or the storage cannot, the task
// fails, not the request. The request is sent once. If its answer is lost, an existing
// snapshot of that name counts as its result, so names should not be used twice.
func (c *Client) TakeSnapshot(ctx context.Context, node string, ctid int, name, description string) (upid string, err error) {
	op := fmt.Sprintf("take a snapshot of container %d", ctid)
	body := map[string]any{"snapname": name}
	if description != "" {
		body["description"] = description
	}
	err = c.send(ctx, op, http.MethodPost, snapshotPath(node, ctid), body, &upid)
	if !unclear(err) {
		return upid, err
	}
	for range 3 { // the worker may not have got the request yet
		if sleep(ctx, 200*time.Millisecond) != nil {
			break
		}
		if there, _ := c.snapshot(ctx, node, ctid, name); there {
			return c.LastTask(ctx, node, ctid, "vzsnapshot")
		}
	}
	return "", err
}

// DeleteSnapshot removes a snapshot and returns the task; "" if the snapshot does not
// exist. The request is sent once; after a lost answer it may be repeated.
func (c *Client) DeleteSnapshot(ctx context.Context, node string, ctid int, name string) (upid string, err error) {
	there, err := c.snapshot(ctx, node, ctid, name)
	if err != nil || !there {
		return "", err
	}
	op := fmt.Sprintf("delete snapshot %s of container %d", name, ctid)
	err = c.send(ctx, op, http.MethodDelete, snapshotPath(node, ctid, name), nil, &upid)
	return upid, err
}

// Rollback returns a container to a snapshot and returns the task. A running container is
// killed first; it is started again only with start, by another task of type vzstart.
// Everything since the snapshot is lost, except the container's description. The request
// is sent once; after a lost answer, LastTask with type vzrollback shows what happened. A
// task that fails half-way leaves the container locked.
func (c *Client) Rollback(ctx context.Context, node string, ctid int, name string, start bool) (upid string, err error) {
	op := fmt.Sprintf("roll container %d back to snapshot %s", ctid, name)
	body := map[string]any{}
	if start { // unknown to Proxmox VE 7
		body["start"] = 1
	}
	err = c.send(ctx, op, http.MethodPost, snapshotPath(node, ctid, name, "rollback"), body, &upid)
	return upid, err
}

var noSuchSnapshot = lazy.Regexp(`^snapshot '[^']*' does not exist$`)

// alreadyGone reports whether a task failed because the object to delete does not exist.
func alreadyGone(typ, exit string) bool {
	return typ == "vzdelsnapshot" && noSuchSnapshot().MatchString(exit)
}
