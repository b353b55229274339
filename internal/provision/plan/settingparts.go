package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// partRows are the settings of what a container may have several of: interfaces after the
// first, mount points and devices.
func partRows(s sides) []settingRow {
	return slices.Concat(interfaceRows(s), mountRows(s), deviceRows(s))
}

// byHand says how somebody sets a key that a sync does not.
func byHand(what string, s sides, key, value string) string {
	return fmt.Sprintf("cannot be %s by sync; on the node: pct set %d --%s %s", what, s.ctid, key, guest.Quote(value))
}

// mountRows know a mount point by its path. A sync adds none: a second request for a new
// volume would make a second volume.
func mountRows(s sides) (rows []settingRow) {
	used := map[string]bool{}
	row := func(path, more string, r settingRow) {
		r.name, r.flags, r.privilege = "mount "+path+more, []string{"mount"}, "VM.Config.Disk"
		rows = append(rows, r)
	}
	for _, m := range s.want.Mounts {
		key := partKey(s.have, "mp", "mp", m.Path)
		if key == "" {
			free := freeKey(s.have, "mp", used)
			row(m.Path, "", settingRow{compare: func(s sides) compared {
				value := pve.MountText(m, mountStorage(s, m))
				return compared{want: value, stays: byHand("added", s, free, value)}
			}})
			continue
		}
		if m.New() {
			row(m.Path, "", settingRow{key: key, when: grows, compare: func(s sides) compared { return compareSize(s, key, m.SizeGiB) }})
		}
		row(m.Path, " options", settingRow{compare: func(s sides) compared { return compareMount(s, key, m) }})
	}
	for _, m := range s.was.Mounts {
		key := partKey(s.have, "mp", "mp", m.Path)
		if key != "" && !slices.ContainsFunc(s.want.Mounts, func(w lxc.Mount) bool { return w.Path == m.Path }) {
			row(m.Path, "", settingRow{compare: removedPart(key)})
		}
	}
	return rows
}

// mountStorage is where a new volume goes: with the root disk, unless the template says.
func mountStorage(s sides, m lxc.Mount) string {
	if m.Storage != "" {
		return m.Storage
	}
	storage, _, _ := strings.Cut(pve.Properties(s.have.All["rootfs"])[""], ":")
	return storage
}

// mountParts are the properties of a mount point that a spec can ask for; "" is what is
// mounted.
var mountParts = []string{"", "backup", "ro", "mountoptions", "idmap"}

// compareMount compares all but the size.
func compareMount(s sides, key string, m lxc.Mount) compared {
	was := map[string]string{}
	if i := slices.IndexFunc(s.was.Mounts, func(w lxc.Mount) bool { return w.Path == m.Path }); i >= 0 {
		was = mountProperties(s.was.Mounts[i])
	}
	want, now := mountProperties(m), pve.Properties(s.have.All[key])[""]
	if want[""] != "" && want[""] != now {
		return compared{have: now, want: want[""], stays: "cannot be changed by sync; create anew"}
	}
	return compareByHand(s, key, want, was, mountParts)
}

func mountProperties(m lxc.Mount) map[string]string {
	p := pve.Properties(pve.MountText(m, ""))
	if m.New() {
		p[""] = "" // Proxmox has named it
	}
	return p
}

// compareByHand compares property strings that a sync does not change.
func compareByHand(s sides, key string, want, was map[string]string, parts []string) compared {
	c := compareProperties(s.have.All[key], want, was, parts, func(part, value string) string {
		if part == "" {
			return value
		}
		return part + "=" + value
	})
	c.stays = byHand("changed", s, key, c.value)
	return c
}

var deviceParts = []string{"mode", "uid", "gid", "deny-write"}

// deviceRows know a device by its path. Proxmox passes one at the next start only, and only
// root@pam may name it.
func deviceRows(s sides) (rows []settingRow) {
	used := map[string]bool{}
	row := func(path string, compare func(sides) compared) {
		rows = append(rows, settingRow{name: "device " + path, flags: []string{"device"}, compare: compare})
	}
	for _, d := range s.want.Devices {
		key := deviceKey(s.have, d.Path)
		if key == "" {
			free := freeKey(s.have, "dev", used)
			row(d.Path, func(s sides) compared {
				return compared{want: pve.DeviceText(d), stays: byHand("added", s, free, pve.DeviceText(d))}
			})
			continue
		}
		row(d.Path, func(s sides) compared {
			was := map[string]string{}
			if i := slices.IndexFunc(s.was.Devices, func(w lxc.Device) bool { return w.Path == d.Path }); i >= 0 {
				was = pve.Properties(pve.DeviceText(s.was.Devices[i]))
			}
			return compareByHand(s, key, pve.Properties(pve.DeviceText(d)), was, deviceParts)
		})
	}
	for _, d := range s.was.Devices {
		key := deviceKey(s.have, d.Path)
		if key != "" && !slices.ContainsFunc(s.want.Devices, func(w lxc.Device) bool { return w.Path == d.Path }) {
			row(d.Path, removedPart(key))
		}
	}
	return rows
}

// deviceKey finds a device in both of Proxmox's spellings, with and without path=.
func deviceKey(have pve.Config, path string) string {
	if key := partKey(have, "dev", "", path); key != "" {
		return key
	}
	return partKey(have, "dev", "path", path)
}
