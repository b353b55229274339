package node_test

import (
	"fmt"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// A mount point that is set allocates its volume, and one that is removed leaves it unused,
// in a stopped container at once and in a running one as far as it can be plugged in.
func TestSetMountPoint(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	set := func(more ...string) error {
		p := node.Params{}
		for i := 0; i+1 < len(more); i += 2 {
			p[more[i]] = more[i+1]
		}
		return n.SetConfig(t.Context(), node.Root, 100, p)
	}
	is := func(current string, want map[string]any) {
		t.Helper()
		cfg, err := n.Config(100, node.Params{"current": current})
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range want {
			if cfg[key] != value {
				t.Errorf("%s is %v, want %v", key, cfg[key], value)
			}
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(set("mp0", "local-lvm:1,mp=/data"))
	is("0", map[string]any{"mp0": "local-lvm:vm-100-disk-1,mp=/data,size=1G"})
	ok(set("delete", "mp0"))
	is("0", map[string]any{"mp0": nil, "unused0": "local-lvm:vm-100-disk-1"})
	if got := fmt.Sprint(disks(t, n, 100)); got != "[local-lvm:vm-100-disk-0 rootdir local-lvm:vm-100-disk-1 rootdir]" {
		t.Errorf("disks %s", got)
	}

	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	ok(set("mp1", "local-lvm:vm-100-disk-1,mp=/again")) // the volume that is there
	is("1", map[string]any{"mp1": "local-lvm:vm-100-disk-1,mp=/again,size=1G"})
	ok(set("mp2", "local-lvm:2,mp=/more"))
	is("1", map[string]any{"mp2": "local-lvm:vm-100-disk-2,mp=/more,size=2G"})
	ok(set("mp2", "local-lvm:vm-100-disk-2,mp=/more,ro=1,size=2G"))
	is("1", map[string]any{"mp2": "local-lvm:vm-100-disk-2,mp=/more,size=2G"}) // it waits
	is("0", map[string]any{"mp2": "local-lvm:vm-100-disk-2,mp=/more,ro=1,size=2G"})
	ok(set("delete", "mp1"))
	is("1", map[string]any{"mp1": "local-lvm:vm-100-disk-1,mp=/again,size=1G"})
	upid, err = n.Reboot(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	is("1", map[string]any{"mp1": nil, "unused0": "local-lvm:vm-100-disk-1", "mp2": "local-lvm:vm-100-disk-2,mp=/more,ro=1,size=2G"})
	ok(set("delete", "unused0"))
	if got := fmt.Sprint(disks(t, n, 100)); got != "[local-lvm:vm-100-disk-0 rootdir local-lvm:vm-100-disk-2 rootdir]" {
		t.Errorf("disks %s", got)
	}
	wantErr(t, set("mp3", "local:1,mp=/x"), 500, "storage 'local' does not allow content type 'rootdir' (Container)")
}

// A storage that is full refuses the whole request, and nothing of it stays.
func TestSetMountPointFull(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	err := n.SetConfig(t.Context(), node.Root, 100, node.Params{"memory": "1024", "mp0": "local-lvm:9000,mp=/data"})
	wantErr(t, err, 400, "Parameter verification failed.")
	cfg, err := n.Config(100, nil)
	if err != nil || cfg["mp0"] != nil || cfg["memory"] != 512 {
		t.Errorf("config %v, %v", cfg, err)
	}
}
