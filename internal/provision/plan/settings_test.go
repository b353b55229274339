package plan

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// asMade is a container as its spec asks for it.
func asMade() (lxc.Spec, map[string]string) {
	spec := lxc.Spec{
		Hostname: "web", OSTemplate: "debian-12", Cores: 1, MemoryMiB: 512, SwapMiB: 512, DiskGiB: 8, Unprivileged: true,
		Network: lxc.Network{IPv4: "dhcp"},
	}
	return spec, map[string]string{
		"hostname": "web", "cores": "1", "memory": "512", "swap": "512", "unprivileged": "1", "ostype": "debian",
		"rootfs": "local-lvm:vm-100-disk-0,size=8G", "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth",
	}
}

// One row of settingRows has at least one line here.
func TestSettings(t *testing.T) {
	type spec = lxc.Spec
	for _, c := range []struct {
		name  string
		was   func(*spec)       // the record and the template alike
		want  func(*spec)       // the template now
		have  map[string]string // on Proxmox; "-": the key is missing
		login Login
		says  string // "" for no difference
		put   string
	}{
		{name: "same"},
		{name: "cores", have: map[string]string{"cores": "4"}, says: "cores: 4, template 1: set it", put: "cores=1"},
		{name: "cores without a limit", have: map[string]string{"cores": "-"}, says: "cores: none, template 1: set it", put: "cores=1"},
		{name: "memory", want: func(s *spec) { s.MemoryMiB = 1024 }, says: "memory: 512 MiB, template 1024 MiB: set it", put: "memory=1024"},
		{name: "swap", want: func(s *spec) { s.SwapMiB = 0 }, says: "swap: 512 MiB, template 0 MiB: set it", put: "swap=0"},
		{name: "disk", want: func(s *spec) { s.DiskGiB = 16 }, says: "disk: 8 GiB, template 16 GiB: set it", put: "rootfs=16G, grow"},
		{name: "disk in MiB", have: map[string]string{"rootfs": "a:b,size=8704M"}, says: "disk: 8704 MiB, template 8 GiB: cannot shrink"},
		{name: "disk in TiB", want: func(s *spec) { s.DiskGiB = 1024 }, have: map[string]string{"rootfs": "a:b,size=1T"}},
		{name: "smaller disk", want: func(s *spec) { s.DiskGiB = 4 }, says: "disk: 8 GiB, template 4 GiB: cannot shrink"},
		{name: "disk without a size", want: func(s *spec) { s.DiskGiB = 4 }, have: map[string]string{"rootfs": "local:100/subvol,size=0T"}},
		{name: "hostname", have: map[string]string{"hostname": "www"}, says: "hostname: www, on record web: set it, needs a restart", put: "hostname=web, restart"},
		{name: "tags in another order and case", want: func(s *spec) { s.Tags = []string{"Web", "a"} }, have: map[string]string{"tags": "a;web"}},
		{name: "tags", want: func(s *spec) { s.Tags = []string{"web"} }, says: "tags: none, template web: set it", put: "tags=web"},
		{name: "tag of somebody else", want: func(s *spec) { s.Tags = []string{"web"} }, have: map[string]string{"tags": "mine"}, says: "tags: mine, template mine, web: set it", put: "tags=mine;web"},
		{name: "tag that the template dropped", was: func(s *spec) { s.Tags = []string{"old"} }, want: func(s *spec) { s.Tags = nil }, have: map[string]string{"tags": "old"}, says: "tags: old, template none: set it", put: "tags="},
		{name: "nesting", want: func(s *spec) { s.Features.Nesting = true }, says: "features: none, template nesting: set it, needs a restart", put: "features=nesting=1, restart"},
		{name: "nesting of somebody else", have: map[string]string{"features": "nesting=1"}},
		{name: "nesting that the template dropped", was: func(s *spec) { s.Features.Nesting = true }, want: func(s *spec) { s.Features.Nesting = false }, have: map[string]string{"features": "nesting=1,force_rw_sys=1"},
			says: "features: nesting, template none: set it, needs a restart", put: "features=force_rw_sys=1, restart"},
		{name: "keyctl", want: func(s *spec) { s.Features.Keyctl = true }, says: "features: none, template keyctl: be refused: only root@pam with its password may set this, or pct on the node", put: "features=keyctl=1, restart, node"},
		{name: "mount", want: func(s *spec) { s.Features.Mount = []string{"nfs", "cifs"} }, have: map[string]string{"features": "mount=cifs;nfs"}},
		{name: "static address", want: func(s *spec) { s.Network.IPv4, s.Network.Gateway4 = "10.0.0.5/24", "10.0.0.1" }, says: "network: IPv4 dhcp, gateway none, template IPv4 10.0.0.5/24, gateway 10.0.0.1: set it",
			put: "net0=name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth,gw=10.0.0.1"},
		{name: "VLAN of somebody else", have: map[string]string{"net0": "name=eth0,bridge=vmbr0,ip=dhcp,tag=20"}},
		{name: "VLAN that the template dropped", was: func(s *spec) { s.Network.VLAN = 20 }, want: func(s *spec) { s.Network.VLAN = 0 }, have: map[string]string{"net0": "name=eth0,bridge=vmbr0,ip=dhcp,tag=20,mtu=1400"},
			says: "network: VLAN 20, template VLAN none: set it", put: "net0=name=eth0,bridge=vmbr0,ip=dhcp,mtu=1400"},
		{name: "bridge", want: func(s *spec) { s.Network.Bridge = "vmbr1" }, says: "network: bridge vmbr0, template bridge vmbr1: set it", put: "net0=name=eth0,bridge=vmbr1,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth"},
		{name: "firewall", want: func(s *spec) { s.Network.Firewall = true }, have: map[string]string{"net0": "name=eth0,bridge=vmbr0,ip=dhcp,firewall=0"}, says: "network: firewall none, template firewall 1: set it", put: "net0=name=eth0,bridge=vmbr0,ip=dhcp,firewall=1"},
		{name: "spelling of an address", want: func(s *spec) { s.Network.IPv6 = "fd00::5/64" }, have: map[string]string{"net0": "name=eth0,bridge=vmbr0,ip=dhcp,ip6=FD00:0::5/64"}},
		{name: "nameservers", want: func(s *spec) { s.Network.Nameservers = []string{"192.0.2.53"} }, says: "nameservers: none, template 192.0.2.53: set it, needs a restart", put: "nameserver=192.0.2.53, restart"},
		{name: "nameservers that the template dropped", was: func(s *spec) { s.Network.Nameservers = []string{"192.0.2.53"} }, want: func(s *spec) { s.Network.Nameservers = nil }, have: map[string]string{"nameserver": "192.0.2.53"},
			says: "nameservers: 192.0.2.53, template none: set it, needs a restart", put: "nameserver=, restart"},
		{name: "onboot of somebody else", have: map[string]string{"onboot": "1"}},
		{name: "onboot", want: func(s *spec) { s.OnBoot = true }, have: map[string]string{"onboot": "0"}, says: "onboot: no, template yes: set it", put: "onboot=1"},
		{name: "console", want: func(s *spec) { s.Console = "shell" }, says: "console: tty, template shell: set it, needs a restart", put: "cmode=shell, restart"},
		{name: "default console", want: func(s *spec) { s.Console = "tty" }},
		{name: "cpulimit", want: func(s *spec) { s.CPULimit = 1.5 }, says: "cpulimit: none, template 1.5: set it", put: "cpulimit=1.5"},
		{name: "cpulimit that the template dropped", was: func(s *spec) { s.CPULimit = 1.5 }, want: func(s *spec) { s.CPULimit = 0 }, have: map[string]string{"cpulimit": "1.5"}, says: "cpulimit: 1.5, template none: set it", put: "cpulimit="},
		{name: "cpuunits", want: func(s *spec) { s.CPUUnits = 200 }, says: "cpuunits: none, template 200: set it", put: "cpuunits=200"},
		{name: "cpuunits of somebody else", have: map[string]string{"cpuunits": "50"}},
		{name: "startup", want: func(s *spec) { s.Startup = "order=3,up=30" }, have: map[string]string{"startup": "order=2"}, says: "startup: order=2, template order=3,up=30: set it", put: "startup=order=3,up=30"},
		{name: "startup in another order", want: func(s *spec) { s.Startup = "order=3,up=30" }, have: map[string]string{"startup": "up=30,order=3"}},
		{name: "searchdomain", want: func(s *spec) { s.Network.SearchDomain = "lab" }, says: "searchdomain: none, template lab: set it, needs a restart", put: "searchdomain=lab, restart"},
		{name: "MTU and rate", want: func(s *spec) { s.Network.MTU, s.Network.RateMBs = 1400, 2.5 }, have: map[string]string{"net0": "name=eth0,bridge=vmbr0,ip=dhcp,rate=1"},
			says: "network: MTU none, rate 1, template MTU 1400, rate 2.5: set it, needs a restart", put: "net0=name=eth0,bridge=vmbr0,ip=dhcp,rate=2.5,mtu=1400, restart"},
		{name: "pool", want: func(s *spec) { s.Pool = "web" }, says: "pool: old, template web: the login may not change it; on the node: pveum pool modify web --vms 100 --allow-move 1"},
		{name: "pool that the template dropped", was: func(s *spec) { s.Pool = "old" }, want: func(s *spec) { s.Pool = "" }, says: "pool: old, template none: the login may not change it; on the node: pveum pool modify old --vms 100 --delete 1"},
		{name: "pool by the node", login: Login{Node: true}, want: func(s *spec) { s.Pool = "web" }, says: "pool: old, template web: set it", put: "pool=web, from old, node"},
		{name: "pool by the login", login: Login{Pools: true}, was: func(s *spec) { s.Pool = "old" }, want: func(s *spec) { s.Pool = "" }, says: "pool: old, template none: set it", put: "pool=, from old"},
		{name: "no pool", login: Login{Pools: true}, want: func(s *spec) { s.Pool = lxc.NoPool }, says: "pool: old, template none: set it", put: "pool=, from old"},
		{name: "no pool any more", login: Login{Pools: true}, was: func(s *spec) { s.Pool = "old" }, want: func(s *spec) { s.Pool = lxc.NoPool }, says: "pool: old, template none: set it", put: "pool=, from old"},
		{name: "the same pool", want: func(s *spec) { s.Pool = "old" }},
		{name: "a further interface", want: func(s *spec) { s.Interfaces = []lxc.Network{{VLAN: 20, MTU: 1400}, {Name: "lan", IPv4: "10.0.0.2/24"}} }, have: map[string]string{"net2": "name=lan,bridge=vmbr0,ip=10.0.0.3/24"},
			says: "network eth1: none, template bridge vmbr0, VLAN 20, MTU 1400: set it, needs a restartnetwork lan: IPv4 10.0.0.3/24, template IPv4 10.0.0.2/24: set it",
			put:  "net1=name=eth1,bridge=vmbr0,mtu=1400,tag=20, restart, addnet2=name=lan,bridge=vmbr0,ip=10.0.0.2/24"},
		{name: "two further interfaces", want: func(s *spec) { s.Interfaces = []lxc.Network{{}, {}} }, have: map[string]string{"net1": "name=theirs,bridge=vmbr0"},
			says: "network eth1: none, template bridge vmbr0: set itnetwork eth2: none, template bridge vmbr0: set it", put: "net2=name=eth1,bridge=vmbr0, addnet3=name=eth2,bridge=vmbr0, add"},
		{name: "an interface of somebody else", have: map[string]string{"net1": "name=theirs,bridge=vmbr0"}},
		{name: "a further interface as it was made", want: func(s *spec) { s.Interfaces = []lxc.Network{{}} }, have: map[string]string{"net1": "name=eth1,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,type=veth"}},
		{name: "an interface that the template dropped", was: func(s *spec) { s.Interfaces = []lxc.Network{{}} }, want: func(s *spec) { s.Interfaces = nil }, have: map[string]string{"net1": "name=eth1,bridge=vmbr0"},
			says: "network eth1: name=eth1,bridge=vmbr0, template none: left; to remove it, on the node: pct set 100 --delete net1"},
		{name: "a new mount point", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/srv", SizeGiB: 2}} }, have: map[string]string{"mp0": "local-lvm:vm-100-disk-1,mp=/theirs,size=1G"},
			says: "mount /srv: none, template /srv, a new volume of 2 GiB on local-lvm: set it", put: "mp1=local-lvm:2,mp=/srv, add"},
		{name: "a volume that is there", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/srv", Volume: "a:vm-7-disk-1", Backup: true}} }, says: "mount /srv: none, template /srv, the volume a:vm-7-disk-1, in backups: set it", put: "mp0=a:vm-7-disk-1,mp=/srv,backup=1, add"},
		{name: "a folder of the node", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/srv", Source: "/tank", IDMap: "passthrough"}} }, login: Login{Node: true},
			says: "mount /srv: none, template /srv, the node's /tank, idmap passthrough: set it", put: "mp0=/tank,mp=/srv,idmap=passthrough, add, node"},
		{name: "a folder of the node without a way onto it", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/srv", Source: "/tank"}} },
			says: "mount /srv: none, template /srv, the node's /tank: be refused: only root@pam with its password may set this, or pct on the node", put: "mp0=/tank,mp=/srv, add, node"},
		{name: "two new mount points", want: func(s *spec) {
			s.Mounts = []lxc.Mount{{Path: "/a", SizeGiB: 1}, {Path: "/b", SizeGiB: 1, Storage: "slow"}}
		},
			says: "mount /a: none, template /a, a new volume of 1 GiB on local-lvm: set itmount /b: none, template /b, a new volume of 1 GiB on slow: set it", put: "mp0=local-lvm:1,mp=/a, addmp1=slow:1,mp=/b, add"},
		{name: "mount points in another order", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/a", SizeGiB: 1}, {Path: "/b", SizeGiB: 2}} },
			have: map[string]string{"mp0": "x:vm-100-disk-2,mp=/b,size=2G", "mp1": "x:vm-100-disk-1,mp=/a,size=1G"}},
		{name: "a larger mount point", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", SizeGiB: 3}} }, have: map[string]string{"mp4": "x:vm-100-disk-2,mp=/b,size=2G"}, says: "mount /b: 2 GiB, template 3 GiB: set it", put: "mp4=3G, grow"},
		{name: "a smaller mount point", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", SizeGiB: 1}} }, have: map[string]string{"mp0": "x:vm-100-disk-2,mp=/b,size=2G"}, says: "mount /b: 2 GiB, template 1 GiB: cannot shrink"},
		{name: "options of a mount point", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", SizeGiB: 2, Backup: true}} }, have: map[string]string{"mp0": "x:d,mp=/b,mountoptions=noatime,size=2G"},
			says: "mount /b options: mountoptions=noatime, template backup=1, mountoptions=noatime: set it, needs a restart", put: "mp0=x:d,mp=/b,mountoptions=noatime,backup=1, restart"},
		{name: "options of a folder of the node", login: Login{Node: true}, want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", Source: "/srv/b", ReadOnly: true}} }, have: map[string]string{"mp0": "/srv/b,mp=/b"},
			says: "mount /b options: none, template ro=1: set it, needs a restart", put: "mp0=/srv/b,mp=/b,ro=1, restart, node"},
		{name: "a folder instead of a volume", want: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", Source: "/srv/b"}} }, have: map[string]string{"mp0": "x:d,mp=/b,size=2G"},
			says: "mount /b options: x:d, template /srv/b: left, with its data; to mount another there, on the node: pct set 100 --delete mp0"},
		{name: "a mount point that the template dropped", was: func(s *spec) { s.Mounts = []lxc.Mount{{Path: "/b", SizeGiB: 2}} }, want: func(s *spec) { s.Mounts = nil }, have: map[string]string{"mp0": "x:d,mp=/b,size=2G"},
			says: "mount /b: x:d,mp=/b,size=2G, template none: left; to remove it, on the node: pct set 100 --delete mp0"},
		{name: "a new device", want: func(s *spec) { s.Devices = []lxc.Device{{Path: "/dev/net/tun", Mode: "0666"}} }, login: Login{Node: true},
			says: "device /dev/net/tun: none, template /dev/net/tun, mode 0666: set it, needs a restart", put: "dev0=/dev/net/tun,mode=0666, restart, add, node"},
		{name: "a new device without a way onto the node", want: func(s *spec) { s.Devices = []lxc.Device{{Path: "/dev/net/tun"}} },
			says: "device /dev/net/tun: none, template /dev/net/tun: be refused: only root@pam with its password may set this, or pct on the node", put: "dev0=/dev/net/tun, restart, add, node"},
		{name: "a device in both spellings", want: func(s *spec) { s.Devices = []lxc.Device{{Path: "/dev/a"}, {Path: "/dev/b", GID: 44}} }, have: map[string]string{"dev0": "path=/dev/a,mode=0660", "dev1": "/dev/b,gid=44"}},
		{name: "the group of a device", want: func(s *spec) { s.Devices = []lxc.Device{{Path: "/dev/b", GID: 44}} }, have: map[string]string{"dev1": "/dev/b,gid=1"}, login: Login{Root: true}, says: "device /dev/b: gid=1, template gid=44: set it, needs a restart", put: "dev1=/dev/b,gid=44, restart"},
		{name: "notes", was: func(s *spec) { s.Description = "The wiki." }, have: map[string]string{"description": "The wiki.\n\ninfrahaus:1\n"}},
		{name: "notes beside those of somebody else", was: func(s *spec) { s.Description = "The wiki." }, want: func(s *spec) { s.Description = "The handbook." },
			have: map[string]string{"description": "Ask Ann.\n\nThe wiki.\n\ninfrahaus:1\n\nBackup on Mondays.\n"}, says: "description: Ask Ann. The wiki. Backup on Mondays., template Ask Ann. The handbook. Backup on Mondays.: set it",
			put: "description=Ask Ann.\n\nThe handbook.\n\n\nBackup on Mondays.\n\ninfrahaus:1"},
		{name: "notes that are new", want: func(s *spec) { s.Description = "The wiki." }, have: map[string]string{"description": "infrahaus:1\n"}, says: "description: none, template The wiki.: set it", put: "description=The wiki.\n\ninfrahaus:1"},
		{name: "notes that the template dropped", was: func(s *spec) { s.Description = "The wiki." }, want: func(s *spec) { s.Description = "" }, have: map[string]string{"description": "The wiki.\n\ninfrahaus:1\n"},
			says: "description: The wiki., template none: set it", put: "description=infrahaus:1"},
		{name: "notes that somebody has edited", was: func(s *spec) { s.Description = "The wiki." }, have: map[string]string{"description": "My wiki.\ninfrahaus:1\n"}, says: "description: My wiki., template The wiki. My wiki.: set it", put: "description=The wiki.\n\nMy wiki.\n\ninfrahaus:1"},
		{name: "notes without our mark", want: func(s *spec) { s.Description = "The wiki." }, have: map[string]string{"description": "theirs\n"}},
		{name: "notes of somebody else", have: map[string]string{"description": "theirs\ninfrahaus:1\n"}},
		{name: "os", want: func(s *spec) { s.OSTemplate = "debian-13" }, says: "os: debian-12-standard_12.7-1_amd64.tar.zst, template debian-13: cannot be changed: create anew"},
		{name: "privileged", want: func(s *spec) { s.Unprivileged = false }, says: "unprivileged: yes, template no: cannot be changed: create anew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, have := asMade()
			if c.was != nil {
				c.was(&spec)
			}
			q := Request{Verb: Sync, Job: Job{Given: &Given{}}, Sync: SyncRequest{Was: spec, Want: spec}}
			if c.want != nil {
				c.want(&q.Sync.Want)
			}
			maps.Copy(have, c.have)
			maps.DeleteFunc(have, func(_, v string) bool { return v == "-" })
			pool := "old"
			w := World{Login: c.login, Record: lxc.Container{CTID: 100, OSTemplate: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"}, Situation: Situation{Pool: &pool}}
			w.Situation.Config = pve.ConfigOf(have)
			says, put := told(Settings(q, w))
			if says != c.says || put != c.put {
				t.Errorf("says %q, puts %q; want %q, %q", says, put, c.says, c.put)
			}
		})
	}
}

// A sync leaves a setting as Proxmox has it if neither the template nor a flag names it.
func TestUnaskedSettings(t *testing.T) {
	byHand := map[string]string{"cores": "4", "memory": "2048", "swap": "0", "rootfs": "a:b,size=32G", "net0": "name=eth0,bridge=vmbr0,ip=10.0.0.9/24"}
	for _, c := range []struct {
		name, resources string
		given           *Given
		says            []string
	}{
		{"nothing named", "{}", &Given{}, nil},
		{"memory named", "{memory: 512}", &Given{}, []string{"memory: 2048 MiB, template 512 MiB"}},
		{"named with no value", "{memory: null}", &Given{}, nil},
		{"named, with a zero", "{swap: 0, cores: 1}", &Given{}, []string{"cores: 4, template 1"}},
		{"a VLAN named", "{}\nnetwork: {vlan: 20}", &Given{}, []string{"network: VLAN none, template VLAN 20"}},
		{"a VLAN named in a list", "{}\nnetwork: [{vlan: 20}]", &Given{}, []string{"network: VLAN none, template VLAN 20"}},
		{"an address named", "{}\nnetwork: {ip: dhcp}", &Given{}, []string{"network: IPv4 10.0.0.9/24, template IPv4 dhcp"}},
		{"an address given", "{}", &Given{Flags: []string{"ip"}}, []string{"network: IPv4 10.0.0.9/24, asked for IPv4 dhcp"}},
		{"given", "{}", &Given{Flags: []string{"memory", "disk"}}, []string{"memory: 2048 MiB, asked for 512 MiB", "disk: 32 GiB, asked for 8 GiB"}},
		{"an older record", "{memory: 512}", nil, []string{"cores: 4, on record 1", "memory: 2048 MiB, on record 512 MiB", "swap: 0 MiB, on record 512 MiB", "disk: 32 GiB, on record 8 GiB", "network: IPv4 10.0.0.9/24, on record IPv4 dhcp"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tpl, err := template.Load(fstest.MapFS{"template.yaml": {Data: []byte("name: web\nos: debian-12\nresources: " + c.resources)}}, "web")
			if err != nil {
				t.Fatal(err)
			}
			was, have := asMade()
			maps.Copy(have, byHand)
			q := Request{Verb: Sync, Job: Job{Given: c.given, Template: tpl}, Sync: SyncRequest{Was: was, Want: c.given.Follow(was, tpl.Spec())}}
			w := World{}
			w.Situation.Config = pve.ConfigOf(have)
			var says []string
			for _, s := range Settings(q, w) {
				says = append(says, s.line())
			}
			if !slices.Equal(says, c.says) {
				t.Errorf("says %q, want %q", says, c.says)
			}
		})
	}
}

// Proxmox gives a new interface an address: a resume must not add it once more.
func TestMadeInterface(t *testing.T) {
	put := Put{Key: "net1", Value: "name=eth1,bridge=vmbr0"}
	for text, want := range map[string]bool{
		"": false, "name=eth1,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,type=veth": true, "name=eth1,bridge=vmbr1,hwaddr=BC:24:11:00:00:02,type=veth": false,
	} {
		if got := put.Made(pve.ConfigOf(map[string]string{"net1": text})); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}

// A part that is added counts as made under whatever key it is: made twice, a volume would be
// made twice. A key that somebody has taken meanwhile is left to them.
func TestMadeParts(t *testing.T) {
	for _, c := range []struct {
		put  Put
		have map[string]string
		made bool
		free string
	}{
		{Put{Key: "mp0", Value: "a:1,mp=/srv", Add: true}, nil, false, "mp0"},
		{Put{Key: "mp0", Value: "a:1,mp=/srv", Add: true}, map[string]string{"mp0": "a:vm-1-disk-1,mp=/theirs"}, false, "mp1"},
		{Put{Key: "mp0", Value: "a:1,mp=/srv", Add: true}, map[string]string{"mp0": "a:vm-1-disk-1,mp=/theirs", "mp3": "a:vm-1-disk-2,mp=/srv,size=1G"}, true, ""},
		{Put{Key: "dev0", Value: "/dev/fuse,mode=0666", Add: true}, map[string]string{"dev1": "path=/dev/fuse"}, true, ""},
		{Put{Key: "net1", Value: "name=eth1,bridge=vmbr0", Add: true}, map[string]string{"net4": "name=eth1,bridge=vmbr9,hwaddr=BC:24:11:00:00:02,type=veth"}, true, ""},
		{Put{Key: "net1", Value: "name=eth1,bridge=vmbr0", Add: true}, map[string]string{"net1": "name=lan,bridge=vmbr0"}, false, "net2"},
	} {
		have := pve.ConfigOf(c.have)
		have.All["net0"] = "name=eth0,bridge=vmbr0"
		if got := c.put.Made(have); got != c.made {
			t.Errorf("%v in %v: made %t", c.put, c.have, got)
		}
		if got := c.put.Free(have).Key; !c.made && got != c.free {
			t.Errorf("%v in %v: goes to %s", c.put, c.have, got)
		}
	}
}

// told is one difference as a plan prints it, and its request.
func told(settings []Setting) (says, put string) {
	for _, s := range settings {
		says += s.Name + ": " + s.State() + ": " + s.Would(false)
		if s.Put.Key != "" {
			put += s.Put.Key + "=" + s.Put.Value
		}
		for _, word := range []struct {
			text string
			ok   bool
		}{{", from " + s.Put.Old, s.Put.Old != ""}, {", grow", s.Put.Grow}, {", restart", s.Put.Restart}, {", add", s.Put.Add}} {
			if word.ok {
				put += word.text
			}
		}
		if s.Put.OnNode {
			put += ", node"
		}
	}
	return says, put
}

// A sync sets what differs, and a resume of it sets only the rest.
func TestDecideSettings(t *testing.T) {
	nesting := Put{Name: "features", Key: "features", Value: "nesting=1", Restart: true}
	memory := Put{Name: "memory", Key: "memory", Value: "1024"}
	renamed := Put{Name: "hostname", Key: "hostname", Value: "web", Restart: true}
	world := func(q Request, has map[string]string, restart bool, claims ...Put) World {
		w := testWorld(q, "").compared(configmanager.FileSame, configmanager.FileSame)
		_, have := asMade()
		now := pve.ConfigOf(maps.Clone(have))
		maps.Copy(have, has)
		w.Situation.Config, w.Situation.Now = pve.ConfigOf(have), &now
		if claims != nil {
			w.Marks.Put(Mark{Phase: string(event.Deploying), Item: ItemSettings, State: Claimed, RunID: "2", Detail: Detail{Puts: claims, Restart: restart}})
		}
		return w
	}
	ask := func(restart bool, change func(*lxc.Spec)) func(*Request) {
		return func(q *Request) {
			q.Job.Given = &Given{}
			q.Sync.Was, _ = asMade()
			q.Sync.Want, q.Sync.Restart = q.Sync.Was, restart
			change(&q.Sync.Want)
		}
	}
	both := func(s *lxc.Spec) { s.MemoryMiB, s.Features.Nesting = 1024, true }
	const rest = "leave config-manager, leave 10-a.sh, leave 20-b.sh | discover"
	checkRows(t, Sync, []row{
		{"settings", ask(false, both), func(q Request) World { return world(q, nil, false) },
			"nothing | nothing | enter, snapshot, change, configure memory, configure features, configured, nothing | " + rest + ", drop snapshot"},
		{"settings, and a restart", ask(true, both), func(q Request) World { return world(q, nil, false) },
			"nothing | nothing | enter, snapshot, change, configure memory, configure features, restart, configured, nothing | " + rest + ", drop snapshot"},
		{"what waits", ask(false, func(s *lxc.Spec) { s.Features.Nesting = true }), func(q Request) World { return world(q, map[string]string{"features": "nesting=1"}, false) },
			"nothing | nothing | enter, stays features, keep job, nothing | " + rest},
		{"what waits, and a restart", ask(true, func(s *lxc.Spec) { s.Features.Nesting = true }), func(q Request) World { return world(q, map[string]string{"features": "nesting=1"}, false) },
			"nothing | nothing | enter, snapshot, change, restart, configured, nothing | " + rest + ", drop snapshot"},
		{"what cannot be changed", ask(true, func(s *lxc.Spec) { s.DiskGiB = 4 }), func(q Request) World { return world(q, nil, false) },
			"nothing | nothing | enter, stays disk, keep job, nothing | " + rest},
		{"what the login may not set", ask(true, func(s *lxc.Spec) { s.Features.Fuse = true }), func(q Request) World { return world(q, nil, false) },
			"nothing | nothing | enter, refuse | nothing | nothing"},
		{"a restart while a script runs", ask(true, both), func(q Request) World {
			w := world(q, nil, false)
			w.Marks.Put(Mark{Phase: string(event.Syncing), Item: "20-b.sh", State: Claimed, Detail: Detail{SHA256: q.Job.ScriptSHA("20-b.sh"), Dir: "/runs/b"}})
			w.Inside.Attempts["/runs/b"] = guest.Seen{State: guest.Running}
			return w
		}, "nothing | nothing | enter, refuse | nothing | nothing"},
	})
	checkRows(t, Resume, []row{
		{"nothing is set", nil, func(q Request) World { return world(q, nil, false, memory, nesting) },
			"nothing | nothing | enter, configure memory, configure features, configured, nothing | " + rest},
		{"one is set", nil, func(q Request) World { return world(q, map[string]string{"memory": "1024"}, true, memory, nesting) },
			"nothing | nothing | enter, configure features, restart, configured, nothing | " + rest},
		{"all are set, and one waits", nil, func(q Request) World {
			return world(q, map[string]string{"memory": "1024", "features": "nesting=1"}, true, memory, nesting)
		},
			"nothing | nothing | enter, restart, configured, nothing | " + rest},
		{"all are set, and none has to wait", nil, func(q Request) World { return world(q, map[string]string{"memory": "1024"}, true, memory) },
			"nothing | nothing | enter, configured, nothing | " + rest},
		{"the hostname is set", nil, func(q Request) World { return world(q, nil, true, renamed) },
			"nothing | nothing | enter, restart, configured, nothing | " + rest},
		{"the hostname is set, and the sync has started it", nil, func(q Request) World {
			w := world(q, nil, true, renamed)
			w.Marks.Put(Mark{Phase: string(event.Starting), Item: ItemStart, State: Claimed, RunID: "2"})
			return w
		}, "nothing | nothing | enter, configured, nothing | " + rest},
		{"a mount point was added, and the answer lost", nil, func(q Request) World {
			return world(q, map[string]string{"mp0": "local-lvm:vm-100-disk-1,mp=/srv,size=1G"}, false, Put{Name: "mount /srv", Key: "mp0", Value: "local-lvm:1,mp=/srv", Add: true}, memory)
		},
			"nothing | nothing | enter, configure memory, configured, nothing | " + rest},
		{"killed before the first change", nil, func(q Request) World {
			w := world(q, nil, true, memory)
			w.Record.Lifecycle = lxc.Ready
			return w
		}, "nothing | nothing | enter, nothing | " + rest},
	})
}

func TestFeaturesByLogin(t *testing.T) {
	for _, c := range []struct {
		name         string
		login        Login
		privileged   bool
		have         string
		want         lxc.Features
		effect       SettingEffect
		onNode       bool
		needsOfLogin int
	}{
		{name: "nesting, unprivileged", want: lxc.Features{Nesting: true}, effect: SettingSet, needsOfLogin: 1},
		{name: "nesting beside keyctl, unprivileged", have: "keyctl=1", want: lxc.Features{Nesting: true, Keyctl: true}, effect: SettingSet, needsOfLogin: 1},
		{name: "nesting, privileged", privileged: true, want: lxc.Features{Nesting: true}, effect: SettingRefuse, onNode: true},
		{name: "keyctl", want: lxc.Features{Keyctl: true}, effect: SettingRefuse, onNode: true},
		{name: "keyctl by the node", login: Login{Node: true}, want: lxc.Features{Keyctl: true}, effect: SettingSet, onNode: true},
		{name: "keyctl by root", login: Login{Root: true, Node: true}, want: lxc.Features{Keyctl: true}, effect: SettingSet, needsOfLogin: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, have := asMade()
			if c.privileged {
				spec.Unprivileged, have["unprivileged"] = false, "0"
			}
			have["features"] = c.have
			q := Request{Verb: Sync, Job: Job{Given: &Given{}}, Sync: SyncRequest{Was: spec, Want: spec}}
			q.Sync.Want.Features = c.want
			w := World{Login: c.login}
			w.Situation.Config = pve.ConfigOf(have)
			got := Settings(q, w)
			if len(got) != 1 || got[0].Effect != c.effect || got[0].Put.OnNode != c.onNode || len(SettingPrivileges(got)) != c.needsOfLogin {
				t.Errorf("got %+v, needs %v", got, SettingPrivileges(got))
			}
		})
	}
}

func TestPendingSettings(t *testing.T) {
	spec, now := asMade()
	q := Request{Verb: Sync, Job: Job{Given: &Given{}}, Sync: SyncRequest{Was: spec, Want: spec}}
	q.Sync.Want.Features.Nesting = true
	later := maps.Clone(now)
	later["features"], later["cmode"] = "nesting=1", "shell" // nobody asks for the console
	w := World{}
	running := pve.ConfigOf(now)
	w.Situation.Config, w.Situation.Now = pve.ConfigOf(later), &running
	got := Settings(q, w)
	if len(got) != 1 || got[0].Effect != SettingWaits || got[0].Would(false) != "leave it: it waits for a restart" || got[0].Would(true) != "restart the container" {
		t.Errorf("got %+v", got)
	}
}

// What --mount and the like gave is added to the template's as it is now.
func TestFollowLists(t *testing.T) {
	was := lxc.Spec{Mounts: []lxc.Mount{{Path: "/a", SizeGiB: 1}, {Path: "/mine", SizeGiB: 5}}, Devices: []lxc.Device{{Path: "/dev/fuse"}}}
	today := lxc.Spec{
		Mounts: []lxc.Mount{{Path: "/a", SizeGiB: 2}, {Path: "/mine", SizeGiB: 1}, {Path: "/b", SizeGiB: 3}}, Interfaces: []lxc.Network{{VLAN: 7}},
	}
	g := &Given{Flags: []string{"mount", "device", "net"}, Mounts: []lxc.Mount{{Path: "/mine", SizeGiB: 5}}, Interfaces: []lxc.Network{{Name: "eth1", VLAN: 8}, {Name: "lan"}}}
	got := g.Follow(was, today)
	if len(got.Mounts) != 3 || got.Mounts[0].SizeGiB != 2 || got.Mounts[1].SizeGiB != 5 || got.Mounts[2].Path != "/b" {
		t.Errorf("mounts %+v", got.Mounts)
	}
	if len(got.Interfaces) != 2 || got.Interfaces[0].VLAN != 8 || got.Interfaces[1].Name != "lan" {
		t.Errorf("interfaces %+v", got.Interfaces)
	}
	if len(got.Devices) != 1 { // of a record that does not list them
		t.Errorf("devices %+v", got.Devices)
	}
	if today.Mounts[1].SizeGiB != 1 || today.Interfaces[0].VLAN != 7 {
		t.Error("the template's own were changed")
	}
	for name, want := range map[string]bool{"/mine": true, "/a": false} {
		if g.HasPart("mount", name) != want {
			t.Errorf("mount %s: given is %t", name, !want)
		}
	}
}

func TestFollow(t *testing.T) {
	was := lxc.Spec{Hostname: "web", Storage: "fast", Cores: 2, MemoryMiB: 1024, SwapMiB: 512, Tags: []string{"old", "mine"}, SSHKeys: []string{"key"}}
	today := lxc.Spec{Cores: 4, MemoryMiB: 2048, SwapMiB: 0, OSTemplate: "debian-13", Tags: []string{"new"}}
	var unknown *Given
	if got := unknown.Follow(was, today); got.Cores != 2 || got.SwapMiB != 512 || got.OSTemplate != "" {
		t.Errorf("a record of an older version follows the template: %+v", got)
	}
	got := (&Given{Flags: []string{"memory"}, Tags: []string{"mine"}}).Follow(was, today)
	if got.Hostname != "web" || got.Storage != "fast" || got.Cores != 4 || got.MemoryMiB != 1024 || got.SwapMiB != 0 || len(got.SSHKeys) != 1 || len(got.Tags) != 2 {
		t.Errorf("got %+v", got)
	}
	if len(today.Tags) != 1 {
		t.Error("the template's own tags were changed")
	}
}

// What Proxmox has set by itself for a container from an image is no difference. The
// configuration is that of genuine Proxmox 9.2.11.
func TestSettingsOfImage(t *testing.T) {
	have := map[string]string{
		"hostname": "web", "cores": "1", "memory": "512", "swap": "512", "unprivileged": "1", "arch": "amd64", "ostype": "unmanaged", "cmode": "console",
		"rootfs": "local:301/vm-301-disk-0.raw,size=8G", "entrypoint": "/bin/httpd -f", "env": "PATH=/bin:/usr/bin\x00GREETING=hello world",
		"lxc":  `[["lxc.init.cwd","/www"],["lxc.signal.halt","SIGTERM"]]`,
		"net0": "name=eth0,bridge=vmbr9,gw=10.79.0.1,host-managed=1,hwaddr=BC:24:11:00:F9:B2,ip=10.79.0.31/24,type=veth",
	}
	sum := "sha256:" + strings.Repeat("0a", 32)
	for _, c := range []struct {
		name  string
		want  func(*lxc.Spec)
		moved string // for which the tag stands now
		job   Job
		gone  []string
		says  string
		put   string
	}{
		{name: "same"},
		{name: "the tag has moved", moved: "sha256:" + strings.Repeat("0c", 32),
			says: "os: nginx:1.29 at sha256:0a0a0a0a0a0a, template sha256:0c0c0c0c0c0c: the tag has moved: infrahaus update replaces the root file system"},
		{name: "with a tag alone", want: func(s *lxc.Spec) { s.OSTemplate = "oci:docker.io/library/nginx:1.29" }},
		{name: "one of several", want: func(s *lxc.Spec) { s.OSTemplate, s.OSElse = "debian-12", []string{"oci:nginx:1.29"} }},
		{name: "with the digest", want: func(s *lxc.Spec) { s.OSTemplate = "oci:nginx:1.29@" + sum }},
		{name: "tty", want: func(s *lxc.Spec) { s.Console = "tty" }},
		{name: "another tag", want: func(s *lxc.Spec) { s.OSTemplate = "oci:nginx:1.30" }, says: "os: nginx:1.29 at sha256:0a0a0a0a0a0a, template nginx:1.30: infrahaus update replaces the root file system"},
		{name: "another digest", want: func(s *lxc.Spec) { s.OSTemplate = "oci:nginx:1.29@sha256:" + strings.Repeat("0b", 32) },
			says: "os: nginx:1.29 at sha256:0a0a0a0a0a0a, template nginx:1.29 at sha256:0b0b0b0b0b0b: infrahaus update replaces the root file system"},
		{name: "locked", want: func(s *lxc.Spec) { s.Pins = map[string]string{"oci:nginx:1.29": "oci:nginx:1.29@" + sum} }},
		{name: "locked, and the tag has moved", want: func(s *lxc.Spec) { s.Pins = map[string]string{"oci:nginx:1.29": "oci:nginx:1.29@" + sum} }, moved: "sha256:" + strings.Repeat("0c", 32),
			says: "os: nginx:1.29 at sha256:0a0a0a0a0a0a, template sha256:0c0c0c0c0c0c: the tag has moved since it was locked: infrahaus template lock, then infrahaus update replaces the root file system"},
		{name: "another repository", want: func(s *lxc.Spec) { s.OSTemplate = "oci:other/nginx:1.29" }, says: "os: nginx:1.29, template oci:other/nginx:1.29: cannot be changed: create anew"},
		{name: "another value in its environment", job: Job{Env: map[string]string{"GREETING": "bye", "TZ": "UTC"}}, says: "environment: GREETING=***, asked for GREETING=*** (changed), TZ=***: set it, needs a restart", put: "env=, restart"},
		{name: "the environment as it is", job: Job{Env: map[string]string{"GREETING": "hello world"}}},
		{name: "a variable goes", gone: []string{"GREETING", "NEVER"}, says: "environment: GREETING=***, template none: set it, needs a restart", put: "env=, from GREETING,NEVER, restart"},
		{name: "no image", want: func(s *lxc.Spec) { s.OSTemplate = "debian-12" }, says: "os: nginx:1.29, template debian-12: cannot be changed: create anew"},
		{name: "another address", want: func(s *lxc.Spec) { s.Network.IPv4 = "10.79.0.32/24" }, says: "network: IPv4 10.79.0.31/24, template IPv4 10.79.0.32/24: set it",
			put: "net0=name=eth0,bridge=vmbr9,gw=10.79.0.1,host-managed=1,hwaddr=BC:24:11:00:F9:B2,ip=10.79.0.32/24,type=veth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, _ := asMade()
			spec.OSTemplate, spec.OSType = "oci:nginx:1.29", lxc.Unmanaged
			spec.Network = lxc.Network{IPv4: "10.79.0.31/24", Gateway4: "10.79.0.1"}
			c.job.Given = &Given{}
			q := Request{Verb: Sync, Job: c.job, Sync: SyncRequest{Was: spec, Want: spec, EnvGone: c.gone}}
			if c.want != nil {
				c.want(&q.Sync.Want)
			}
			w := World{Record: lxc.Container{CTID: 301, OSTemplate: "local:vztmpl/nginx_1.29.tar",
				Image: &lxc.Image{Reference: "docker.io/library/nginx:1.29", Digest: sum, Kind: lxc.ApplicationImage}}}
			w.Situation.Config, w.Situation.Moved = pve.ConfigOf(have), c.moved
			if says, put := told(Settings(q, w)); says != c.says || put != c.put {
				t.Errorf("says %q, puts %q", says, put)
			}
		})
	}
}
