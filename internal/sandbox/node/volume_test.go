package node_test

import (
	"fmt"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// disks returns the ids of a container's disks that a storage lists.
func disks(t *testing.T, n *node.Node, vmid int) []string {
	t.Helper()
	rows, err := n.StorageContent(node.Root, "local-lvm", node.Params{"vmid": fmt.Sprint(vmid)})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r["volid"], " ", r["content"]))
	}
	return out
}

// TestCreateDies: a killed worker leaves the same as on 8.4: only the lock, and a disk
// that only destroy-unreferenced-disks removes. The next create takes disk-1.
func TestCreateDies(t *testing.T) {
	faults := driver.NewFaults(driver.Fault{Name: driver.FaultCreateDies, Count: 1})
	n := open(t, node.Options{Faults: faults})
	log, exit := create(t, n, spec(100))
	if exit != "unexpected status" || len(log) == 0 {
		t.Fatalf("%q %q", exit, log)
	}
	cfg, err := n.Config(100, nil)
	if err != nil || cfg["lock"] != "create" || cfg["rootfs"] != nil || cfg["net0"] != nil {
		t.Errorf("config %v, %v", cfg, err)
	}
	_, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1"})
	wantErr(t, err, 500, "CT is locked (create)")
	if err := n.Unlock(100); err != nil {
		t.Fatal(err)
	}
	upid, err := n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if got := fmt.Sprint(disks(t, n, 100)); got != "[local-lvm:vm-100-disk-0 images]" {
		t.Errorf("after destroy: %s", got)
	}
	mustCreate(t, n, spec(100))
	if got := fmt.Sprint(disks(t, n, 100)); got != "[local-lvm:vm-100-disk-1 rootdir local-lvm:vm-100-disk-0 rootdir]" {
		t.Errorf("after the next create: %s", got)
	}
	upid, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1", "destroy-unreferenced-disks": "1"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if got := disks(t, n, 100); len(got) != 0 {
		t.Errorf("destroy-unreferenced-disks left %s", got)
	}
}

// TestCreateDiesLate: the first half of the config is written, without lock, hostname and
// network.
func TestCreateDiesLate(t *testing.T) {
	n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultCreateDies, Value: "late", Count: 1})})
	if _, exit := create(t, n, spec(100)); exit != "unexpected status" {
		t.Fatal(exit)
	}
	cfg, err := n.Config(100, nil)
	if err != nil || cfg["lock"] != nil || cfg["hostname"] != nil || cfg["net0"] != nil || cfg["rootfs"] != "local-lvm:vm-100-disk-0,size=8G" {
		t.Errorf("config %v, %v", cfg, err)
	}
	upid, err := n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1"})
	if _, exit := finish(t, n, upid, err); exit != "OK" || len(disks(t, n, 100)) != 0 {
		t.Errorf("%s, left %s", exit, disks(t, n, 100))
	}
}

// TestCreateFailsFrees: a create that fails leaves no disk, unlike one that dies.
func TestCreateFailsFrees(t *testing.T) {
	n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultCreateFail, Count: 1})})
	create(t, n, spec(100))
	if got := disks(t, n, 100); len(got) != 0 {
		t.Errorf("left %s", got)
	}
	mustCreate(t, n, spec(100))
	if got := fmt.Sprint(disks(t, n, 100)); got != "[local-lvm:vm-100-disk-0 rootdir]" {
		t.Errorf("got %s", got)
	}
}

// TestDestroyUnused: an unused volume goes with its container, whether or not a snapshot has it.
func TestDestroyUnused(t *testing.T) {
	n := open(t, node.Options{})
	p := spec(100)
	p["mp0"] = "local-lvm:1,mp=/data"
	mustCreate(t, n, p)
	upid, err := n.TakeSnapshot(node.Root, 100, node.Params{"snapname": "before"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if err := n.SetConfig(t.Context(), node.Root, 100, node.Params{"delete": "mp0"}); err != nil {
		t.Fatal(err)
	}
	upid, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit)
	}
	if got := disks(t, n, 100); len(got) != 0 {
		t.Errorf("destroy left %s", got)
	}
}
