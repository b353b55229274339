package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// A clone has the source's config with another MAC, and both are unlocked after it.
func TestClone(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100, "tags", "web"))
	clone := func(more ...string) (log []string, exit string) {
		t.Helper()
		p := node.Params{"vmid": "100", "newid": "101"}
		for i := 0; i+1 < len(more); i += 2 {
			p[more[i]] = more[i+1]
		}
		upid, err := n.Clone(t.Context(), node.Root, p)
		return finish(t, n, upid, err)
	}
	if log, exit := clone("hostname", "copy"); exit != "OK" || !strings.Contains(strings.Join(log, "\n"), "create full clone of mountpoint rootfs (local-lvm:vm-100-disk-0)") {
		t.Errorf("%s\n%s", exit, strings.Join(log, "\n"))
	}
	from, _ := n.Config(100, nil)
	to, err := n.Config(101, nil)
	if err != nil || to["hostname"] != "copy" || to["tags"] != "web" || to["lock"] != nil || from["lock"] != nil || to["rootfs"] != "local-lvm:vm-101-disk-0,size=8G" {
		t.Errorf("%v %v", to, err)
	}
	if hwaddr(to["net0"]) == hwaddr(from["net0"]) {
		t.Error("the same MAC")
	}
	_, err = n.Clone(t.Context(), node.Root, node.Params{"vmid": "100", "newid": "101"})
	wantErr(t, err, 500, "CT 101 already exists on node 'pve1'")
	_, err = n.Clone(t.Context(), node.Root, node.Params{"vmid": "100", "newid": "102", "full": "0"})
	wantErr(t, err, 500, "Linked clone feature for 'local-lvm:vm-100-disk-0' is not available")
	start(t, n)
	_, err = n.Clone(t.Context(), node.Root, node.Params{"vmid": "100", "newid": "102"})
	wantErr(t, err, 500, "Full clone of a running container is only possible from a snapshot")
	if c, _ := n.Config(100, nil); c["lock"] != nil {
		t.Errorf("locked (%v) after a refusal", c["lock"])
	}
	if n.Exists(102) == nil {
		t.Error("a refused clone leaves a container")
	}
}

// A template is cloned by links, and cannot be started.
func TestTemplate(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	if _, err := n.MakeTemplate(t.Context(), node.Root, 100); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { s, _ := n.Status(100); return s["template"] == 1 })
	_, err := n.MakeTemplate(t.Context(), node.Root, 100)
	wantErr(t, err, 500, "you can't convert a template to a template")
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "you can't start a CT if it's a template" {
		t.Error(exit)
	}
	upid, err = n.Clone(t.Context(), node.Root, node.Params{"vmid": "100", "newid": "101"})
	log, exit := finish(t, n, upid, err)
	if exit != "OK" || log[1] != "create linked clone of mount point rootfs (local-lvm:base-100-disk-0)" {
		t.Errorf("%s %q", exit, log)
	}
	if c, _ := n.Config(101, nil); c["template"] != nil || c["rootfs"] != "local-lvm:vm-101-disk-0,size=8G" {
		t.Errorf("%v", c)
	}
}

// The HA manager has a resource until it is removed, and does what was asked for.
func TestHAResources(t *testing.T) {
	n := open(t, node.Options{HAPause: 20 * time.Millisecond, Profile: node.V92()})
	mustCreate(t, n, spec(100, "net0", "name=eth0,bridge=vmbr0"))
	_, err := n.HAResource("ct:100")
	wantErr(t, err, 500, "no such resource 'ct:100'")
	wantErr(t, n.RemoveHA("ct:100"), 500, "cannot delete service 'ct:100', not HA managed!")
	if err := n.AddHA(node.Params{"sid": "100", "comment": "x"}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, n.AddHA(node.Params{"sid": "ct:100"}), 500, "create resource failed: resource ID 'ct:100' already defined")
	waitFor(t, func() bool { return n.Running(100) })
	if err := n.ChangeHA(node.Params{"sid": "ct:100", "state": "disabled"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !n.Running(100) })
	if m, err := n.HAResource("ct:100"); err != nil || m["state"] != "stopped" || m["comment"] != "x" {
		t.Errorf("%v %v", m, err)
	}
	if err := n.RemoveHA("ct:100"); err != nil {
		t.Error(err)
	}
	_, err = n.HAGroups("index groups")
	wantErr(t, err, 500, "cannot index groups: ha groups have been migrated to rules")
}
