package node

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Profile is what differs between versions of Proxmox VE. Parameters of the API differ in
// package schema, by Major.
type Profile struct {
	Name                     string // as users name it
	Major                    int
	Version, Release, RepoID string
	Kernel                   string
	Packages                 [][2]string // names and versions of those that containers depend on
	StorageLine              int         // of Storage.pm, which one message tells
	Lookup                   string      // how the resolver of the recorded node refuses an unknown name
	AttachLine               int         // of lxc's attach.c, which one message tells
	SSHD                     string      // what the node's sshd calls itself
	Session                  []string    // what PAM and sshd add to a session's environment
	PerlLocales              bool        // Perl's warning lists every category of the locale

	JSONMessage   bool // error bodies carry "message" (8.3 and later)
	AddressList   bool // /interfaces carries ip-addresses (8.4 and later)
	ConsoleTokens bool // the console takes API tokens (pve-container 5.3.4, or 6.1.3 of 9)
	NextIDInt     bool // nextid is a JSON number, as its schema says
	Unprivileged  bool // the default of a create, and a privileged one needs Sys.Modify (9 and later)
	Nesting       bool // a systemd guest without nesting is warned of (9 and later)
	Pressure      bool // status/current carries pressure stall figures (9 and later)
	MemHost       bool // /cluster/resources carries memhost, 0 for containers (9 and later)
	HARules       bool // HA groups have become rules (9 and later)
	NoInterfaces  bool // there is no /interfaces (before 8.1)
	AllArchs      bool // the appliance index lists every architecture (pve-manager 9.2.10 and later)
}

// Profiles are the versions that a node can play, the default first.
func Profiles() []Profile { return []Profile{V92(), V84()} }

// FindProfile returns the profile of a name, such as 9.2.
func FindProfile(name string) (Profile, bool) {
	i := slices.IndexFunc(Profiles(), func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return Profiles()[i], true
}

// ProfileNames are the names of the versions.
func ProfileNames() (names []string) {
	for _, p := range Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// V84 is Proxmox VE 8.4.
func V84() Profile {
	return Profile{
		Name: "8.4", Major: 8, Version: "8.4.21", Release: "8.4", RepoID: "2606ac850d46da29", Kernel: "6.8.12-15-pve", StorageLine: 581,
		Lookup: "Temporary failure in name resolution", AttachLine: 1841,
		SSHD: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7",
		Packages: [][2]string{
			{"proxmox-ve", "8.4.0"}, {"pve-manager", "8.4.21"}, {"libpve-access-control", "8.2.3"},
			{"lxc-pve", "6.0.0-2"}, {"lxcfs", "6.0.0-pve2"}, {"pve-container", "5.3.4"},
		},
		JSONMessage: true, AddressList: true, ConsoleTokens: true,
	}
}

// V92 is Proxmox VE 9.2.
func V92() Profile {
	return Profile{
		Name: "9.2", Major: 9, Version: "9.2.11", Release: "9.2", RepoID: "14a22df35955d97d", Kernel: "6.17.13-2-pve", StorageLine: 651,
		Lookup: "Name or service not known", AttachLine: 1845,
		SSHD: "SSH-2.0-OpenSSH_10.0p2 Debian-7", Session: []string{"LANG=C.UTF-8", "MOTD_SHOWN=pam", "USER=root"}, PerlLocales: true,
		Packages: [][2]string{
			{"proxmox-ve", "9.2.0"}, {"pve-manager", "9.2.11"}, {"libpve-access-control", "9.1.1"},
			{"lxc-pve", "6.0.5-4"}, {"lxcfs", "6.0.4-pve1"}, {"pve-container", "6.1.10"},
		},
		JSONMessage: true, AddressList: true, ConsoleTokens: true,
		Unprivileged: true, Nesting: true, Pressure: true, MemHost: true, HARules: true, AllArchs: true,
	}
}

// seven is what a client may notice of version 7.4, by which this node is otherwise not
// played: only a fault asks for it.
func (p Profile) seven() Profile {
	p.Version, p.Release, p.RepoID, p.Kernel = "7.4-20", "7.4", "8a5a1a5b", "5.15.158-2-pve"
	p.Packages = [][2]string{{"proxmox-ve", "7.4-1"}, {"pve-manager", "7.4-20"}, {"lxc-pve", "5.0.2-2"}, {"pve-container", "4.4-7"}}
	p.JSONMessage, p.AddressList, p.ConsoleTokens, p.NoInterfaces = false, false, false, true
	p.Unprivileged, p.Nesting, p.Pressure, p.HARules, p.AllArchs = false, false, false, false, false
	return p
}

// Profile is the version of Proxmox that the node plays.
func (n *Node) Profile() Profile {
	p := n.prof
	if _, old := n.faults.Has(driver.FaultOldShapes); old {
		p.JSONMessage, p.AddressList, p.NextIDInt, p.ConsoleTokens = false, false, true, false
	}
	if _, old := n.faults.Has(driver.FaultSeven); old {
		p = p.seven()
	}
	if _, old := n.faults.Has(driver.FaultConsoleNoTokens); old {
		p.ConsoleTokens = false
	}
	return p
}
