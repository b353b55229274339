package pve

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// defaultDisk is Proxmox's default size of a root disk, in GiB.
const defaultDisk = 4

// NewMAC makes a random address with BC:24:11, the prefix that Proxmox gives its guests.
func NewMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("BC:24:11:%02X:%02X:%02X", b[0], b[1], b[2])
}

// createParams is the body of the create request. It leaves out empty features and tags,
// because the key alone needs a privilege. It always has unprivileged, whose default
// differs between versions.
func createParams(r CreateRequest, ctid int) map[string]any {
	s := r.Spec
	body := map[string]any{
		"vmid":         ctid,
		"ostemplate":   r.Placement.Template.VolID,
		"hostname":     s.Hostname,
		"unprivileged": flag(s.Unprivileged),
		"rootfs":       rootfs(r.Placement.Storage, s.DiskGiB),
		"swap":         s.SwapMiB,
	}
	if s.Cores > 0 {
		body["cores"] = s.Cores
	}
	if s.MemoryMiB > 0 {
		body["memory"] = s.MemoryMiB
	}
	partParams(body, r)
	if s.OSType != "" {
		body["ostype"] = s.OSType
	}
	if s.CPULimit > 0 {
		body["cpulimit"] = s.CPULimit
	}
	if s.CPUUnits > 0 {
		body["cpuunits"] = s.CPUUnits
	}
	for key, value := range map[string]string{"pool": s.InPool(), "startup": s.Startup, "searchdomain": s.Network.SearchDomain} {
		if value != "" {
			body[key] = value
		}
	}
	if len(s.Tags) > 0 {
		body["tags"] = strings.Join(s.Tags, ";")
	}
	if s.OnBoot {
		body["onboot"] = 1
	}
	if s.Console != "" {
		body["cmode"] = s.Console
	}
	if len(s.Network.Nameservers) > 0 {
		body["nameserver"] = strings.Join(s.Network.Nameservers, " ")
	}
	if r.Password != "" {
		body["password"] = r.Password
	}
	if keys := keyLines(s.SSHKeys, r.SSHKeys); len(keys) > 0 {
		body["ssh-public-keys"] = strings.Join(keys, "\n")
	}
	if r.Description != "" && r.Placement.MarkerAllowed {
		body["description"] = Notes(s.Description, r.Description)
	}
	return body
}

// Notes are what Proxmox keeps as description: a text, and our mark behind it.
func Notes(text, mark string) string {
	text = NotesText(text)
	if text == "" {
		return mark
	}
	return text + "\n\n" + mark
}

// NotesText is a text as Notes writes it: one that looks like a mark would be taken for the
// mark.
func NotesText(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, markerPrefix, strings.TrimSuffix(markerPrefix, ":")+" :"))
}

// rootfs requests a new volume: "storage:GiB", without a unit.
func rootfs(storage string, gib int) string {
	if gib <= 0 {
		gib = defaultDisk
	}
	return storage + ":" + strconv.Itoa(gib)
}

// features writes the property string of the feature flags, "" if none is set.
func features(f lxc.Features) string {
	var parts []string
	for _, p := range []struct {
		name string
		on   bool
	}{{"nesting", f.Nesting}, {"keyctl", f.Keyctl}, {"fuse", f.Fuse}, {"mknod", f.Mknod}} {
		if p.on {
			parts = append(parts, p.name+"=1")
		}
	}
	if len(f.Mount) > 0 {
		parts = append(parts, "mount="+strings.Join(f.Mount, ";"))
	}
	return strings.Join(parts, ",")
}

// keyLines returns the distinct keys of several lists, one a line, without blank lines
// and comments.
func keyLines(lists ...[]string) []string {
	seen := map[string]bool{}
	var out []string
	for _, list := range lists {
		for _, text := range list {
			for line := range strings.Lines(text) {
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' || seen[line] {
					continue
				}
				seen[line] = true
				out = append(out, line)
			}
		}
	}
	return out
}
