package lxc

import (
	"slices"
	"strconv"
	"strings"
)

// Mount is a mount point besides the root disk. It is exactly one of a new volume (SizeGiB),
// an existing volume (Volume) and a folder of the node (Source, a bind mount).
type Mount struct {
	Path     string   `json:"path"`              // absolute, in the container
	SizeGiB  int      `json:"size,omitempty"`    // of a new volume
	Storage  string   `json:"storage,omitempty"` // of a new volume; "": the root disk's
	Volume   string   `json:"volume,omitempty"`  // the id of an existing one: local-lvm:vm-100-disk-1
	Source   string   `json:"source,omitempty"`  // absolute, on the node
	Backup   bool     `json:"backup,omitempty"`  // Proxmox's backups include it
	ReadOnly bool     `json:"readonly,omitempty"`
	Options  []string `json:"options,omitempty"` // noatime, nodev, …
	IDMap    string   `json:"idmap,omitempty"`   // passthrough, or u:0:1000:1;…; Proxmox VE 9.2 and later
}

// New reports whether Proxmox makes a volume for the mount point.
func (m Mount) New() bool { return m.SizeGiB > 0 }

// Bind reports whether it is a folder of the node.
func (m Mount) Bind() bool { return m.Source != "" }

// Device is a device of the node that the container gets.
type Device struct {
	Path      string `json:"path"`           // /dev/dri/renderD128
	Mode      string `json:"mode,omitempty"` // 0660; "": Proxmox's default
	UID       int    `json:"uid,omitempty"`  // in the container
	GID       int    `json:"gid,omitempty"`
	DenyWrite bool   `json:"denyWrite,omitempty"`
}

// Requires is what a template needs of the tool, of Proxmox and of the login. Versions are
// constraints such as ">=8.2" or ">=8.2, <10".
type Requires struct {
	Infrahaus    string   `json:"infrahaus,omitempty"`
	Proxmox      string   `json:"proxmox,omitempty"`
	PVEContainer string   `json:"pveContainer,omitempty"` // the package pve-container of the node
	Privileges   []string `json:"privileges,omitempty"`   // on /
}

// Networks returns all interfaces, the first one first, each with its name in the guest.
func (s Spec) Networks() []Network {
	all := append([]Network{s.Network}, s.Interfaces...)
	for i := range all {
		all[i].Name = all[i].InGuest(i)
	}
	return all
}

// InGuest is the name of the interface in the guest: eth0, eth1, … unless it has one of its
// own. index counts from 0.
func (n Network) InGuest(index int) string {
	if n.Name != "" {
		return n.Name
	}
	return "eth" + strconv.Itoa(index)
}

// SetInterface puts in an interface that has a name, in place of the one of that name.
func (s *Spec) SetInterface(n Network) {
	at := slices.IndexFunc(s.Networks(), func(o Network) bool { return o.Name == n.Name }) - 1
	s.Interfaces = put(s.Interfaces, n, at)
}

// SetMount puts in a mount point, in place of the one at that path.
func (s *Spec) SetMount(m Mount) {
	s.Mounts = put(s.Mounts, m, slices.IndexFunc(s.Mounts, func(o Mount) bool { return o.Path == m.Path }))
}

// SetDevice puts in a device, in place of the one with that path.
func (s *Spec) SetDevice(d Device) {
	s.Devices = put(s.Devices, d, slices.IndexFunc(s.Devices, func(o Device) bool { return o.Path == d.Path }))
}

// put replaces an element of a copy of the list, or with a negative index appends one.
func put[T any](list []T, one T, at int) []T {
	list = slices.Clone(list)
	if at < 0 {
		return append(list, one)
	}
	list[at] = one
	return list
}

// StartupText writes a start order as Proxmox keeps it: order=3,up=30,down=60. A number below
// 0 is left out. up and down are seconds.
func StartupText(order, up, down int) string {
	var parts []string
	for _, p := range []struct {
		key   string
		value int
	}{{"order", order}, {"up", up}, {"down", down}} {
		if p.value >= 0 {
			parts = append(parts, p.key+"="+strconv.Itoa(p.value))
		}
	}
	return strings.Join(parts, ",")
}
