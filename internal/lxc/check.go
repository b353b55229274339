package lxc

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Fault is one fault in a spec that is found without asking Proxmox. create and `template
// validate` find the same faults.
type Fault struct {
	Field  string // hostname, ctid, cores, …; of the network: ip, gateway, ip6, gateway6, nameserver, …
	Index  int    // of a nameserver or tag
	In     string // the list that has the field: InNetworks, InMounts or InDevices; "": none
	At     int    // the index in that list
	Value  string
	Reason string // follows the value: "is the network's own address"
	Better string // a correct value, "" if the reason is enough
}

// The lists of a spec whose entries have fields.
const (
	InNetworks = "network" // At 0 is Spec.Network, 1 the first of Spec.Interfaces
	InMounts   = "mount"
	InDevices  = "device"
)

// The limits of Proxmox's own schema.
const (
	MinCTID, MaxCTID = 100, 999999999
	maxCores         = 8192
	minMemory        = 16 // MiB
	maxHostname      = 253
	maxCPUUnits      = 500000
	maxDescription   = 8000 // of 8192; our mark needs the rest
)

// Unmanaged is the OSType of a container that Proxmox sets nothing up in: no password, no SSH
// keys, no hostname, no network.
const Unmanaged = "unmanaged"

// OSTypes are the distributions of Proxmox's own schema.
var OSTypes = []string{"debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos", Unmanaged}

var (
	labelForm = lazy.Regexp(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)
	tagForm   = lazy.Regexp(`^[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*$`)
	poolForm  = lazy.Regexp(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$`)
	// Proxmox takes the parts in any order; see StartupText for ours.
	startupForm = lazy.Regexp(`^(order=\d{1,9})?(,?up=\d{1,9})?(,?down=\d{1,9})?$`)
	nameForm    = lazy.Regexp(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`) // nodes, storages, bridges
)

// Faults returns all faults of a spec that can be found without asking Proxmox.
func (s Spec) Faults() []Fault {
	var out []Fault
	add := func(bad bool, field, value, reason string) {
		if bad {
			out = append(out, Fault{Field: field, Value: value, Reason: reason})
		}
	}
	if why := WrongHostname(s.Hostname); why != "" {
		add(true, "hostname", s.Hostname, why)
	}
	n := strconv.Itoa
	add(s.CTID != 0 && (s.CTID < MinCTID || s.CTID > MaxCTID), "ctid", n(s.CTID), fmt.Sprintf("is not from %d to %d", MinCTID, MaxCTID))
	add(s.Cores < 0 || s.Cores > maxCores, "cores", n(s.Cores), fmt.Sprintf("is not from 1 to %d", maxCores))
	add(s.MemoryMiB != 0 && s.MemoryMiB < minMemory, "memory", n(s.MemoryMiB), fmt.Sprintf("is less than %d MiB", minMemory))
	add(s.SwapMiB < 0, "swap", n(s.SwapMiB), "is less than 0")
	add(s.DiskGiB < 0, "disk", n(s.DiskGiB), "is less than 1 GiB")
	for name := range strings.SplitSeq(s.Node, ",") {
		add(s.Node != "" && !nameForm().MatchString(strings.TrimSpace(name)), "node", name, "is not a valid name in Proxmox")
	}
	for _, name := range []struct{ field, value string }{{"storage", s.Storage}, {"bridge", s.Network.Bridge}} {
		add(name.value != "" && !nameForm().MatchString(name.value), name.field, name.value, "is not a valid name in Proxmox")
	}
	for i, t := range s.Tags {
		if !tagForm().MatchString(t) {
			out = append(out, Fault{Field: "tag", Index: i, Value: t, Reason: "is no tag", Better: "letters, digits and _ - + . only, beginning with a letter, digit or _"})
		}
	}
	for i, os := range s.OSChoices() {
		if os == "" || strings.ContainsAny(os, " \t\n,") {
			out = append(out, Fault{Field: "os", Index: i, Value: os, Reason: "is no OS template", Better: "a prefix such as debian-12, a volume such as local:vztmpl/FILE, or an image such as oci:nginx:1.29"})
		}
	}
	if s.OSType != "" && !slices.Contains(OSTypes, s.OSType) {
		out = append(out, Fault{Field: "ostype", Value: s.OSType, Reason: "is no distribution that Proxmox knows", Better: "one of " + strings.Join(OSTypes, ", ")})
	}
	add(s.CPULimit < 0 || s.CPULimit > maxCores, "cpulimit", strconv.FormatFloat(s.CPULimit, 'f', -1, 64), fmt.Sprintf("is not from 0 to %d", maxCores))
	add(s.CPUUnits < 0 || s.CPUUnits > maxCPUUnits, "cpuunits", n(s.CPUUnits), fmt.Sprintf("is not from 0 to %d", maxCPUUnits))
	add(s.Pool != "" && !poolForm().MatchString(s.Pool), "pool", s.Pool, "is not a valid name of a pool in Proxmox")
	add(s.Startup != "" && !startupForm().MatchString(s.Startup), "startup", s.Startup, "is no start order: order=N,up=SECONDS,down=SECONDS")
	add(len(s.Description) > maxDescription, "description", s.Description[:min(len(s.Description), 20)]+"…", fmt.Sprintf("is longer than %d bytes", maxDescription))
	return append(out, s.PartFaults()...)
}

