package template

import (
	"reflect"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const allParts = `name: box
os: [debian-13, debian-12]
resources: {cpulimit: 1.5, cpuunits: 200}
network:
  - {bridge: vmbr0, nameservers: [1.1.1.1], searchdomain: lab.example.org}
  - {name: lan0, bridge: vmbr1, vlan: 20, ip: 10.0.0.2/24, mtu: 1450, rate: 2.5, firewall: true}
mounts:
  - {path: /srv/data, size: 20, storage: fast, backup: true, options: [noatime]}
  - {path: /srv/old, volume: 'fast:vm-900-disk-1', readonly: true}
  - {path: /srv/media, source: /tank/media, idmap: passthrough}
devices: [/dev/net/tun, {path: /dev/dri/renderD128, mode: '0660', gid: 104}]
pool: web
onboot: true
startup: {order: 0, up: 30}
requires: {infrahaus: '>=1.2', proxmox: '>=8.2, <10', privileges: [Sys.Modify]}
`

func TestParts(t *testing.T) {
	got := mustLoad(t, folder("template.yaml", allParts)).Spec()
	want := lxc.Spec{
		OSTemplate: "debian-13", OSElse: []string{"debian-12"}, Cores: 1, MemoryMiB: 512, SwapMiB: 512, DiskGiB: 8, Unprivileged: true,
		CPULimit: 1.5, CPUUnits: 200,
		Network:    lxc.Network{Bridge: "vmbr0", IPv4: "dhcp", Nameservers: []string{"1.1.1.1"}, SearchDomain: "lab.example.org"},
		Interfaces: []lxc.Network{{Name: "lan0", Bridge: "vmbr1", VLAN: 20, IPv4: "10.0.0.2/24", MTU: 1450, RateMBs: 2.5, Firewall: true}},
		Mounts: []lxc.Mount{
			{Path: "/srv/data", SizeGiB: 20, Storage: "fast", Backup: true, Options: []string{"noatime"}},
			{Path: "/srv/old", Volume: "fast:vm-900-disk-1", ReadOnly: true},
			{Path: "/srv/media", Source: "/tank/media", IDMap: "passthrough"},
		},
		Devices: []lxc.Device{{Path: "/dev/net/tun"}, {Path: "/dev/dri/renderD128", Mode: "0660", GID: 104}},
		Pool:    "web", OnBoot: true, Startup: "order=0,up=30",
		Requires: lxc.Requires{Infrahaus: ">=1.2", Proxmox: ">=8.2, <10", Privileges: []string{"Sys.Modify"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBadParts(t *testing.T) {
	const top = "name: web\nos: debian-12\n"
	for _, tt := range []struct{ text, want string }{
		{"name: web\nos: [debian-12, 'a b']\n", `template.yaml:2:17: os[1]: "a b" will not do (such as os: debian-12, or local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst)`},
		{"name: web\nos: []\n", `template.yaml:2:5: os: it is an empty list (such as os: debian-12)`},
		{top + "network: [{bridge: vmbr0}, {name: eth0}]", `template.yaml:3:35: network[1].name: "eth0" is the name of two interfaces (leave the names out: eth0, eth1, …)`},
		{top + "network: {ip: 10.0.0.0/24}", `template.yaml:3:15: network.ip: "10.0.0.0/24" is the network's own address`},
		{top + "network: [{}, {ip: 10.0.0.0/24}]", `template.yaml:3:20: network[1].ip: "10.0.0.0/24" is the network's own address`},
		{top + "network: [{}, {mtu: 20}]", `template.yaml:3:21: network[1].mtu: 20 is not within 64..65535`},
		{top + "mounts: [{path: srv, size: 1}]", `template.yaml:3:17: mounts[0].path: "srv" is not an absolute path (an absolute path in the container, such as /srv/data)`},
		{top + "mounts: [{path: /a, size: 1}, {path: /a, size: 1}]", `template.yaml:3:38: mounts[1].path: "/a" is taken by another mount point (another path: each mount point has its own)`},
		{top + "mounts: [{path: /a, size: 1, backups: true}]", `template.yaml:3:30: unknown key "mounts[0].backups" (did you mean "backup"?)`},
		{top + "devices: [/etc/passwd]", `template.yaml:3:11: devices[0].path: "/etc/passwd" is not below /dev (a device of the node, such as /dev/dri/renderD128)`},
		{top + "startup: first", `template.yaml:3:10: startup: it must be a start order, not "first" (a number, or {order: 3, up: 30, down: 60})`},
		{top + "resources: {cpulimit: lots}", `template.yaml:3:23: resources.cpulimit: it must be a number, not "lots" (write it without quotes and units)`},
		{top + "resources: {cpulimit: -1}", `template.yaml:3:23: resources.cpulimit: -1 is not within 0..8192 (in cores, such as 0.5)`},
		{top + "sshKeys: [ssh-ed25519]", `template.yaml:3:11: sshKeys[0]: "ssh-ed25519" is no public key (one line of authorized_keys, such as the text of an id_ed25519.pub)`},
		{top + "requires: {proxmox: nine}", `template.yaml:3:21: requires.proxmox: "nine" is no range of versions (such as '>=8.2', or '>=8.2, <10')`},
	} {
		_, err := Load(folder("template.yaml", tt.text), "web")
		var wrong *Error
		if e, ok := err.(*Error); ok { //nolint:errorlint // Load wraps nothing
			wrong = e
		}
		if wrong == nil || len(wrong.Problems) != 1 || wrong.Problems[0].String() != tt.want {
			t.Errorf("%q:\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}
