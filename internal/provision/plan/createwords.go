package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// createLines describe the container that will be created; none as long as its place is not
// chosen.
func (d *decision) createLines() []string {
	s, p := d.Job.Spec, d.Placement
	if p == nil {
		return nil
	}
	kind := "privileged"
	if s.Unprivileged {
		kind = "unprivileged"
	}
	lines := []string{
		fmt.Sprintf("create %s container %d, %s, on node %s", kind, p.CTID, s.Hostname, p.Node),
		ResourceLine(s) + " on " + p.Storage,
		"from " + p.Template.VolID,
	}
	lines = append(append(lines, imageLines(d.Image())...), partLines(s, p)...)
	if s.OSType != "" {
		lines = append(lines, "distribution: "+s.OSType)
	}
	if s.Console == "shell" {
		lines = append(lines, "console: a root shell without a login, for whoever has VM.Console on it")
	}
	if s.OnBoot {
		lines = append(lines, "onboot: the node starts it when it starts itself")
	}
	if s.Startup != "" {
		lines = append(lines, "startup: "+StartupLine(s.Startup))
	}
	if len(s.SSHKeys) > 0 {
		lines = append(lines, "let in "+Counted(len(s.SSHKeys), "SSH key")+" besides this tool's own")
	}
	if !p.MarkerAllowed {
		lines = append(lines, "no ownership mark: the login may not set a description")
	}
	return slices.Concat(lines, p.Notes, p.Warnings)
}

// partLines describe what the container has besides its resources.
func partLines(s lxc.Spec, p *pve.Placement) (lines []string) {
	for i, n := range s.Networks() {
		lines = append(lines, "network: "+NetworkLine(n, p.BridgeOf(i)))
	}
	if f := FeaturesLine(s.Features); f != "" && !onNode(p.OnNode, "features") {
		lines = append(lines, "features: "+f)
	}
	for i, m := range s.Mounts {
		if !onNode(p.OnNode, "mp"+strconv.Itoa(i)) {
			lines = append(lines, "mount: "+MountLine(m, p.MountStorage(m)))
		}
	}
	for i, v := range s.Devices {
		if !onNode(p.OnNode, "dev"+strconv.Itoa(i)) {
			lines = append(lines, "device: "+DeviceLine(v))
		}
	}
	if pool := s.InPool(); pool != "" {
		lines = append(lines, "pool: "+pool)
	}
	if len(s.Tags) > 0 {
		lines = append(lines, "tags: "+strings.Join(s.Tags, ", "))
	}
	return lines
}

func onNode(settings []pve.Setting, key string) bool {
	return slices.ContainsFunc(settings, func(s pve.Setting) bool { return s.Key == key })
}

// onNodeLines describe what is set on the node.
func (d *decision) onNodeLines() []string {
	lines := []string{"set on the node with pct set, before the first start, because only root may:"}
	for _, s := range d.OnNode {
		lines = append(lines, s.Key+": "+s.Value)
	}
	return lines
}

// ResourceLine is "2 cores, 1024 MiB memory, 512 MiB swap, 8 GiB disk".
func ResourceLine(s lxc.Spec) string {
	cpu := Counted(s.Cores, "core")
	if s.CPULimit > 0 {
		cpu += " (limit " + strconv.FormatFloat(s.CPULimit, 'f', -1, 64) + ")"
	}
	if s.CPUUnits > 0 {
		cpu += fmt.Sprintf(" (weight %d)", s.CPUUnits)
	}
	return fmt.Sprintf("%s, %d MiB memory, %d MiB swap, %d GiB disk", cpu, s.MemoryMiB, s.SwapMiB, s.DiskGiB)
}

// NetworkLine describes an interface that has its name. bridge may be "".
func NetworkLine(n lxc.Network, bridge string) string {
	words := []string{n.Name}
	if bridge != "" {
		words[0] += " on " + bridge
	}
	add := func(format string, arg any, ok bool) {
		if ok {
			words = append(words, fmt.Sprintf(format, arg))
		}
	}
	add("VLAN %d", n.VLAN, n.VLAN != 0)
	add("IPv4 %s", n.IPv4, n.IPv4 != "")
	add("gateway %s", n.Gateway4, n.Gateway4 != "")
	add("IPv6 %s", n.IPv6, n.IPv6 != "")
	add("gateway %s", n.Gateway6, n.Gateway6 != "")
	add("DNS %s", strings.Join(n.Nameservers, " "), len(n.Nameservers) > 0)
	add("search domain %s", n.SearchDomain, n.SearchDomain != "")
	add("MTU %d", n.MTU, n.MTU != 0)
	add("at most %g MB/s", n.RateMBs, n.RateMBs != 0)
	add("%s", "firewall", n.Firewall)
	return strings.Join(words, ", ")
}

// FeaturesLine names the features that are set, "" for none.
func FeaturesLine(f lxc.Features) string {
	var on []string
	for name, set := range map[string]bool{"nesting": f.Nesting, "keyctl": f.Keyctl, "fuse": f.Fuse, "mknod": f.Mknod} {
		if set {
			on = append(on, name)
		}
	}
	if len(f.Mount) > 0 {
		on = append(on, "mount="+strings.Join(f.Mount, ";"))
	}
	return strings.Join(slices.Sorted(slices.Values(on)), ", ")
}

// MountLine describes a mount point. storage is that of a new volume, "" if not chosen yet.
func MountLine(m lxc.Mount, storage string) string {
	text := m.Path + ", "
	switch {
	case m.Bind():
		text += "the node's " + m.Source
	case m.Volume != "":
		text += "the volume " + m.Volume
	case storage == "":
		text += fmt.Sprintf("a new volume of %d GiB", m.SizeGiB)
	default:
		text += fmt.Sprintf("a new volume of %d GiB on %s", m.SizeGiB, storage)
	}
	if m.ReadOnly {
		text += ", read-only"
	}
	if m.Backup {
		text += ", in backups"
	}
	if len(m.Options) > 0 {
		text += ", " + strings.Join(m.Options, " ")
	}
	if m.IDMap != "" {
		text += ", idmap " + m.IDMap
	}
	return text
}

// DeviceLine describes a device.
func DeviceLine(d lxc.Device) string {
	text := d.Path
	if d.Mode != "" {
		text += ", mode " + d.Mode
	}
	if d.UID != 0 || d.GID != 0 {
		text += fmt.Sprintf(", owner %d:%d", d.UID, d.GID)
	}
	if d.DenyWrite {
		text += ", read-only"
	}
	return text
}

// StartupLine puts a start order into words.
func StartupLine(text string) string {
	var words []string
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "order":
			words = append(words, "order "+value)
		case "up":
			words = append(words, value+" s before the next one starts")
		case "down":
			words = append(words, "a shutdown may take "+value+" s")
		}
	}
	return strings.Join(words, ", ")
}
