package pve

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Disk is a volume on a storage that carries a container's id in its name.
type Disk struct {
	VolID   string
	Storage string
	Made    time.Time // zero if the storage does not report it
}

// Disks lists the disks with a container's id on the storages of its node by volume,
// whether or not a config names them. It leaves out storages and disks that the login may
// not see (Datastore.Audit, VM.Config.Disk), and storages that do not answer.
func (c *Client) Disks(ctx context.Context, node string, ctid int) ([]Disk, error) {
	var stores []struct{ Storage, Content, Enabled, Active text }
	if err := c.get(ctx, "list the storages of node "+node, join("nodes", node, "storage"), &stores); err != nil {
		return nil, err
	}
	lists := make([][]Disk, len(stores))
	var g errgroup.Group
	g.SetLimit(8)
	for i, s := range stores {
		content := strings.Split(s.Content.String(), ",")
		if s.Enabled == "0" || s.Active == "0" || !slices.Contains(content, "rootdir") && !slices.Contains(content, "images") {
			continue
		}
		g.Go(func() error {
			lists[i] = c.disksOn(ctx, node, s.Storage.String(), ctid)
			return nil
		})
	}
	_ = g.Wait()
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b Disk) int { return strings.Compare(a.VolID, b.VolID) })
	return all, ctx.Err()
}

func (c *Client) disksOn(ctx context.Context, node, storage string, ctid int) []Disk {
	var raw []struct{ VolID, Content, VMID, CTime text }
	path := join("nodes", node, "storage", storage, "content") + "?vmid=" + strconv.Itoa(ctid)
	if c.get(ctx, fmt.Sprintf("list the disks of container %d on storage %s", ctid, storage), path, &raw) != nil {
		return nil
	}
	var out []Disk
	for _, v := range raw {
		// Proxmox lists a disk as an image if its id belongs to no container any more.
		if v.VMID.int() != ctid || v.Content != "rootdir" && v.Content != "images" {
			continue
		}
		d := Disk{VolID: v.VolID.String(), Storage: storage}
		if at, ok := v.CTime.int64(); ok && at > 0 {
			d.Made = time.Unix(at, 0)
		}
		out = append(out, d)
	}
	return out
}

// TaskStart is the time when a task began, by the clock of its node. It is zero if the
// text is not a task's id.
func TaskStart(upid string) time.Time {
	m := upidForm().FindStringSubmatch(upid)
	if m == nil {
		return time.Time{}
	}
	at, _ := strconv.ParseInt(m[4], 16, 64)
	return time.Unix(at, 0)
}
