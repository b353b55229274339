package lxc

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

var (
	interfaceForm = lazy.Regexp(`^[A-Za-z][A-Za-z0-9_.-]{0,14}$`)
	volumeForm    = lazy.Regexp(`^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^,:\s]+$`)
	storageForm   = lazy.Regexp(`^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$`)
	modeForm      = lazy.Regexp(`^0[0-7]{3}$`)
	idmapForm     = lazy.Regexp(`^(passthrough|[ug]:[0-9]+:[0-9]+:[1-9][0-9]*(;[ug]:[0-9]+:[0-9]+:[1-9][0-9]*)*)$`)
)

// MountOptions are the mount options that Proxmox knows.
var MountOptions = []string{"discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"}

// Proxmox has the keys net0 to net31, mp0 to mp255 and dev0 to dev255.
const maxNetworks, maxMounts, maxDevices, maxDisk = 32, 256, 256, 131072

// PartFaults are the faults of the interfaces, mount points and devices.
func (s Spec) PartFaults() []Fault {
	return slices.Concat(s.networkFaults(), s.mountFaults(), s.deviceFaults())
}

// networkFaults are the faults of all interfaces. Only those after the first one name the
// list that they are in.
func (s Spec) networkFaults() (out []Fault) {
	all := s.Networks()
	if len(all) > maxNetworks {
		out = append(out, Fault{Field: "network", Value: all[maxNetworks].Name, Reason: fmt.Sprintf("is one too many: %d at most", maxNetworks)})
	}
	for i, n := range all {
		faults := n.Faults()
		if i > 0 && n.Bridge != "" && !nameForm().MatchString(n.Bridge) {
			faults = append(faults, Fault{Field: "bridge", Value: n.Bridge, Reason: "is not a valid name in Proxmox"})
		}
		if i > 0 && (len(n.Nameservers) > 0 || n.SearchDomain != "") {
			faults = append(faults, Fault{Field: "nameservers", Value: n.Name, Reason: "has DNS servers, which belong to the whole container", Better: "give them with the first interface"})
		}
		if slices.ContainsFunc(all[:i], func(other Network) bool { return other.Name == n.Name }) {
			faults = append(faults, Fault{Field: "name", Value: n.Name, Reason: "is the name of two interfaces", Better: "leave the names out: eth0, eth1, …"})
		}
		for _, f := range faults {
			if i > 0 {
				f.In, f.At = InNetworks, i
			}
			out = append(out, f)
		}
	}
	return out
}

func (s Spec) mountFaults() (out []Fault) {
	for i, m := range s.Mounts {
		add := func(bad bool, field, value, reason, better string) {
			if bad {
				out = append(out, Fault{In: InMounts, At: i, Field: field, Value: value, Reason: reason, Better: better})
			}
		}
		add(i == maxMounts, "path", m.Path, fmt.Sprintf("is one mount point too many: %d at most", maxMounts), "")
		why := wrongPath(m.Path)
		add(why != "", "path", m.Path, why, "an absolute path in the container, such as /srv/data")
		for _, taken := range []string{"/", "/dev", "/proc", "/sys"} {
			add(m.Path == taken, "path", m.Path, "is a part of every container", "another path, such as /srv/data")
		}
		for _, other := range s.Mounts[:i] {
			add(other.Path == m.Path, "path", m.Path, "is taken by another mount point", "another path: each mount point has its own")
			add(strings.HasPrefix(other.Path, m.Path+"/"), "path", m.Path, "would hide "+other.Path+", which is mounted before it", "name it before "+other.Path)
		}
		kinds := 0
		for _, given := range []bool{m.SizeGiB != 0, m.Volume != "", m.Source != ""} {
			if given {
				kinds++
			}
		}
		add(kinds != 1, "path", m.Path, "is not exactly one of a new volume, an existing one and a folder of the node", "say size, volume or source")
		add(m.SizeGiB < 0 || m.SizeGiB > maxDisk, "size", fmt.Sprint(m.SizeGiB), fmt.Sprintf("is not from 1 to %d GiB", maxDisk), "")
		add(m.Storage != "" && !m.New(), "storage", m.Storage, "is given for no new volume", "say size, or leave storage out")
		add(m.Storage != "" && !storageForm().MatchString(m.Storage), "storage", m.Storage, "is not a valid name in Proxmox", "")
		add(m.Volume != "" && !volumeForm().MatchString(m.Volume), "volume", m.Volume, "is no volume", "STORAGE:NAME, such as local-lvm:vm-100-disk-1")
		if why := wrongPath(m.Source); m.Source != "" {
			add(why != "", "source", m.Source, why, "an absolute path on the node, such as /srv/data")
		}
		add(m.Bind() && m.Backup, "backup", m.Path, "is a folder of the node, which Proxmox's backups never include", "leave backup out")
		for _, o := range m.Options {
			add(!slices.Contains(MountOptions, o), "options", o, "is no mount option that Proxmox takes", "one of "+strings.Join(MountOptions, ", "))
		}
		add(m.IDMap != "" && !idmapForm().MatchString(m.IDMap), "idmap", m.IDMap, "is no mapping of ids", "passthrough, or TYPE:CONTAINER:DISK:COUNT with ; between, such as u:0:1000:1;g:0:1000:1")
	}
	return out
}

func (s Spec) deviceFaults() (out []Fault) {
	for i, d := range s.Devices {
		add := func(bad bool, field, value, reason, better string) {
			if bad {
				out = append(out, Fault{In: InDevices, At: i, Field: field, Value: value, Reason: reason, Better: better})
			}
		}
		why := wrongPath(d.Path)
		if why == "" && !strings.HasPrefix(d.Path, "/dev/") {
			why = "is not below /dev"
		}
		add(i == maxDevices, "path", d.Path, fmt.Sprintf("is one device too many: %d at most", maxDevices), "")
		add(why != "", "path", d.Path, why, "a device of the node, such as /dev/dri/renderD128")
		for _, other := range s.Devices[:i] {
			add(other.Path == d.Path, "path", d.Path, "is given twice", "")
		}
		add(d.Mode != "" && !modeForm().MatchString(d.Mode), "mode", d.Mode, "is no mode of a device", "four octal digits, such as 0660")
		add(d.UID < 0, "uid", fmt.Sprint(d.UID), "is less than 0", "")
		add(d.GID < 0, "gid", fmt.Sprint(d.GID), "is less than 0", "")
	}
	return out
}

// wrongPath returns the reason why Proxmox cannot take a path, or "". A comma would end the
// path in a property string.
func wrongPath(p string) string {
	switch {
	case !strings.HasPrefix(p, "/"):
		return "is not an absolute path"
	case path.Clean(p) != p:
		return "is not a clean path: no //, no . or .., and no / at its end"
	case strings.ContainsFunc(p, func(r rune) bool { return r == ',' || r < ' ' || r == 0x7f }):
		return "has a comma or a control character, which Proxmox cannot keep in a path"
	}
	return ""
}
