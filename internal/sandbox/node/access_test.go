package node_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// grant gives a user or token roles made of privileges, by path.
func grant(t *testing.T, n *node.Node, id string, on map[string]string) {
	t.Helper()
	var acl []node.ACL
	for path, privs := range on {
		role := id + path
		if err := n.AddRole(role, strings.Fields(privs)...); err != nil {
			t.Fatal(err)
		}
		acl = append(acl, node.ACL{Path: path, Role: role, Propagate: true})
	}
	if err := n.SetACL(id, acl...); err != nil {
		t.Fatal(err)
	}
}

const (
	vmAll = "VM.Allocate VM.Audit VM.PowerMgmt VM.Config.CPU VM.Config.Memory VM.Config.Disk VM.Config.Network VM.Config.Options"
	store = "Datastore.AllocateSpace Datastore.Audit"
)

// What a token that may create containers is refused, and in which words.
func TestCreateRights(t *testing.T) {
	full := map[string]string{"/vms": vmAll, "/storage": store, "/sdn/zones/localnetwork": "SDN.Use"}
	without := func(path, priv string) map[string]string {
		m := map[string]string{}
		for k, v := range full {
			m[k] = v
		}
		m[path] = strings.TrimSpace(strings.ReplaceAll(" "+m[path]+" ", " "+priv+" ", " "))
		return m
	}
	root := map[string]string{"/vms": vmAll, "/storage": store, "/sdn/zones/localnetwork": "SDN.Use", "/": "Sys.Modify"}
	tests := []struct {
		name   string
		rights map[string]string
		set    []string
		want   string // of the 403, "" for success
	}{
		{"enough", full, nil, ""},
		{"no VM.Allocate", without("/vms", "VM.Allocate"), nil, "Permission check failed"},
		{"no VM.Config.Memory", without("/vms", "VM.Config.Memory"), nil, "Permission check failed (/vms/100, VM.Config.Memory)"},
		{"no VM.Config.Network", without("/vms", "VM.Config.Network"), nil, "Permission check failed (/vms/100, VM.Config.Network)"},
		{"no VM.Config.Disk", without("/vms", "VM.Config.Disk"), nil, "Permission check failed (/vms/100, VM.Config.Disk)"},
		{"description without VM.Config.Options", without("/vms", "VM.Config.Options"), []string{"description", "x"}, "Permission check failed (/vms/100, VM.Config.Options)"},
		{"no SDN.Use", without("/sdn/zones/localnetwork", "SDN.Use"), nil, "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"},
		{"a tag", without("/sdn/zones/localnetwork", "SDN.Use"), []string{"net0", "name=eth0,bridge=vmbr0,tag=7"}, "Permission check failed (/sdn/zones/localnetwork/vmbr0/7, SDN.Use)"},
		{"no AllocateSpace", without("/storage", "Datastore.AllocateSpace"), nil, "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)"},
		{"no storage at all", without("/storage", store), nil, "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)"},
		{"keyctl", full, []string{"features", "nesting=1,keyctl=1"}, "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)"},
		{"privileged", full, []string{"unprivileged", "0"}, "Permission check failed (/, Sys.Modify)"},
		{"privileged, with Sys.Modify", root, []string{"unprivileged", "0"}, "Permission check failed (changing feature flags for privileged container is only allowed for root@pam)"},
		{"privileged, empty features", root, []string{"unprivileged", "0", "features", ""}, "Permission check failed (changing feature flags for privileged container is only allowed for root@pam)"},
		{"bind mount", full, []string{"mp0", "/srv,mp=/srv"}, "Permission check failed (mount point type bind is only allowed for root@pam)"},
		{"device", full, []string{"dev0", "/dev/fuse"}, "Permission check failed (configuring device passthrough is only allowed for root@pam)"},
		{"hookscript", full, []string{"hookscript", "local:snippets/x"}, "Permission check failed (changing the hookscript is only allowed for root@pam)"},
		{"unknown pool", full, []string{"pool", "web"}, "Permission check failed (pool 'web' does not exist)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := open(t, node.Options{})
			if err := n.AddUser("ci@pve", "secret"); err != nil {
				t.Fatal(err)
			}
			if _, err := n.AddToken("ci@pve!t", true); err != nil {
				t.Fatal(err)
			}
			// a token with privilege separation has what both have
			grant(t, n, "ci@pve", root)
			grant(t, n, "ci@pve!t", tt.rights)
			a := node.Auth{User: "ci@pve", TokenID: "t"}
			upid, err := n.Create(t.Context(), a, spec(100, tt.set...))
			if tt.want != "" {
				wantErr(t, err, 403, tt.want)
				return
			}
			if _, exit := finish(t, n, upid, err); exit != "OK" {
				t.Errorf("create ended with %q", exit)
			}
		})
	}
}

