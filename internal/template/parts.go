package template

import (
	"golang.org/x/crypto/ssh"

	"github.com/Masterminds/semver/v3"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// container takes over what Proxmox is asked for. It checks with create's own rules what
// struct tags cannot express.
func (l *loader) container(doc *document, d *decoder) {
	t, r, f := l.t, doc.Resources, doc.Features
	if len(doc.OS) > 0 {
		t.OS, t.OSElse = doc.OS[0], append([]string(nil), doc.OS[1:]...)
	}
	t.OSType = doc.OSType
	t.Cores, t.MemoryMiB, t.SwapMiB, t.DiskGiB = r.Cores, r.Memory, r.Swap, r.Disk
	t.CPULimit, t.CPUUnits = r.CPULimit, r.CPUUnits
	t.Unprivileged, t.OnBoot, t.Pool = doc.Unprivileged, doc.OnBoot, doc.Pool
	t.Features = lxc.Features{Nesting: f.Nesting, Keyctl: f.Keyctl, Fuse: f.Fuse, Mknod: f.Mknod, Mount: f.Mount}
	t.Startup = lxc.StartupText(doc.Startup.Order, doc.Startup.Up, doc.Startup.Down)
	for i, n := range doc.Network {
		if i == 0 {
			t.Network = n.spec()
		} else {
			t.Interfaces = append(t.Interfaces, n.spec())
		}
	}
	for _, m := range doc.Mounts {
		t.Mounts = append(t.Mounts, lxc.Mount{
			Path: m.Path, SizeGiB: m.Size, Storage: m.Storage, Volume: m.Volume, Source: m.Source,
			Backup: m.Backup, ReadOnly: m.ReadOnly, Options: m.Options, IDMap: m.IDMap,
		})
	}
	for _, v := range doc.Devices {
		t.Devices = append(t.Devices, lxc.Device{Path: v.Path, Mode: v.Mode, UID: v.UID, GID: v.GID, DenyWrite: v.DenyWrite})
	}
	partFaults(t.Spec(), d)
	l.sshKeys(doc.SSHKeys, d)
	l.requires(doc.Requires, d)
}

func (n networkDoc) spec() lxc.Network {
	without := func(ip string) string {
		if ip == "none" {
			return ""
		}
		return ip
	}
	return lxc.Network{
		Name: n.Name, Bridge: n.Bridge, VLAN: n.VLAN, Firewall: n.Firewall, Nameservers: n.Nameservers, SearchDomain: n.SearchDomain,
		MTU: n.MTU, RateMBs: n.Rate, IPv4: without(n.IP), Gateway4: n.Gateway, IPv6: without(n.IP6), Gateway6: n.Gateway6,
	}
}

// partFaults reports the faults of interfaces, mount points and devices at their places in
// the file.
func partFaults(s lxc.Spec, d *decoder) {
	before := len(d.problems)
	tagged := map[string]bool{"vlan": true, "mtu": true, "size": true, "uid": true, "gid": true, "mode": true, "options": true, "idmap": true}
	for _, f := range s.PartFaults() {
		path := "network"
		switch f.In {
		case lxc.InMounts:
			path = index("mounts", f.At)
		case lxc.InDevices:
			path = index("devices", f.At)
		default:
			if d.values[index("network", 0)] != nil {
				path = index(path, f.At)
			}
		}
		switch {
		case tagged[f.Field] && before > 0: // reported with its struct tag already
			continue
		case f.In == lxc.InMounts && d.keys[join(path, "path")] == nil: // reported as missing already
			continue
		case f.Field == "nameserver":
			path = index(join(path, "nameservers"), f.Index)
		default:
			path = join(path, f.Field)
		}
		d.bad(path, f.Better, "%q %s", f.Value, f.Reason)
	}
}

// sshKeys checks public keys, because Proxmox's message does not name the faulty one.
func (l *loader) sshKeys(keys []string, d *decoder) {
	for i, key := range keys {
		if _, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(key)); err != nil || len(rest) > 0 {
			d.bad(index("sshKeys", i), "one line of authorized_keys, such as the text of an id_ed25519.pub", "%.40q is no public key", key)
		}
	}
	l.t.SSHKeys = keys
}

func (l *loader) requires(r requiresDoc, d *decoder) {
	for _, v := range []struct{ field, text string }{{"infrahaus", r.Infrahaus}, {"proxmox", r.Proxmox}, {"pveContainer", r.PVEContainer}} {
		if v.text == "" {
			continue
		}
		if _, err := semver.NewConstraint(v.text); err != nil {
			d.bad(join("requires", v.field), "such as '>=8.2', or '>=8.2, <10'", "%q is no range of versions", v.text)
		}
	}
	l.t.Requires = lxc.Requires{Infrahaus: r.Infrahaus, Proxmox: r.Proxmox, PVEContainer: r.PVEContainer, Privileges: r.Privileges}
}
