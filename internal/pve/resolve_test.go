package pve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	storages = `[{"storage":"local","type":"dir","content":"backup,vztmpl,rootdir","active":1,"enabled":1,"avail":81296203776},
		{"storage":"btr","type":"btrfs","content":"rootdir,images","active":1,"enabled":1,"avail":8035237888}]`
	everything = `{"/":{"VM.Allocate":1,"VM.Audit":1,"VM.Config.Disk":1,"VM.Config.Network":1,"VM.Config.Memory":1,"VM.Config.CPU":1,"VM.Config.Options":1,
		"VM.PowerMgmt":1,"Datastore.AllocateSpace":1,"Datastore.AllocateTemplate":1,"SDN.Use":1,"Sys.Modify":1}}`
	index = `[{"template":"debian-11-standard_11.7-1_amd64.tar.zst","type":"lxc"},{"template":"debian-13-standard_13.1-2_amd64.tar.zst","type":"lxc"},
		{"template":"debian-12-turnkey-nextcloud_18.0-1_amd64.tar.gz","type":"lxc"},{"template":"debian-12-standard_12.12-1_amd64.tar.zst","type":"lxc"}]`
)

// host is a node with the state of section 0 of the capture.
func host(t *testing.T) *fake {
	f := newFake(t)
	f.on("GET /version", ok(`{"release":"8.4","version":"8.4.21","repoid":"2606ac850d46da29"}`))
	f.on("GET /nodes", ok(`[{"node":"pve1","status":"online"}]`))
	f.on("GET /cluster/nextid", ok(`"100"`))
	f.on("GET /access/permissions", ok(everything))
	f.on("GET /nodes/pve1/storage", ok(storages))
	f.on("GET /nodes/pve1/network", ok(`[{"type":"bridge","iface":"vmbr0","active":1}]`))
	f.on("GET /nodes/pve1/storage/local/content", ok(`[{"volid":"local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst","content":"vztmpl"},
		{"volid":"local:vztmpl/debian-12-standard_12.2-1_amd64.tar.zst","content":"vztmpl"},{"volid":"local:vztmpl/debian-15-standard_15.0-1_amd64.tar.zst","content":"vztmpl"}]`))
	f.on("GET /nodes/pve1/aplinfo", ok(index))
	return f
}

func spec() lxc.Spec {
	return lxc.Spec{Hostname: "web-01", OSTemplate: "debian-12", Cores: 1, MemoryMiB: 512, DiskGiB: 2, Unprivileged: true,
		Features: lxc.Features{Nesting: true}, Network: lxc.Network{IPv4: "dhcp"}}
}