// A token of root is not root, whatever its rights.
func TestRootToken(t *testing.T) {
	n := open(t, node.Options{})
	a := node.ParseAuth(n.Login().TokenID)
	p := spec(100, "features", "nesting=1,keyctl=1")
	_, err := n.Create(t.Context(), a, p)
	wantErr(t, err, 403, "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)")
	mustCreate(t, n, p)
	// what is stored may stay
	if err := n.SetConfig(t.Context(), a, 100, node.Params{"features": "keyctl=1"}); err != nil {
		t.Errorf("taking nesting away: %v", err)
	}
	err = n.SetConfig(t.Context(), a, 100, node.Params{"features": "keyctl=1,fuse=1"})
	wantErr(t, err, 403, "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)")
	_, err = n.Create(t.Context(), a, spec(101, "rootfs", "8"))
	wantErr(t, err, 500, "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.")
}

// TestOldBridge: whoever changes an interface, or removes it, needs a right on the bridge that it
// leaves as well as on the new one.
func TestOldBridge(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100, "net0", "name=eth0,bridge=vmbr0,ip=dhcp", "net1", "name=eth1,bridge=vmbr0,tag=20"))
	if err := n.AddUser("ci@pve", "secret"); err != nil {
		t.Fatal(err)
	}
	a := node.Auth{User: "ci@pve"}
	set := func(p node.Params) error { return n.SetConfig(t.Context(), a, 100, p) }
	grant(t, n, "ci@pve", map[string]string{"/vms": vmAll, "/sdn/zones/localnetwork/vmbr0/30": "SDN.Use"})
	wantErr(t, set(node.Params{"net0": "name=eth0,bridge=vmbr0,tag=30"}), 403, "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)")
	wantErr(t, set(node.Params{"net1": "name=eth1,bridge=vmbr0,tag=30"}), 403, "Permission check failed (/sdn/zones/localnetwork/vmbr0/20, SDN.Use)")
	wantErr(t, set(node.Params{"delete": "net1"}), 403, "Permission check failed (/sdn/zones/localnetwork/vmbr0/20, SDN.Use)")
	if err := set(node.Params{"net2": "name=eth2,bridge=vmbr0,tag=30"}); err != nil {
		t.Error(err)
	}
	grant(t, n, "ci@pve", map[string]string{"/vms": vmAll, "/sdn/zones/localnetwork/vmbr0": "SDN.Use"})
	if err := set(node.Params{"net1": "name=eth1,bridge=vmbr0,tag=30"}); err != nil {
		t.Error(err)
	}
}

