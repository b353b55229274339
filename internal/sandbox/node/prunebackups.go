package node

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// pruneBackups removes the oldest archives of a container: keep-last of prune-backups, and
// maxfiles of version 8.
func (n *Node) pruneBackups(ctx context.Context, w *worker, vmid int, storage string, p Params) error {
	keep, _ := strconv.Atoi(p["maxfiles"])
	for key, v := range properties(p["prune-backups"], "") {
		switch {
		case key == "keep-last":
			keep, _ = strconv.Atoi(v)
		case key != "keep-all":
			return fail("the simulated node prunes backups by keep-last alone, not by %s", key)
		}
	}
	if keep == 0 || p["remove"] == "0" {
		return nil
	}
	n.mu.Lock()
	var own []*backup
	for _, b := range n.st.Backups {
		if b.VMID == vmid && strings.HasPrefix(b.Volid, storage+":") && n.has(b.Volid, b.Node) && !b.Protected {
			own = append(own, b)
		}
	}
	n.mu.Unlock()
	for _, b := range own[:max(0, len(own)-keep)] {
		w.Log("INFO: removing backup '" + b.Volid + "'")
		if err := n.removeBackup(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) removeBackup(ctx context.Context, b *backup) error {
	if b.Protected {
		return fail("can't remove '%s' - protected", b.Volid)
	}
	if err := n.drv.Destroy(ctx, b.Copy); err != nil {
		return fail("%v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.Backups = slices.DeleteFunc(n.st.Backups, func(x *backup) bool { return x == b })
	return n.save()
}