func TestResolveChooses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   func(*lxc.Spec)
		routes map[string]string
		want   string // node storage bridge volid download
		note   string
	}{
		{"all by itself", nil, nil, "pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "storage btr (btrfs) rather than local (dir)"},
		{"the disk does not fit the better storage", func(s *lxc.Spec) { s.DiskGiB = 20 }, nil, "pve1 local vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "storage local, the only one that takes the disk"},
		{"named", func(s *lxc.Spec) { s.Node, s.Storage, s.Network.Bridge = "pve1", "local", "vmbr0" }, nil, "pve1 local vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "OS template"},
		{"from the index", func(s *lxc.Spec) { s.OSTemplate = "debian-13" }, nil, "pve1 btr vmbr0 local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst true", "to be downloaded to local"},
		{"the newest of all", func(s *lxc.Spec) { s.OSTemplate = "debian" }, nil, "pve1 btr vmbr0 local:vztmpl/debian-15-standard_15.0-1_amd64.tar.zst false", ""},
		{"a volume", func(s *lxc.Spec) { s.OSTemplate = "local:vztmpl/debian-12-standard_12.2-1_amd64.tar.zst" }, nil, "pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.2-1_amd64.tar.zst false", ""},
		{"a volume of the index", func(s *lxc.Spec) { s.OSTemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst" }, nil, "pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst true", ""},
		{"an appliance by its name", func(s *lxc.Spec) { s.OSTemplate = "debian-12-turnkey-nextcloud" }, nil, "pve1 btr vmbr0 local:vztmpl/debian-12-turnkey-nextcloud_18.0-1_amd64.tar.gz true", ""},
		{"plain rather than appliance", nil, map[string]string{"GET /nodes/pve1/storage/local/content": `[{"volid":"local:vztmpl/debian-12-turnkey-nextcloud_99.0-1_amd64.tar.gz","content":"vztmpl"}]`},
			"pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst true", ""},
		{"one node of two online", nil, map[string]string{"GET /nodes": `[{"node":"pve1","status":"online"},{"node":"pve2","status":"offline"}]`},
			"pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "node pve1, the only one online"},
		{"pvestatd has not reported yet", nil, map[string]string{"GET /nodes": `[{"node":"pve1","status":"unknown"}]`},
			"pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "node pve1, the only one"},
		{"vmbr0 of many", nil, map[string]string{"GET /nodes/pve1/network": `[{"type":"bridge","iface":"vmbr1"},{"type":"bridge","iface":"vmbr0"}]`},
			"pve1 btr vmbr0 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst false", "--bridge chooses another"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := host(t)
			for route, data := range tt.routes {
				f.on(route, ok(data))
			}
			s := spec()
			if tt.spec != nil {
				tt.spec(&s)
			}
			p, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(p.Node, " ", p.Storage, " ", p.Bridge, " ", p.Template.VolID, " ", p.Template.Download); got != tt.want {
				t.Errorf("got %s", got)
			}
			if !strings.Contains(strings.Join(p.Notes, "\n"), tt.note) {
				t.Errorf("notes %q", p.Notes)
			}
			if p.CTID != 100 || !p.MarkerAllowed {
				t.Errorf("got %+v", p)
			}
			for _, c := range f.calls {
				if c.method != "GET" {
					t.Errorf("it touched something: %s %s", c.method, c.path)
				}
			}
		})
	}
}

// TestResolveArchitecture: the newest archive that the node can run is chosen.
func TestResolveArchitecture(t *testing.T) {
	const both = `[{"template":"debian-13-standard_13.1-2_amd64.tar.zst","type":"lxc","architecture":"amd64"},
		{"template":"debian-13-standard_13.6-1_arm64.tar.zst","type":"lxc","architecture":"arm64"},
		{"template":"debian-14-standard_14.0-1_arm64.tar.zst","type":"lxc","architecture":"arm64"}]`
	const machine = `{"current-kernel":{"machine":"%s"}}`
	for _, tt := range []struct {
		name, os string
		status   answer
		here     string // on the storage
		want     string // the archive, or a part of the error
		asked    int
	}{
		{"amd64", "debian-13", ok(fmt.Sprintf(machine, "x86_64")), "", "debian-13-standard_13.1-2_amd64.tar.zst", 1},
		{"arm64", "debian-13", ok(fmt.Sprintf(machine, "aarch64")), "", "debian-13-standard_13.6-1_arm64.tar.zst", 1},
		{"it may not be asked", "debian-13", fail(403, "Permission check failed (/nodes/pve1, Sys.Audit)"), "", "debian-13-standard_13.1-2_amd64.tar.zst", 1},
		{"nothing else fits", "debian-12", fail(500, "not to be asked"), "", "debian-12-standard_12.7-1_amd64.tar.zst", 0},
		{"on the storage", "debian-13", ok(fmt.Sprintf(machine, "x86_64")), "debian-13-standard_13.9-1_arm64.tar.zst", "debian-13-standard_13.1-2_amd64.tar.zst", 1},
		{"without an architecture in its name", "debian-13", ok(fmt.Sprintf(machine, "x86_64")), "debian-13-standard_13.9.tar.zst", "debian-13-standard_13.9.tar.zst", 0},
		{"by its volume", "local:vztmpl/debian-13-standard_13.9-1_arm64.tar.zst", ok(fmt.Sprintf(machine, "x86_64")), "debian-13-standard_13.9-1_arm64.tar.zst", "debian-13-standard_13.9-1_arm64.tar.zst", 0},
		{"none for it", "debian-14", ok(fmt.Sprintf(machine, "x86_64")), "", "has one for the node's architecture, amd64", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := host(t)
			f.on("GET /nodes/pve1/aplinfo", ok(both))
			f.on("GET /nodes/pve1/status", tt.status)
			if tt.here != "" {
				f.on("GET /nodes/pve1/storage/local/content", ok(`[{"volid":"local:vztmpl/`+tt.here+`","content":"vztmpl"}]`))
			}
			s := spec()
			s.OSTemplate = tt.os
			p, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && p.Template.Name != tt.want {
				t.Errorf("got %+v, %v", p, err)
			}
			if got := f.count("GET", "/nodes/pve1/status"); got != tt.asked {
				t.Errorf("asked %d times", got)
			}
		})
	}
}

// TestResolveAddress: a static address that another container has is refused before the
// create.
func TestResolveAddress(t *testing.T) {
	for _, tt := range []struct {
		name string
		net0 string // of container 101
		node string
		spec func(*lxc.Network)
		want string // in the error; after ! in a warning
	}{
		{"taken", "name=eth0,bridge=vmbr0,ip=10.0.0.5/24,type=veth", "pve1", nil, "cannot use the address 10.0.0.5: container 101 (db) has it, on vmbr0"},
		{"with another prefix length", "name=eth0,bridge=vmbr0,ip=10.0.0.5/16,gw=10.0.0.1", "pve1", nil, "container 101 (db) has it"},
		{"its IPv6 one", "name=eth0,bridge=vmbr0,ip=dhcp,ip6=fd00::5/64", "pve1", func(n *lxc.Network) { n.IPv6 = "fd00::0:5/64" }, "cannot use the address fd00::5: container 101 (db)"},
		{"another one", "name=eth0,bridge=vmbr0,ip=10.0.0.6/24", "pve1", nil, ""},
		{"on another bridge", "name=eth0,bridge=vmbr1,ip=10.0.0.5/24", "pve1", nil, ""},
		{"on another VLAN", "name=eth0,bridge=vmbr0,ip=10.0.0.5/24,tag=7", "pve1", nil, ""},
		{"on another node", "name=eth0,bridge=vmbr0,ip=10.0.0.5/24", "pve2", nil, "!container 101 (db) on node pve2 has the address 10.0.0.5 too"},
		{"by DHCP", "name=eth0,bridge=vmbr0,ip=dhcp", "pve1", func(n *lxc.Network) { n.IPv4 = "dhcp" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := host(t)
			f.on("GET /nodes", ok(`[{"node":"pve1","status":"online"},{"node":"pve2","status":"online"}]`))
			f.on("GET /nodes/pve1/lxc", ok(`[]`))
			f.on("GET /nodes/pve2/lxc", ok(`[]`))
			f.on("GET /nodes/"+tt.node+"/lxc", ok(`[{"vmid":101,"name":"db","status":"stopped"}]`))
			f.on("GET /nodes/"+tt.node+"/lxc/101/config", ok(`{"hostname":"db","net0":"`+tt.net0+`"}`))
			s := spec()
			s.Node, s.Network = "pve1", lxc.Network{IPv4: "10.0.0.5/24", Bridge: "vmbr0"}
			if tt.spec != nil {
				tt.spec(&s.Network)
			}
			p, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			warning, warns := strings.CutPrefix(tt.want, "!")
			switch {
			case err != nil && (warns || tt.want == "" || !strings.Contains(err.Error(), tt.want) || !pve.IsKind(err, pve.Invalid)):
				t.Errorf("got %v", err)
			case err == nil && tt.want != "" && !warns:
				t.Error("not found")
			case warns && !strings.Contains(strings.Join(p.Warnings, "\n"), warning):
				t.Errorf("warnings %q", p.Warnings)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   func(*lxc.Spec)
		routes map[string]answer
		kind   pve.Kind
		field  string
		text   string // in the error or its hints
	}{
		{"unknown node", func(s *lxc.Spec) { s.Node = "pve9" }, nil, pve.Invalid, "node", "pve1"},
		{"offline node", func(s *lxc.Spec) { s.Node = "pve1" }, map[string]answer{"GET /nodes": ok(`[{"node":"pve1","status":"offline"}]`)}, pve.Refused, "node", "offline"},
		{"two nodes", nil, map[string]answer{"GET /nodes": ok(`[{"node":"a","status":"online"},{"node":"b","status":"online"}]`)}, pve.Ambiguous, "node", "a, b"},
		{"id taken", func(s *lxc.Spec) { s.CTID = 100 }, map[string]answer{"GET /cluster/nextid": {400, "Parameter verification failed.", `{"data":null,"errors":{"vmid":"VM 100 already exists"}}`}}, pve.Invalid, "ctid", "exists"},
		{"unknown storage", func(s *lxc.Spec) { s.Storage = "nost" }, nil, pve.Invalid, "storage", "btr, local"},
		{"storage of the wrong type", func(s *lxc.Spec) { s.Storage = "iso" }, map[string]answer{"GET /nodes/pve1/storage": ok(`[{"storage":"iso","type":"dir","content":"iso","active":1,"enabled":1}]`)}, pve.Refused, "storage", "pvesm set iso --content iso,rootdir"},
		{"storage full", func(s *lxc.Spec) { s.Storage, s.DiskGiB = "btr", 8 }, nil, pve.Refused, "storage", "7.5 GiB free"},
		{"storage disabled", func(s *lxc.Spec) { s.Storage = "x" }, map[string]answer{"GET /nodes/pve1/storage": ok(`[{"storage":"x","type":"dir","content":"rootdir","active":0,"enabled":1}]`)}, pve.Refused, "storage", "not active"},
		{"no storage for containers", nil, map[string]answer{"GET /nodes/pve1/storage": ok(`[{"storage":"iso","type":"dir","content":"iso","active":1,"enabled":1}]`)}, pve.Refused, "storage", "rootdir"},
		{"two storages alike", nil, map[string]answer{"GET /nodes/pve1/storage": ok(`[{"storage":"a","type":"zfspool","content":"rootdir","active":1,"enabled":1},{"storage":"b","type":"zfspool","content":"rootdir","active":1,"enabled":1}]`)}, pve.Ambiguous, "storage", "a, b"},
		{"unknown bridge", func(s *lxc.Spec) { s.Network.Bridge = "vmbr9" }, nil, pve.Invalid, "bridge", "vmbr0"},
		{"two bridges", nil, map[string]answer{"GET /nodes/pve1/network": ok(`[{"type":"bridge","iface":"br1"},{"type":"bridge","iface":"br2"}]`)}, pve.Ambiguous, "bridge", "br1, br2"},
		{"no such OS", func(s *lxc.Spec) { s.OSTemplate = "debian-99" }, nil, pve.Invalid, "os", "debian-15-standard"},
		{"an OS that another node has", func(s *lxc.Spec) { s.OSTemplate, s.Node = "debian-99", "pve1" }, map[string]answer{
			"GET /nodes":                          ok(`[{"node":"pve1","status":"online"},{"node":"pve2","status":"offline"},{"node":"pve3","status":"online"}]`),
			"GET /nodes/pve3/storage":             ok(`[{"storage":"own","type":"dir","content":"vztmpl","active":1,"enabled":1}]`),
			"GET /nodes/pve3/storage/own/content": ok(`[{"volid":"own:vztmpl/debian-99-standard_99.1-1_amd64.tar.zst","content":"vztmpl"}]`),
		}, pve.Invalid, "os", "node pve3 has debian-99-standard_99.1-1_amd64.tar.zst on its storage own: --node pve3"},
		{"no id left in the range", nil, map[string]answer{"GET /cluster/nextid": fail(500, "unable to get any free VMID in range [200, 210]")}, pve.Refused, "ctid", "say --ctid with an id outside of that range"},
		{"no such volume", func(s *lxc.Spec) { s.OSTemplate = "local:vztmpl/nope_1_amd64.tar.zst" }, nil, pve.Invalid, "os", "debian-15-standard"},
		{"debian-1 is not debian-12", func(s *lxc.Spec) { s.OSTemplate = "debian-1" }, nil, pve.Invalid, "os", "debian-12-standard"},
		{"keyctl by token", func(s *lxc.Spec) { s.Features.Keyctl = true }, nil, pve.Forbidden, "features", "pct set 100 --features 'nesting=1,keyctl=1'"},
		{"a folder of the node by token", func(s *lxc.Spec) { s.Mounts = []lxc.Mount{{Path: "/data", Source: "/srv"}} }, nil, pve.Forbidden, "mount", "INFRAHAUS_SSH_NODE"},
		{"a device by token", func(s *lxc.Spec) { s.Devices = []lxc.Device{{Path: "/dev/net/tun"}} }, nil, pve.Forbidden, "device", "root@pam with its password"},
		{"a volume on no storage", func(s *lxc.Spec) { s.Mounts = []lxc.Mount{{Path: "/data", SizeGiB: 1, Storage: "nost"}} }, nil, pve.Invalid, "mount", "btr, local"},
		{"a volume on a full storage", func(s *lxc.Spec) { s.Mounts = []lxc.Mount{{Path: "/data", SizeGiB: 90, Storage: "local"}} }, nil, pve.Refused, "mount", "75.7 GiB free"},
		{"disk and volume on a full storage", func(s *lxc.Spec) { s.Storage, s.Mounts = "btr", []lxc.Mount{{Path: "/data", SizeGiB: 7}} }, nil, pve.Refused, "storage", "the disk and the volumes want 9 GiB"},
		{"no such volume to mount", func(s *lxc.Spec) { s.Mounts = []lxc.Mount{{Path: "/data", Volume: "local:100/vm-100-disk-1.raw"}} }, nil, pve.Invalid, "mount", "no such volume"},
		{"idmap before 9.2", func(s *lxc.Spec) { s.Mounts = []lxc.Mount{{Path: "/data", SizeGiB: 1, IDMap: "passthrough"}} }, nil, pve.Refused, "mount", "idmap came with 9.2"},
		{"no such bridge of a further interface", func(s *lxc.Spec) { s.Interfaces = []lxc.Network{{Bridge: "vmbr7"}} }, nil, pve.Invalid, "net", "vmbr0"},
		{"no such pool", func(s *lxc.Spec) { s.Pool = "web" }, map[string]answer{"GET /pools": ok(`[{"poolid":"db"}]`),
			"GET /access/permissions": ok(strings.Replace(everything, `"SDN.Use"`, `"Pool.Audit":1,"SDN.Use"`, 1))}, pve.Invalid, "pool", "pveum pool add web"},
		{"no OS of several", func(s *lxc.Spec) { s.OSTemplate, s.OSElse = "debian-99", []string{"fedora-99"} }, nil, pve.Invalid, "os", "debian-99 or fedora-99"},
		{"requires a later Proxmox", func(s *lxc.Spec) { s.Requires.Proxmox = ">=9.0" }, nil, pve.Refused, "requires", "the host has 8.4.21"},
		{"requires a privilege", func(s *lxc.Spec) { s.Requires.Privileges = []string{"Sys.Console"} }, map[string]answer{"GET /access/permissions?path=%2F": ok(`{"/":{}}`)}, pve.Forbidden, "", "Sys.Console on /"},
		{"requires a later pve-container", func(s *lxc.Spec) { s.Requires.PVEContainer = ">=6" }, map[string]answer{
			"GET /nodes/pve1/apt/versions": ok(`[{"Package":"pve-container","OldVersion":"5.3.4","CurrentState":"Installed"}]`)}, pve.Refused, "requires", "apt install pve-container"},
		{"privileged with nesting by token", func(s *lxc.Spec) { s.Unprivileged = false }, nil, pve.Forbidden, "features", "do without: --nesting=false"},
		{"no privileges", nil, map[string]answer{"GET /access/permissions": ok(`{}`)}, pve.Forbidden, "", "pveum user token modify root@pam cli --privsep 0"},
		{"no SDN.Use", nil, map[string]answer{"GET /access/permissions": ok(strings.Replace(everything, `"SDN.Use":1,`, "", 1))}, pve.Forbidden, "", "SDN.Use on /sdn/zones/localnetwork/vmbr0"},
		{"no space privilege", nil, map[string]answer{"GET /access/permissions": ok(strings.Replace(everything, `"Datastore.AllocateSpace":1,`, "", 1))}, pve.Forbidden, "", "pveum acl modify /storage/btr --roles infrahaus"},
		{"tags without the privilege", func(s *lxc.Spec) { s.Tags = []string{"a"} }, map[string]answer{"GET /access/permissions": ok(strings.Replace(everything, `"VM.Config.Options":1,`, "", 1))}, pve.Forbidden, "", "VM.Config.Options on /vms/100"},
		{"wrong token", nil, map[string]answer{"GET /version": {401, "Authentication failed!", ""}, "GET /nodes": {401, "Authentication failed!", ""}, "GET /cluster/nextid": {401, "Authentication failed!", ""}, "GET /access/permissions": {401, "Authentication failed!", ""}}, pve.Unauthorized, "", "root@pam!cli"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := host(t)
			for route, a := range tt.routes {
				f.on(route, a)
			}
			// The query for one path confirms what the overview says.
			f.on("GET /access/permissions?path=%2Fvms%2F100", ok(`{"/vms/100":{}}`))
			f.on("GET /access/permissions?path=%2Fstorage%2Fbtr", ok(`{"/storage/btr":{}}`))
			f.on("GET /access/permissions?path=%2Fsdn%2Fzones%2Flocalnetwork%2Fvmbr0", ok(`{}`))
			s := spec()
			if tt.spec != nil {
				tt.spec(&s)
			}
			_, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			var e *pve.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Field != tt.field {
				t.Fatalf("got %v (%+v)", err, e)
			}
			if !strings.Contains(err.Error()+strings.Join(append(e.Hints, strings.Join(e.Choices, ", ")), "\n"), tt.text) {
				t.Errorf("got %v\n%s", err, strings.Join(e.Hints, "\n"))
			}
		})
	}
}

func TestResolveParts(t *testing.T) {
	f := host(t)
	s := spec()
	s.OSTemplate, s.OSElse = "debian-99", []string{"debian-15"}
	s.Features.Keyctl = true
	s.Interfaces = []lxc.Network{{}}
	s.Mounts = []lxc.Mount{{Path: "/a", SizeGiB: 1}, {Path: "/b", Source: "/srv/b", ReadOnly: true}, {Path: "/c", SizeGiB: 1, Storage: "local"}}
	s.Devices = []lxc.Device{{Path: "/dev/net/tun", Mode: "0660", GID: 5}}
	s.Requires = lxc.Requires{Proxmox: ">=8.2, <9", PVEContainer: ">=99"}
	f.on("GET /nodes/pve1/apt/versions", fail(403, "Permission check failed (/nodes/pve1, Sys.Audit)"))
	p, err := f.client(t).Resolve(context.Background(), s, pve.Way{Node: true})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(p.Template.Name, p.Bridges, p.OnNode, p.MountStorage(s.Mounts[0]), p.MountStorage(s.Mounts[1]), p.MountStorage(s.Mounts[2]))
	want := "debian-15-standard_15.0-1_amd64.tar.zst[vmbr0][{features nesting=1,keyctl=1} {mp1 /srv/b,mp=/b,ro=1} {dev0 /dev/net/tun,mode=0660,gid=5}]btrlocal"
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "was not checked") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

// The host's answers alone decide whether it has what a template requires.
func TestResolveRequires(t *testing.T) {
	const asks = "GET /nodes/pve1/apt/versions"
	has := ok(`[{"Package":"pve-container","OldVersion":"5.3.4","CurrentState":"Installed"},{"Package":"lxc-pve","OldVersion":"6.0.0","CurrentState":"Installed"}]`)
	for _, tt := range []struct {
		name     string
		requires lxc.Requires
		packages answer
		warns    string
		refusal  string
		asked    int // for the packages
	}{
		{"nothing", lxc.Requires{}, has, "", "", 0},
		{"what is there", lxc.Requires{Proxmox: ">=8.2, <9", PVEContainer: ">=5.3.4", Privileges: []string{"Sys.Modify"}}, has, "", "", 1},
		{"an older Proxmox", lxc.Requires{Proxmox: "<8"}, has, "", "it requires Proxmox VE <8, and the host has 8.4.21", 0},
		{"Proxmox, before its packages are asked for", lxc.Requires{Proxmox: ">=9", PVEContainer: ">=5"}, has, "", "it requires Proxmox VE >=9", 0},
		{"a later package", lxc.Requires{PVEContainer: ">=5.4"}, has, "", "it requires pve-container >=5.4, and node pve1 has 5.3.4", 1},
		{"a package, asked for by a login without Sys.Audit", lxc.Requires{PVEContainer: ">=99"}, fail(403, "Permission check failed (/nodes/pve1, Sys.Audit)"), "was not checked", "", 1},
		{"a package that the answer leaves out", lxc.Requires{PVEContainer: ">=5"}, ok(`[]`), "was not checked", "", 1},
		{"a package that is not installed", lxc.Requires{PVEContainer: ">=5"}, ok(`[{"Package":"pve-container","CurrentState":"NotInstalled"}]`), "was not checked", "", 1},
		{"a package of a node that fails", lxc.Requires{PVEContainer: ">=5"}, fail(500, "apt is broken"), "", "apt is broken", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := host(t)
			f.on(asks, tt.packages)
			s := spec()
			s.Requires = tt.requires
			p, err := f.client(t).Resolve(context.Background(), s, pve.Way{})
			switch {
			case tt.refusal == "" && err != nil, tt.refusal != "" && (err == nil || !strings.Contains(err.Error(), tt.refusal)):
				t.Errorf("error %v, want %q", err, tt.refusal)
			case err == nil && !strings.Contains(strings.Join(p.Warnings, "\n"), tt.warns), err == nil && tt.warns == "" && len(p.Warnings) > 0:
				t.Errorf("warnings %q, want %q", p.Warnings, tt.warns)
			}
			if n := f.count("GET", "/nodes/pve1/apt/versions"); n > 0 != (tt.asked > 0) {
				t.Errorf("asked %d times for the packages", n)
			}
		})
	}
}

func TestSatisfies(t *testing.T) {
	for _, tt := range []struct {
		version, constraint string
		want                bool
	}{
		{"8.4.21", ">=8.2", true}, {"9.2.11", ">=8.2, <10", true}, {"8.1.0", ">=8.2", false}, {"9.0.0~11", ">=9.0", false}, {"9.0.0~11", ">=8.4", true},
		{"6.1.10", ">=6.1.3", true}, {"5.2.6-1", ">=5.2.6", true}, {"1:5.2.6+deb12u1", "^5.2", true}, {"dev", ">=1", false}, {"8.4", "nonsense", false},
	} {
		if got := pve.Satisfies(tt.version, tt.constraint); got != tt.want {
			t.Errorf("%s %s: %v", tt.version, tt.constraint, got)
		}
	}
}

// The overview may leave paths out; only Proxmox's answer for the path counts.
func TestMissingPrivilegesAreConfirmed(t *testing.T) {
	f := host(t)
	f.on("GET /access/permissions", ok(`{"/storage":{"Datastore.AllocateSpace":1,"Datastore.AllocateTemplate":1},"/nodes":{"VM.Allocate":1}}`))
	f.on("GET /access/permissions?path=%2Fvms%2F100", ok(`{"/vms/100":{"VM.Allocate":0,"VM.Audit":1,"VM.Config.Disk":1,"VM.Config.Network":1,"VM.Config.Memory":1,"VM.Config.CPU":1,"VM.PowerMgmt":1}}`))
	f.on("GET /access/permissions?path=%2Fsdn%2Fzones%2Flocalnetwork%2Fvmbr0", fail(500, "no"))
	p, err := f.client(t).Resolve(context.Background(), spec(), pve.Way{})
	if err != nil {
		t.Fatal(err)
	}
	if p.MarkerAllowed {
		t.Errorf("got %+v", p)
	}
}

func TestRootWithPasswordMayAll(t *testing.T) {
	f := host(t)
	f.on("POST /access/ticket", ok(`{"ticket":"PVE:1","CSRFPreventionToken":"c"}`))
	s := spec()
	s.Unprivileged, s.Features.Keyctl, s.Features.Mount = false, true, []string{"nfs"}
	p, err := f.clientWith(t, pve.Options{User: "root@pam", Password: "secret"}).Resolve(context.Background(), s, pve.Way{})
	if err != nil || !p.MarkerAllowed {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestCheckSpec(t *testing.T) {
	for field, bads := range map[string][]func(*lxc.Spec){
		"hostname":   {func(s *lxc.Spec) { s.Hostname = "bad_host!" }, func(s *lxc.Spec) { s.Hostname = "" }, func(s *lxc.Spec) { s.Hostname = "web." }, func(s *lxc.Spec) { s.Hostname = "-web" }, func(s *lxc.Spec) { s.Hostname = strings.Repeat("a", 64) }},
		"ctid":       {func(s *lxc.Spec) { s.CTID = 5 }, func(s *lxc.Spec) { s.CTID = 1000000000 }, func(s *lxc.Spec) { s.CTID = -1 }},
		"memory":     {func(s *lxc.Spec) { s.MemoryMiB = 1 }, func(s *lxc.Spec) { s.MemoryMiB = -512 }},
		"cores":      {func(s *lxc.Spec) { s.Cores = 9000 }},
		"swap":       {func(s *lxc.Spec) { s.SwapMiB = -1 }},
		"vlan":       {func(s *lxc.Spec) { s.Network.VLAN = 4095 }},
		"ip":         {func(s *lxc.Spec) { s.Network.IPv4 = "nonsense" }, func(s *lxc.Spec) { s.Network.IPv4 = "10.0.0.5" }, func(s *lxc.Spec) { s.Network.IPv4 = "10.0.0.0/24" }, func(s *lxc.Spec) { s.Network.IPv4 = "10.0.0.255/24" }, func(s *lxc.Spec) { s.Network.IPv4 = "fd00::5/64" }, func(s *lxc.Spec) { s.Network.Gateway4 = "10.0.0.1" }, func(s *lxc.Spec) { s.Network.IPv4, s.Network.Gateway4 = "10.0.0.5/24", "10.0.0.5" }},
		"ip6":        {func(s *lxc.Spec) { s.Network.IPv6 = "10.0.0.5/24" }, func(s *lxc.Spec) { s.Network.IPv6, s.Network.Gateway6 = "auto", "fe80::1" }},
		"nameserver": {func(s *lxc.Spec) { s.Network.Nameservers = []string{"dns.example"} }},
		"tag":        {func(s *lxc.Spec) { s.Tags = []string{"a b"} }},
		"storage":    {func(s *lxc.Spec) { s.Storage = "a/../b" }},
		"bridge":     {func(s *lxc.Spec) { s.Network.Bridge = "vmbr0,tag=5" }},
		"os":         {func(s *lxc.Spec) { s.OSTemplate = "" }},
		"ssh-key":    {func(s *lxc.Spec) { s.SSHKeys = []string{"ssh-ed25519 nonsense"} }, func(s *lxc.Spec) { s.SSHKeys = []string{"-----BEGIN OPENSSH PRIVATE KEY-----\nx"} }},
	} {
		for i, bad := range bads {
			s := spec()
			bad(&s)
			var e *pve.Error
			if err := pve.CheckSpec(s); !errors.As(err, &e) || e.Kind != pve.Invalid || e.Field != field {
				t.Errorf("%s %d: got %v", field, i, err)
			}
		}
	}
	good := spec()
	good.Network = lxc.Network{IPv4: "10.0.0.5/31", Gateway4: "10.0.0.4", IPv6: "fd00::5/64", Gateway6: "fe80::1", VLAN: 4094}
	good.SSHKeys = []string{"# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVleGFt me@here\n"}
	if err := pve.CheckSpec(good); err != nil {
		t.Error(err)
	}
}

func TestDownload(t *testing.T) {
	f := newFake(t)
	task := strings.Replace(upid, "vzcreate:100", "download:x", 1)
	f.on("POST /nodes/pve1/aplinfo", ok(`"`+task+`"`))
	f.on("GET /nodes/pve1/tasks/"+task+"/status", stopped("OK"))
	f.on("GET /nodes/pve1/tasks/"+task+"/log", ok(`[{"n":1,"t":"downloading http://…"},{"n":2,"t":"  0K ........ ........ 26% 90.1M 1s"},{"n":3,"t":" 50K ........ ........100% 90.1M=1s"},{"n":4,"t":"TASK OK"}]`))
	p := &pve.Placement{Node: "pve1", Template: pve.Template{Name: "debian-13-standard_13.1-2_amd64.tar.zst", Storage: "local", Download: true}}
	var waits, lines []string
	w := pve.Watch{Line: func(s string) { lines = append(lines, s) }, Waiting: func(s string) { waits = append(waits, s) }}
	c := f.client(t)
	for range 2 { // the second finds it done
		if err := c.Download(context.Background(), p, w); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(waits, "|"); !strings.Contains(got, ": 26 %|") || !strings.HasSuffix(got, ": 100 %") || len(lines) != 2 {
		t.Errorf("waits %q, lines %q", waits, lines)
	}
	if f.count("POST", "/nodes/pve1/aplinfo") != 1 {
		t.Error("downloaded twice")
	}
}
