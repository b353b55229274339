package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// A root file system is replaced by that of another container: a copy frees it, it is handed
// over, and one request makes it the root.
func TestMoveVolume(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100, "mp0", "local-lvm:1,mp=/data"))
	mustCreate(t, n, spec(101))
	move := func(vmid int, p node.Params) string {
		t.Helper()
		upid, err := n.MoveVolume(t.Context(), node.Root, vmid, p)
		if err != nil {
			return strings.TrimSpace(err.Error())
		}
		_, exit := finish(t, n, upid, nil)
		return exit
	}
	conf := func(vmid int, key string) string {
		t.Helper()
		c, err := n.Raw(vmid, "")
		if err != nil {
			t.Fatal(err)
		}
		return c[key]
	}
	for _, c := range []struct {
		vmid int
		p    node.Params
		want string
	}{
		{101, node.Params{"volume": "rootfs", "target-vmid": "100"}, "Cannot move to/from 'rootfs'"},
		{101, node.Params{"volume": "rootfs", "storage": "local-lvm"}, "OK"},
		{101, node.Params{"volume": "unused0", "storage": "local-lvm"}, "cannot move volume 'unused0', only configured volumes can be moved to another storage"},
		{101, node.Params{"volume": "unused0", "target-vmid": "100", "target-volume": "mp1"}, "Moving an unused volume to a used one is not possible"},
		{101, node.Params{"volume": "unused1", "target-vmid": "100"}, "volume 'unused1' for container '101' does not exist"},
		{101, node.Params{"volume": "unused0", "target-vmid": "999"}, "could not find CT 999"},
		{101, node.Params{"volume": "unused0", "target-vmid": "100", "target-volume": "unused0"}, "OK"},
		{100, node.Params{"volume": "mp0", "target-vmid": "101", "target-volume": "mp3"}, "OK"},
		{101, node.Params{"volume": "mp3", "target-vmid": "100", "target-volume": "mp0"}, "OK"},
	} {
		if got := move(c.vmid, c.p); got != c.want {
			t.Errorf("%v: %s", c.p, got)
		}
	}
	for key, want := range map[string]string{"rootfs": "local-lvm:vm-101-disk-1,size=8G", "unused0": ""} {
		if got := conf(101, key); got != want {
			t.Errorf("101 %s: %s", key, got)
		}
	}
	given := conf(100, "unused0")
	if !strings.HasPrefix(given, "local-lvm:vm-100-disk-") {
		t.Fatalf("%q", given)
	}
	set := func(p node.Params) {
		t.Helper()
		if err := n.SetConfig(t.Context(), node.Root, 100, p); err != nil {
			t.Fatal(err)
		}
	}
	set(node.Params{"rootfs": given + ",size=8G", "unused1": "local-lvm:vm-100-disk-0"})
	if got := fmt.Sprint(conf(100, "rootfs"), " ", conf(100, "unused0"), " ", conf(100, "unused1")); got != given+",size=8G  local-lvm:vm-100-disk-0" {
		t.Error(got)
	}
	set(node.Params{"delete": "unused1"})
	for _, d := range disks(t, n, 100) {
		if strings.Contains(d, "vm-100-disk-0 ") {
			t.Errorf("the old root is there: %s", d)
		}
	}
}
