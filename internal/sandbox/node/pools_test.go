package node_test

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// A token whose role is on a pool alone makes containers in it, and sees what is in it.
func TestPoolRights(t *testing.T) {
	n := open(t, node.Options{})
	if err := n.CreatePool(node.Params{"poolid": "lab", "comment": "for tests"}); err != nil {
		t.Fatal(err)
	}
	if err := n.UpdatePool(node.Root, node.Params{"poolid": "lab", "storage": "local-lvm"}); err != nil {
		t.Fatal(err)
	}
	if err := n.AddUser("lim@pve", ""); err != nil {
		t.Fatal(err)
	}
	grant(t, n, "lim@pve", map[string]string{
		"/pool/lab": vmAll + " " + store + " Pool.Audit", "/sdn/zones/localnetwork": "SDN.Use", "/storage/local": "Datastore.Audit",
	})
	lim := node.Auth{User: "lim@pve"}
	upid, err := n.Create(t.Context(), lim, spec(100, "pool", "lab"))
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if rows := n.List(lim); len(rows) != 1 {
		t.Errorf("sees %v", rows)
	}
	rows, err := n.Pools(lim, node.Params{"poolid": "lab"})
	if err != nil || len(rows[0]["members"].([]map[string]any)) != 2 {
		t.Errorf("members: %v, %v", rows, err)
	}
	_, err = n.Create(t.Context(), lim, spec(101, "pool", "nopool"))
	wantErr(t, err, 403, "Permission check failed (pool 'nopool' does not exist)")
	_, err = n.Create(t.Context(), lim, spec(101))
	wantErr(t, err, 403, "Permission check failed")
	wantErr(t, n.DeletePool("lab"), 500, "delete pool failed: pool 'lab' is not empty (contains VM 100)")
	upid, err = n.Destroy(t.Context(), lim, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if err := n.UpdatePool(node.Root, node.Params{"poolid": "lab", "storage": "local-lvm", "delete": "1"}); err != nil {
		t.Fatal(err)
	}
	if err := n.DeletePool("lab"); err != nil {
		t.Error(err)
	}
}