// A token sees its own tasks; its user sees them too; others need Sys.Audit.
func TestTaskRights(t *testing.T) {
	n := open(t, node.Options{})
	for _, u := range []string{"a@pve", "b@pve"} {
		if err := n.AddUser(u, "secret"); err != nil {
			t.Fatal(err)
		}
		grant(t, n, u, map[string]string{"/": vmAll + " " + store + " SDN.Use"})
		for _, tok := range []string{"!x", "!y"} {
			if _, err := n.AddToken(u+tok, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	x := node.Auth{User: "a@pve", TokenID: "x"}
	upid, err := n.Create(t.Context(), x, spec(100))
	finish(t, n, upid, err)
	for id, sees := range map[string]bool{"a@pve!x": true, "a@pve": true, "a@pve!y": false, "b@pve": false, "root@pam": true} {
		_, err := n.TaskStatus(node.ParseAuth(id), upid)
		if sees != (err == nil) {
			t.Errorf("%s: %v", id, err)
		}
		if !sees {
			wantErr(t, err, 403, "Permission check failed (/nodes/pve1, Sys.Audit)")
		}
		if rows, _ := n.Tasks(node.ParseAuth(id), nil); sees != (len(rows) == 1) {
			t.Errorf("%s sees %d tasks", id, len(rows))
		}
	}
}

// The deepest path that names a user or token decides, and an entry that does
// not propagate holds on its own path alone.
func TestACLPaths(t *testing.T) {
	n := open(t, node.Options{})
	if err := n.AddUser("a@pve", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := n.SetACL("a@pve",
		node.ACL{Path: "/", Role: "PVEAuditor", Propagate: true},
		node.ACL{Path: "/vms/100", Role: "NoAccess", Propagate: true},
		node.ACL{Path: "/vms", Role: "PVEVMAdmin"},
	); err != nil {
		t.Fatal(err)
	}
	a := node.Auth{User: "a@pve"}
	for path, want := range map[string]bool{"/": true, "/vms/100": false, "/vms/101": true, "/storage/local": true} {
		if got := n.CheckAny(a, path, "VM.Audit", "Datastore.Audit") == nil; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if n.Check(a, "/vms", "VM.Allocate") != nil || n.Check(a, "/vms/101", "VM.Allocate") == nil {
		t.Error("a role that does not propagate holds below, or not on its path")
	}
}

func TestTickets(t *testing.T) {
	n := open(t, node.Options{})
	ticket, csrf := n.Ticket("root@pam")
	if a, ok := n.CheckTicket(ticket); !ok || a != node.Root || !n.CheckCSRF("root@pam", csrf) {
		t.Error("a new ticket is refused")
	}
	forged := strings.Replace(ticket, "root@pam", "evil@pam", 1)
	if _, ok := n.CheckTicket(forged); ok || n.CheckCSRF("evil@pam", csrf) {
		t.Error("a forged ticket passes")
	}
}

// Log pages count from 1, know the whole, and an empty log says so.
func TestTaskLogPages(t *testing.T) {
	release := make(chan struct{})
	drv := driver.NewFaults(driver.Fault{Name: driver.FaultTaskLineLate, Count: 1})
	n := open(t, node.Options{Faults: drv})
	log, exit := create(t, n, spec(100))
	close(release)
	if exit != "OK" {
		t.Fatal(exit)
	}
	rows, _ := n.Tasks(node.Root, nil)
	upid := rows[0]["upid"].(string)
	page, total, err := n.TaskLog(node.Root, upid, 0, 0)
	if err != nil || total != len(log) || page[0].N != 1 {
		t.Errorf("before the last line: %d of %d lines, %v", total, len(log), err)
	}
	page, total, err = n.TaskLog(node.Root, upid, total, 500)
	if err != nil || len(page) != 1 || page[0].N != len(log)+1 || page[0].T != "TASK OK" || total != len(log)+1 {
		t.Errorf("the last line: %v of %d, %v", page, total, err)
	}
	page, _, _ = n.TaskLog(node.Root, upid, 1, 2)
	if len(page) != 2 || page[0].N != 2 || page[1].N != 3 {
		t.Errorf("a page of two: %v", page)
	}
	_, err = n.TaskStatus(node.Root, "UPID:nonsense")
	var e *node.Error
	if !errors.As(err, &e) || e.Status != 400 {
		t.Errorf("an unreadable upid: %v", err)
	}
}

// Each fault of the node does what its name says, once where that is asked for.
func TestFaults(t *testing.T) {
	faults := driver.NewFaults()
	n := open(t, node.Options{Faults: faults})
	ask := func(s string) {
		t.Helper()
		f, err := driver.ParseFault(s)
		if err != nil {
			t.Fatal(err)
		}
		faults.Clear("")
		faults.Add(f)
	}
	exits := []struct{ fault, want string }{
		{"create-fail=disk on fire:1", "unable to create CT 100 - disk on fire"},
		{"storage-full:1", "unable to create CT 100 - lvcreate 'pve/vm-100-disk-0' error:   Cannot create new thin volume, free space in thin pool pve/data reached threshold."},
		{"create-warnings=mind the gap:1", "WARNINGS: 1"},
	}
	for _, tt := range exits {
		ask(tt.fault)
		if _, exit := create(t, n, spec(100)); exit != tt.want {
			t.Errorf("%s: %q", tt.fault, exit)
		}
	}
	ask("id-taken:1")
	_, err := n.Create(t.Context(), node.Root, spec(101))
	wantErr(t, err, 500, "CT 101 already exists on node 'pve1'")
	ask("id-race:1")
	for _, want := range []string{"100", "101"} {
		if id, _ := n.NextID(nil); id != want {
			t.Errorf("next id %v, want %s", id, want)
		}
	}
	ask("start-fail=lxc-start: 100: no cgroup:1")
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	log, exit := finish(t, n, upid, err)
	if exit != "startup for container '100' failed" || log[0] != "lxc-start: 100: no cgroup" {
		t.Errorf("start ended with %q, log %q", exit, log)
	}
	ask("lock-timeout:2")
	for range 2 {
		_, err = n.Start(t.Context(), node.Root, 100, nil)
		wantErr(t, err, 500, "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout")
	}
	upid, err = n.Start(t.Context(), node.Root, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Errorf("start ended with %q", exit)
	}
	ask("no-os-templates")
	if rows, err := n.StorageContent(node.Root, "local", node.Params{"content": "vztmpl"}); err != nil || len(rows) != 0 || len(n.Appliances()) != 0 {
		t.Errorf("templates are there: %v %v", rows, err)
	}
	ask("no-privileges")
	if p := n.Permissions(node.ParseAuth(n.Login().TokenID), ""); len(p) != 0 {
		t.Errorf("permissions %v", p)
	}
	if _, err := driver.ParseFault("no-such-fault"); err == nil {
		t.Error("an unknown fault is accepted")
	}
}

// What /interfaces shows of an address, poll by poll.
func TestAddressFaults(t *testing.T) {
	tests := []struct {
		fault string
		delay time.Duration
		want  []string // inet, inet6 of eth0 at each poll
	}{
		{"", -1, []string{"v4 fe80", "v4 fe80"}},
		{"", time.Hour, []string{"- -", "- -", "- -"}}, // it counts time, not polls
		{"no-address", -1, []string{"- -", "- -", "- -"}},
		{"link-local-only", time.Hour, []string{"- fe80", "- fe80"}},
		{"address-late=2", -1, []string{"- fe80", "- fe80", "v4 fe80"}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			faults := driver.NewFaults()
			if tt.fault != "" {
				f, err := driver.ParseFault(tt.fault)
				if err != nil {
					t.Fatal(err)
				}
				faults.Add(f)
			}
			n := open(t, node.Options{Faults: faults, AddressDelay: tt.delay})
			mustCreate(t, n, spec(100))
			if rows, err := n.Interfaces(t.Context(), 100); rows != nil || err != nil {
				t.Errorf("stopped: %v %v", rows, err)
			}
			upid, err := n.Start(t.Context(), node.Root, 100, nil)
			finish(t, n, upid, err)
			for i, want := range tt.want {
				rows, err := n.Interfaces(t.Context(), 100)
				if err != nil || len(rows) != 2 || rows[0]["name"] != "lo" {
					t.Fatalf("poll %d: %v %v", i+1, rows, err)
				}
				got := []string{"-", "-"}
				if _, ok := rows[1]["inet"]; ok {
					got[0] = "v4"
				}
				if v, ok := rows[1]["inet6"].(string); ok && strings.HasPrefix(v, "fe80::") {
					got[1] = "fe80"
				}
				if s := strings.Join(got, " "); s != want {
					t.Errorf("poll %d: %s, want %s", i+1, s, want)
				}
			}
		})
	}
}

// The guest is killed as soon as the file is there.
func TestGuestDies(t *testing.T) {
	n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultGuestDies, Value: "/root/die", Count: 1})})
	mustCreate(t, n, spec(100))
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	if err := n.Push(t.Context(), node.Root, 100, "/root/die", strings.NewReader(""), "", "", ""); err != nil {
		t.Fatal(err)
	}
	n.Wait(t.Context(), 100)
	if n.Running(100) {
		t.Error("the guest still runs")
	}
	if rows, _ := n.Tasks(node.Root, node.Params{"typefilter": "push_file"}); len(rows) != 1 {
		t.Errorf("%d push_file tasks", len(rows))
	}
}
