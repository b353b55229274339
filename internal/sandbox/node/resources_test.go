package node_test

import (
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// What the cluster says of a container is up to 10 s old.
func TestResourcesAreLate(t *testing.T) {
	now := time.Now()
	n := open(t, node.Options{Now: func() time.Time { return now }})
	if rows := n.Resources(node.Root, "vm"); len(rows) != 0 {
		t.Fatalf("an empty node has %v", rows)
	}
	mustCreate(t, n, spec(100, "tags", "web"))
	row := n.Resources(node.Root, "vm")[0]
	if row["vmid"] != 100 || row["node"] != "pve1" || row["tags"] != "web" || row["name"] != nil || row["status"] != "unknown" {
		t.Errorf("a new container: %v", row)
	}
	now = now.Add(10 * time.Second)
	row = n.Resources(node.Root, "vm")[0]
	if row["name"] != "web" || row["status"] != "stopped" {
		t.Errorf("10 s later: %v", row)
	}
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	if s := n.Resources(node.Root, "vm")[0]["status"]; s != "stopped" {
		t.Errorf("status %v right after the start", s)
	}
	if s, err := n.Status(100); err != nil || s["status"] != "running" {
		t.Errorf("status/current: %v %v", s, err)
	}
}
