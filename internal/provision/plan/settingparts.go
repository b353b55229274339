package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// partRows are the settings of what a container may have several of: interfaces after the
// first, mount points and devices.
func partRows(s sides) []settingRow {
	return slices.Concat(interfaceRows(s), mountRows(s), deviceRows(s))
}

// always is the rootOnly of a device, and of a folder of the node.
func always(sides, compared) bool { return true }

// mountRows know a mount point by its path. One that is there is never replaced: only its
// options change, and its volume grows.
func mountRows(s sides) (rows []settingRow) {
	used := map[string]bool{}
	row := func(path, more string, r settingRow) {
		r.name, r.part, r.flags, r.privilege = "mount "+path+more, path, []string{"mount"}, "VM.Config.Disk"
		rows = append(rows, r)
	}
	for _, m := range s.want.Mounts {
		key := partKey(s.have, "mp", "mp", m.Path)
		if key == "" {
			row(m.Path, "", addedMount(s, m, freeKey(s.have, "mp", used)))
			continue
		}
		if m.New() {
			row(m.Path, "", settingRow{key: key, when: grows, compare: func(s sides) compared { return compareSize(s, key, m.SizeGiB) }})
		}
		row(m.Path, " options", settingRow{key: key, when: atRestart, rootOnly: isFolder(key), compare: func(s sides) compared { return compareMount(s, key, m) }})
	}
	for _, m := range s.was.Mounts {
		key := partKey(s.have, "mp", "mp", m.Path)
		if key != "" && !slices.ContainsFunc(s.want.Mounts, func(w lxc.Mount) bool { return w.Path == m.Path }) {
			row(m.Path, "", settingRow{compare: removedPart(key)})
		}
	}
	return rows
}

// addedMount is one that Proxmox does not have: it mounts it into a running container at once.
func addedMount(s sides, m lxc.Mount, key string) settingRow {
	if m.New() {
		m.Storage = mountStorage(s, m)
	}
	row := settingRow{key: key, add: true, mount: &m, compare: func(s sides) compared {
		want := MountLine(m, m.Storage)
		if text := s.have.All[key]; text != "" && pve.Properties(text)["mp"] == m.Path { // as of a running container
			return compared{have: want, want: want}
		}
		return compared{want: want, value: pve.MountText(m, m.Storage)}
	}}
	if m.Bind() {
		row.rootOnly = always
	}
	return row
}

// isFolder reports whether a key mounts a folder of the node.
func isFolder(key string) func(sides, compared) bool {
	return func(s sides, _ compared) bool { return strings.HasPrefix(s.have.All[key], "/") }
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
		return compared{have: now, want: want[""], stays: "left, with its data; to mount another there, on the node: " + fmt.Sprintf("pct set %d --delete %s", s.ctid, key)}
	}
	c := compareParts(s, key, want, was, mountParts)
	if c.value != "" { // Proxmox finds the size itself: ours may be of before the volume grew
		c.value = pve.WithProperties(c.value, map[string]string{"size": ""})
	}
	return c
}

func mountProperties(m lxc.Mount) map[string]string {
	p := pve.Properties(pve.MountText(m, ""))
	if m.New() {
		p[""] = "" // Proxmox has named it
	}
	return p
}

// compareParts compares the options of a mount point or device.
func compareParts(s sides, key string, want, was map[string]string, parts []string) compared {
	return compareProperties(s.have.All[key], want, was, parts, func(part, value string) string {
		if part == "" {
			return "" // the same on both sides
		}
		return part + "=" + value
	})
}

var deviceParts = []string{"mode", "uid", "gid", "deny-write"}

// deviceRows know a device by its path. Only root@pam may name one.
func deviceRows(s sides) (rows []settingRow) {
	used := map[string]bool{}
	row := func(path string, r settingRow) {
		r.name, r.part, r.flags, r.rootOnly = "device "+path, path, []string{"device"}, always
		rows = append(rows, r)
	}
	for _, d := range s.want.Devices {
		key := deviceKey(s.have, d.Path)
		if key == "" {
			row(d.Path, addedDevice(s, d, freeKey(s.have, "dev", used)))
			continue
		}
		row(d.Path, settingRow{key: key, when: atRestart, device: d.Path, compare: func(s sides) compared {
			was := map[string]string{}
			if i := slices.IndexFunc(s.was.Devices, func(w lxc.Device) bool { return w.Path == d.Path }); i >= 0 {
				was = pve.Properties(pve.DeviceText(s.was.Devices[i]))
			}
			return compareParts(s, key, pve.Properties(pve.DeviceText(d)), was, deviceParts)
		}})
	}
	for _, d := range s.was.Devices {
		key := deviceKey(s.have, d.Path)
		if key != "" && !slices.ContainsFunc(s.want.Devices, func(w lxc.Device) bool { return w.Path == d.Path }) {
			row(d.Path, settingRow{compare: removedPart(key)})
		}
	}
	return rows
}

// addedDevice is one that Proxmox does not have. From version 9 on a running container gets
// it at once.
func addedDevice(s sides, d lxc.Device, key string) settingRow {
	row := settingRow{key: key, add: true, device: d.Path, when: atRestart, compare: func(s sides) compared {
		want := DeviceLine(d)
		if deviceKey(s.have, d.Path) != "" { // as of a running container
			return compared{have: want, want: want}
		}
		return compared{want: want, value: pve.DeviceText(d)}
	}}
	if s.hotDevice {
		row.when = live
	}
	return row
}

// deviceKey finds a device in both of Proxmox's spellings, with and without path=.
func deviceKey(have pve.Config, path string) string {
	if key := partKey(have, "dev", "", path); key != "" {
		return key
	}
	return partKey(have, "dev", "path", path)
}
