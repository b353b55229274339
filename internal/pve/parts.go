package pve

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// partParams adds interfaces, mount points and devices to the body of a create request,
// without those that are set on the node.
func partParams(body map[string]any, r CreateRequest) {
	s, p := r.Spec, r.Placement
	for i, n := range s.Networks() {
		mac := r.MAC
		if i > 0 {
			mac = "" // Proxmox makes one
		}
		body["net"+strconv.Itoa(i)] = netText(n, p.BridgeOf(i), mac)
	}
	for i, m := range s.Mounts {
		body["mp"+strconv.Itoa(i)] = MountText(m, p.MountStorage(m))
	}
	for i, d := range s.Devices {
		body["dev"+strconv.Itoa(i)] = DeviceText(d)
	}
	if f := features(s.Features); f != "" {
		body["features"] = f
	}
	for _, on := range p.OnNode {
		delete(body, on.Key)
	}
}

// netText writes the property string of an interface, which has its name.
func netText(n lxc.Network, bridge, mac string) string {
	parts := []string{"name=" + n.Name, "bridge=" + bridge}
	add := func(key, value string) {
		if value != "" && value != "0" {
			parts = append(parts, key+"="+value)
		}
	}
	add("hwaddr", mac)
	add("tag", strconv.Itoa(n.VLAN))
	add("firewall", strconv.Itoa(flag(n.Firewall)))
	add("ip", n.IPv4)
	add("gw", n.Gateway4)
	add("ip6", n.IPv6)
	add("gw6", n.Gateway6)
	add("mtu", strconv.Itoa(n.MTU))
	add("rate", number(n.RateMBs))
	return strings.Join(parts, ",")
}

// number writes a number as Proxmox keeps it, without an exponent.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// MountText writes the property string of a mount point. storage is that of a new volume.
func MountText(m lxc.Mount, storage string) string {
	first := m.Volume
	switch {
	case m.Bind():
		first = m.Source
	case m.New():
		first = storage + ":" + strconv.Itoa(m.SizeGiB)
	}
	parts := []string{first, "mp=" + m.Path}
	if m.Backup {
		parts = append(parts, "backup=1")
	}
	if len(m.Options) > 0 {
		parts = append(parts, "mountoptions="+strings.Join(m.Options, ";"))
	}
	if m.ReadOnly {
		parts = append(parts, "ro=1")
	}
	if m.IDMap != "" {
		parts = append(parts, "idmap="+m.IDMap)
	}
	return strings.Join(parts, ",")
}

// DeviceText writes the property string of a device.
func DeviceText(d lxc.Device) string {
	parts := []string{d.Path}
	add := func(key, value string) {
		if value != "" && value != "0" {
			parts = append(parts, key+"="+value)
		}
	}
	add("mode", d.Mode)
	add("uid", strconv.Itoa(d.UID))
	add("gid", strconv.Itoa(d.GID))
	add("deny-write", strconv.Itoa(flag(d.DenyWrite)))
	return strings.Join(parts, ",")
}

// BridgeOf is the bridge of an interface, counted from 0.
func (p *Placement) BridgeOf(index int) string {
	if index == 0 || index > len(p.Bridges) {
		return p.Bridge
	}
	return p.Bridges[index-1]
}

// MountStorage is the storage of a mount point's volume, "" for a folder of the node.
func (p *Placement) MountStorage(m lxc.Mount) string {
	switch {
	case m.New() && m.Storage != "":
		return m.Storage
	case m.New():
		return p.Storage
	}
	storage, _, _ := strings.Cut(m.Volume, ":")
	return storage
}

// newGiB is the size of all new volumes on a storage; root is the storage of the root disk.
func newGiB(s lxc.Spec, storage, root string) int {
	total := 0
	for _, m := range s.Mounts {
		if m.New() && (m.Storage == storage || m.Storage == "" && storage == root) {
			total += m.SizeGiB
		}
	}
	return total
}
