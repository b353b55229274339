package lxc

import (
	"fmt"
	"testing"
)

func TestPartFaults(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec Spec
		want string // in[at].field value reason, of the first fault; "" for none
	}{
		{"nothing", Spec{}, ""},
		{"all kinds", Spec{
			Interfaces: []Network{{Bridge: "vmbr1", VLAN: 20, MTU: 1450, RateMBs: 1.5}, {Name: "lan0", IPv4: "10.0.0.2/24", Gateway4: "10.0.0.1"}},
			Mounts:     []Mount{{Path: "/a", SizeGiB: 1, Backup: true, Options: []string{"noatime"}}, {Path: "/a/b", Volume: "local-lvm:vm-100-disk-1"}, {Path: "/c", Source: "/srv/c", IDMap: "u:0:1000:1;g:0:1000:1"}},
			Devices:    []Device{{Path: "/dev/dri/renderD128", Mode: "0660", GID: 104}},
		}, ""},
		{"name twice", Spec{Interfaces: []Network{{Name: "eth0"}}}, "network[1].name eth0 is the name of two interfaces"},
		{"default name twice", Spec{Network: Network{Name: "eth1"}, Interfaces: []Network{{}}}, "network[1].name eth1 is the name of two interfaces"},
		{"no name", Spec{Interfaces: []Network{{Name: "eth 1"}}}, "network[1].name eth 1 is no name of an interface"},
		{"address", Spec{Interfaces: []Network{{IPv4: "10.0.0.0/24"}}}, "network[1].ip 10.0.0.0/24 is the network's own address"},
		{"MTU", Spec{Network: Network{MTU: 20}}, "[0].mtu 20 is not from 64 to 65535"},
		{"DNS apart", Spec{Interfaces: []Network{{SearchDomain: "x.example"}}}, "network[1].nameservers eth1 has DNS servers, which belong to the whole container"},
		{"path taken", Spec{Mounts: []Mount{{Path: "/a", SizeGiB: 1}, {Path: "/a", SizeGiB: 2}}}, "mount[1].path /a is taken by another mount point"},
		{"hides", Spec{Mounts: []Mount{{Path: "/a/b", SizeGiB: 1}, {Path: "/a", SizeGiB: 2}}}, "mount[1].path /a would hide /a/b, which is mounted before it"},
		{"relative", Spec{Mounts: []Mount{{Path: "srv", SizeGiB: 1}}}, "mount[0].path srv is not an absolute path"},
		{"up", Spec{Mounts: []Mount{{Path: "/srv/../etc", SizeGiB: 1}}}, "mount[0].path /srv/../etc is not a clean path: no //, no . or .., and no / at its end"},
		{"comma", Spec{Mounts: []Mount{{Path: "/a,b", SizeGiB: 1}}}, "mount[0].path /a,b has a comma or a control character, which Proxmox cannot keep in a path"},
		{"root", Spec{Mounts: []Mount{{Path: "/", SizeGiB: 1}}}, "mount[0].path / is a part of every container"},
		{"nothing to mount", Spec{Mounts: []Mount{{Path: "/a"}}}, "mount[0].path /a is not exactly one of a new volume, an existing one and a folder of the node"},
		{"two to mount", Spec{Mounts: []Mount{{Path: "/a", SizeGiB: 1, Source: "/b"}}}, "mount[0].path /a is not exactly one of a new volume, an existing one and a folder of the node"},
		{"source", Spec{Mounts: []Mount{{Path: "/a", Source: "b"}}}, "mount[0].source b is not an absolute path"},
		{"volume", Spec{Mounts: []Mount{{Path: "/a", Volume: "vm-100-disk-1"}}}, "mount[0].volume vm-100-disk-1 is no volume"},
		{"storage of a folder", Spec{Mounts: []Mount{{Path: "/a", Source: "/b", Storage: "local"}}}, "mount[0].storage local is given for no new volume"},
		{"backup of a folder", Spec{Mounts: []Mount{{Path: "/a", Source: "/b", Backup: true}}}, "mount[0].backup /a is a folder of the node, which Proxmox's backups never include"},
		{"option", Spec{Mounts: []Mount{{Path: "/a", SizeGiB: 1, Options: []string{"sync"}}}}, "mount[0].options sync is no mount option that Proxmox takes"},
		{"idmap", Spec{Mounts: []Mount{{Path: "/a", SizeGiB: 1, IDMap: "0:1000"}}}, "mount[0].idmap 0:1000 is no mapping of ids"},
		{"device", Spec{Devices: []Device{{Path: "/etc/passwd"}}}, "device[0].path /etc/passwd is not below /dev"},
		{"device twice", Spec{Devices: []Device{{Path: "/dev/fuse"}, {Path: "/dev/fuse"}}}, "device[1].path /dev/fuse is given twice"},
		{"mode", Spec{Devices: []Device{{Path: "/dev/fuse", Mode: "rw"}}}, "device[0].mode rw is no mode of a device"},
	} {
		got := ""
		if faults := tt.spec.PartFaults(); len(faults) > 0 {
			f := faults[0]
			got = fmt.Sprintf("%s[%d].%s %s %s", f.In, f.At, f.Field, f.Value, f.Reason)
		}
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestStartup(t *testing.T) {
	for text, good := range map[string]bool{
		StartupText(3, -1, -1): true, StartupText(3, 30, 60): true, StartupText(-1, 30, -1): true,
		"3": false, "order=a": false, "up=1,order=2": false,
	} {
		s := Spec{Hostname: "x", OSTemplate: "debian-12", Startup: text}
		if got := len(s.Faults()) == 0; got != good {
			t.Errorf("%q: %v", text, s.Faults())
		}
	}
}
