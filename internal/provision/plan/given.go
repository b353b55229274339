package plan

import (
	"slices"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Given says which values of a job's spec the command line gave. A sync keeps these;
// whatever nobody gave follows the template as it is now.
type Given struct {
	Flags []string `json:"flags"`          // names of flags, as in GivenFlags
	Tags  []string `json:"tags,omitempty"` // of --tag, which are added to the template's
	// These were given. Each is added to the template's, or replaces the one of that name or path.
	// An older record has the flags net, mount and device without these: then all that the
	// spec has of the kind was given.
	Interfaces []lxc.Network `json:"interfaces,omitempty"` // each with its name
	Mounts     []lxc.Mount   `json:"mounts,omitempty"`
	Devices    []lxc.Device  `json:"devices,omitempty"`
}

// Lists are what was given of the interfaces, mount points and devices, as a spec.
func (g *Given) Lists() lxc.Spec {
	return lxc.Spec{Interfaces: g.Interfaces, Mounts: g.Mounts, Devices: g.Devices}
}

// listed reports whether the list says what a flag gave.
func (g *Given) listed(flag string) bool {
	return map[string]int{"net": len(g.Interfaces), "mount": len(g.Mounts), "device": len(g.Devices)}[flag] > 0
}

// AllOf reports whether all that the spec on record has of a kind counts as given: the flag
// was, and an older record does not say what.
func (g *Given) AllOf(flag string) bool { return slices.Contains(g.Flags, flag) && !g.listed(flag) }

// HasPart reports whether a flag gave the interface of a name, or the mount point or device of
// a path.
func (g *Given) HasPart(flag, name string) bool {
	if g == nil || !g.listed(flag) {
		return g.Has(flag)
	}
	return flag == "net" && slices.ContainsFunc(g.Interfaces, func(n lxc.Network) bool { return n.Name == name }) ||
		flag == "mount" && slices.ContainsFunc(g.Mounts, func(m lxc.Mount) bool { return m.Path == name }) ||
		flag == "device" && slices.ContainsFunc(g.Devices, func(d lxc.Device) bool { return d.Path == name })
}

// given are the flags whose values a sync keeps, each with what it copies. A flag that is
// missing here has its value replaced by the template's at the next sync.
var given = []struct {
	flag string
	copy func(to *lxc.Spec, from lxc.Spec)
}{
	{"cores", func(to *lxc.Spec, from lxc.Spec) { to.Cores = from.Cores }},
	{"memory", func(to *lxc.Spec, from lxc.Spec) { to.MemoryMiB = from.MemoryMiB }},
	{"swap", func(to *lxc.Spec, from lxc.Spec) { to.SwapMiB = from.SwapMiB }},
	{"disk", func(to *lxc.Spec, from lxc.Spec) { to.DiskGiB = from.DiskGiB }},
	{"unprivileged", func(to *lxc.Spec, from lxc.Spec) { to.Unprivileged = from.Unprivileged }},
	{"privileged", func(to *lxc.Spec, from lxc.Spec) { to.Unprivileged = from.Unprivileged }},
	{"nesting", func(to *lxc.Spec, from lxc.Spec) { to.Features.Nesting = from.Features.Nesting }},
	{"onboot", func(to *lxc.Spec, from lxc.Spec) { to.OnBoot = from.OnBoot }},
	{"console", func(to *lxc.Spec, from lxc.Spec) { to.Console = from.Console }},
	{"bridge", func(to *lxc.Spec, from lxc.Spec) { to.Network.Bridge = from.Network.Bridge }},
	{"mtu", func(to *lxc.Spec, from lxc.Spec) { to.Network.MTU = from.Network.MTU }},
	{"rate", func(to *lxc.Spec, from lxc.Spec) { to.Network.RateMBs = from.Network.RateMBs }},
	{"firewall", func(to *lxc.Spec, from lxc.Spec) { to.Network.Firewall = from.Network.Firewall }},
	{"vlan", func(to *lxc.Spec, from lxc.Spec) { to.Network.VLAN = from.Network.VLAN }},
	{"ip", func(to *lxc.Spec, from lxc.Spec) {
		to.Network.IPv4, to.Network.Gateway4 = from.Network.IPv4, from.Network.Gateway4
	}},
	{"ip6", func(to *lxc.Spec, from lxc.Spec) {
		to.Network.IPv6, to.Network.Gateway6 = from.Network.IPv6, from.Network.Gateway6
	}},
	{"os", func(to *lxc.Spec, from lxc.Spec) { to.OSTemplate, to.OSElse = from.OSTemplate, from.OSElse }},
	{"image", func(to *lxc.Spec, from lxc.Spec) { to.OSTemplate, to.OSElse = from.OSTemplate, from.OSElse }},
	{"ostype", func(to *lxc.Spec, from lxc.Spec) { to.OSType = from.OSType }},
	{"cpulimit", func(to *lxc.Spec, from lxc.Spec) { to.CPULimit = from.CPULimit }},
	{"cpuunits", func(to *lxc.Spec, from lxc.Spec) { to.CPUUnits = from.CPUUnits }},
	{"pool", func(to *lxc.Spec, from lxc.Spec) { to.Pool = from.Pool }},
	{"startup", func(to *lxc.Spec, from lxc.Spec) { to.Startup = from.Startup }},
	{"net", func(to *lxc.Spec, from lxc.Spec) { to.Interfaces = from.Interfaces }},
	{"mount", func(to *lxc.Spec, from lxc.Spec) { to.Mounts = from.Mounts }},
	{"device", func(to *lxc.Spec, from lxc.Spec) { to.Devices = from.Devices }},
	{"nameserver", func(to *lxc.Spec, from lxc.Spec) { to.Network.Nameservers = from.Network.Nameservers }},
}

// GivenFlags are the names of the flags whose values a sync keeps.
func GivenFlags() (names []string) {
	for _, g := range given {
		names = append(names, g.flag)
	}
	return names
}

// Has reports whether one of these flags was given. If that is not known (g is nil), it was.
func (g *Given) Has(flags ...string) bool {
	return g == nil || slices.ContainsFunc(flags, func(f string) bool { return slices.Contains(g.Flags, f) })
}

// Follow is what a container is asked to be now: was is the spec on record, today what its
// template asks for now. The record of an older version does not say what was given (g is
// nil): then all of it counts as given, so that no sync changes a container by surprise.
func (g *Given) Follow(was, today lxc.Spec) lxc.Spec {
	if g == nil {
		return was
	}
	s := today
	// No template has these.
	s.CTID, s.Hostname, s.Node, s.Storage, s.SSHKeys = was.CTID, was.Hostname, was.Node, was.Storage, was.SSHKeys
	s.Tags = slices.Clone(today.Tags)
	for _, t := range g.Tags {
		if !slices.Contains(s.Tags, t) {
			s.Tags = append(s.Tags, t)
		}
	}
	for _, one := range given {
		if slices.Contains(g.Flags, one.flag) && !g.listed(one.flag) {
			one.copy(&s, was)
		}
	}
	for _, n := range g.Interfaces {
		s.SetInterface(n)
	}
	for _, m := range g.Mounts {
		s.SetMount(m)
	}
	for _, d := range g.Devices {
		s.SetDevice(d)
	}
	return s
}