// OSChoices are the OS templates that will do, the best first.
func (s Spec) OSChoices() []string { return append([]string{s.OSTemplate}, s.OSElse...) }

// Pinned is an OS choice with the digest that a lock file has for it, if one has.
func (s Spec) Pinned(os string) string {
	if pinned := s.Pins[os]; pinned != "" {
		return pinned
	}
	return os
}

// WrongHostname returns the reason why Proxmox would refuse a hostname, or "". A hostname
// is made of labels with dots between them. A label has up to 63 letters, digits and
// inner hyphens.
func WrongHostname(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > maxHostname {
		return fmt.Sprintf("is longer than %d characters", maxHostname)
	}
	for label := range strings.SplitSeq(name, ".") {
		if !labelForm().MatchString(label) {
			return "is no hostname: letters, digits and inner hyphens, 63 at most between dots"
		}
	}
	return ""
}

// Faults returns the faults of the addresses: those that Proxmox would refuse, and those
// that it accepts but that break the guest's network.
func (n Network) Faults() []Fault {
	var out []Fault
	if n.VLAN < 0 || n.VLAN > 4094 {
		out = append(out, Fault{Field: "vlan", Value: strconv.Itoa(n.VLAN), Reason: "is not from 1 to 4094"})
	}
	if n.MTU != 0 && (n.MTU < 64 || n.MTU > 65535) {
		out = append(out, Fault{Field: "mtu", Value: strconv.Itoa(n.MTU), Reason: "is not from 64 to 65535"})
	}
	if n.RateMBs < 0 {
		out = append(out, Fault{Field: "rate", Value: strconv.FormatFloat(n.RateMBs, 'f', -1, 64), Reason: "is less than 0"})
	}
	if n.Name != "" && !interfaceForm().MatchString(n.Name) {
		out = append(out, Fault{Field: "name", Value: n.Name, Reason: "is no name of an interface", Better: "such as eth0: 15 letters, digits and _ - . at most"})
	}
	if n.SearchDomain != "" {
		for d := range strings.FieldsSeq(strings.ReplaceAll(n.SearchDomain, ",", " ")) {
			if why := WrongHostname(d); why != "" {
				out = append(out, Fault{Field: "searchdomain", Value: d, Reason: "is no domain name"})
			}
		}
	}
	four := family{"ip", "gateway", n.IPv4, n.Gateway4, netip.Addr.Is4, []string{"dhcp"}, "192.168.1.20/24"}
	six := family{"ip6", "gateway6", n.IPv6, n.Gateway6, isIPv6, []string{"dhcp", "auto"}, "2001:db8::20/64"}
	out = append(out, four.faults()...)
	out = append(out, six.faults()...)
	for i, s := range n.Nameservers {
		if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
			out = append(out, Fault{Field: "nameserver", Index: i, Value: s, Reason: "is not an IP address"})
		}
	}
	return out
}

// isIPv6 is false for an IPv4 address in IPv6 form (::ffff:10.0.0.1), which no network
// routes.
func isIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }
