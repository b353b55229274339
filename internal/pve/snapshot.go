package pve

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Snapshot is a state of a container that can be returned to.
type Snapshot struct {
	Name        string // a letter first, then letters, digits, - and _; 2 to 40 characters
	Description string
	Parent      string // the snapshot it comes after, "" for the first
	Time        time.Time
	State       string // prepare or delete: half made, by a task that runs or died; "" for a whole one
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

// Snapshots lists a container's, the oldest first.
func (c *Client) Snapshots(ctx context.Context, node string, ctid int) ([]Snapshot, error) {
	var raw []struct{ Name, Description, Parent, SnapTime, SnapState text }
	op := fmt.Sprintf("list the snapshots of container %d", ctid)
	if err := c.get(ctx, op, snapshotPath(node, ctid), &raw); err != nil {
		return nil, err
	}
	var all []Snapshot
	for _, s := range raw {
		if s.Name == "current" { // the present state, which is none
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

// TakeSnapshot takes one of a container, which may run, and returns the task. A
// name in use, a locked container and a storage that cannot fail the task, not
// the request. The request is sent once; where its answer is lost, a snapshot of
// that name that is there then counts as its work, so names should not recur.
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
	for range 3 { // the request may still be on its way to the worker
		if sleep(ctx, 200*time.Millisecond) != nil {
			break
		}
		if there, _ := c.snapshot(ctx, node, ctid, name); there {
			return c.LastTask(ctx, node, ctid, "vzsnapshot")
		}
	}
	return "", err
}

// DeleteSnapshot removes one and returns the task. One that is gone needs none:
// "". The request is sent once; after a lost answer it may be made again.
func (c *Client) DeleteSnapshot(ctx context.Context, node string, ctid int, name string) (upid string, err error) {
	there, err := c.snapshot(ctx, node, ctid, name)
	if err != nil || !there {
		return "", err
	}
	op := fmt.Sprintf("delete snapshot %s of container %d", name, ctid)
	err = c.send(ctx, op, http.MethodDelete, snapshotPath(node, ctid, name), nil, &upid)
	return upid, err
}

// Rollback puts a container back to a snapshot and returns the task. Running, it
// is killed first; it is started again only with start, by a further task of type
// vzstart. What is not in the snapshot is lost, but for the container's
// description. The request is sent once; after a lost answer LastTask of type
// vzrollback tells. A task that fails half-way leaves the container locked.
func (c *Client) Rollback(ctx context.Context, node string, ctid int, name string, start bool) (upid string, err error) {
	op := fmt.Sprintf("roll container %d back to snapshot %s", ctid, name)
	body := map[string]any{}
	if start { // unknown to Proxmox VE 7
		body["start"] = 1
	}
	err = c.send(ctx, op, http.MethodPost, snapshotPath(node, ctid, name, "rollback"), body, &upid)
	return upid, err
}

var noSuchSnapshot = regexp.MustCompile(`^snapshot '[^']*' does not exist$`)

// alreadyGone reports whether a task failed for want of what it was to delete.
func alreadyGone(typ, exit string) bool {
	return typ == "vzdelsnapshot" && noSuchSnapshot.MatchString(exit)
}
