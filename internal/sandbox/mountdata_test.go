package sandbox

import (
	"bytes"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// What is in a mount point goes where its volume goes: it is gone with the mount point, there
// again where the volume is mounted next, in whichever container, and freed with it.
func TestMountData(t *testing.T) {
	for _, kind := range drivers() {
		t.Run(kind, func(t *testing.T) { mountData(t, open(t, Options{Dir: t.TempDir(), Driver: kind}).Node()) })
	}
}

func mountData(t *testing.T, n *node.Node) {
	run := func(vmid int, script string) string {
		t.Helper()
		var out bytes.Buffer
		if _, err := n.Driver().Exec(t.Context(), vmid, driver.Exec{Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Cwd: "/",
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out.String())
	}
	power := func(do func() (string, error)) {
		t.Helper()
		upid, err := do()
		if err != nil {
			t.Fatal(err)
		}
		if exit, err := n.Follow(t.Context(), upid, func(string) {}); err != nil || exit != "OK" && !strings.HasPrefix(exit, "WARN") {
			t.Fatal(exit, err)
		}
	}
	for id, mount := range map[string]string{"100": "local-lvm:1,mp=/data", "101": ""} {
		p := node.Params{"vmid": id, "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "rootfs": "local-lvm:4", "features": "nesting=1"}
		if mount != "" {
			p["mp0"] = mount
		}
		power(func() (string, error) { return n.Create(t.Context(), node.Root, p) })
	}
	start := func(vmid int) {
		power(func() (string, error) { return n.Start(t.Context(), node.Root, vmid, nil) })
	}
	stop := func(vmid int) {
		power(func() (string, error) { return n.Stop(t.Context(), node.Root, vmid, nil) })
	}
	set := func(vmid int, key, value string) {
		t.Helper()
		if err := n.SetConfig(t.Context(), node.Root, vmid, node.Params{key: value}); err != nil {
			t.Fatal(err)
		}
	}
	is := func(vmid int, script, want string) {
		t.Helper()
		if got := run(vmid, script); got != want {
			t.Errorf("%d: %s: %q, want %q", vmid, script, got, want)
		}
	}
	start(100)
	run(100, "mkdir /data/sub; echo kept >/data/sub/file; chmod 640 /data/sub/file; chown 33:33 /data/sub/file; ln -s sub /data/link")
	stop(100)
	set(100, "delete", "mp0")
	start(100)
	is(100, "ls /data", "")
	set(100, "mp1", "local-lvm:vm-100-disk-1,mp=/again") // while it runs
	is(100, "cat /again/link/file; stat -c '%a %u:%g' /again/sub/file", "kept\n640 33:33")
	stop(100)
	set(100, "mp1", "local-lvm:vm-100-disk-1,mp=/moved")
	power(func() (string, error) {
		return n.MoveVolume(t.Context(), node.Root, 100, node.Params{"volume": "mp1", "storage": "local-lvm"})
	})
	start(100)
	is(100, "cat /moved/sub/file; ls /again", "kept")
	run(100, "echo new >/moved/sub/file")
	stop(100)
	power(func() (string, error) { // the original, which move_volume has left
		return n.MoveVolume(t.Context(), node.Root, 100, node.Params{"volume": "unused0", "target-vmid": "101"})
	})
	set(101, "mp0", "local-lvm:vm-101-disk-1,mp=/old")
	power(func() (string, error) {
		return n.MoveVolume(t.Context(), node.Root, 100, node.Params{"volume": "mp1", "target-vmid": "101"})
	})
	start(101)
	is(101, "cat /old/sub/file /moved/link/file", "kept\nnew")
	stop(101)
	set(101, "delete", "mp0")
	set(101, "delete", "unused0")
	set(101, "mp0", "local-lvm:1,mp=/old") // another one of the same name
	start(101)
	is(101, "ls /old", "")
}
