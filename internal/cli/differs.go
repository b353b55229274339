package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/placement"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// wanted is what a create asks for, with what of it the command line has said.
type wanted struct {
	job   plan.Job
	given func(flag string) bool
	set   map[string]string // --set and --set-file
}

// comparison collects how a container on record differs from what a create asks for.
type comparison struct {
	wanted
	own, standard lxc.Spec // of the template, and of one that asks for nothing
	lines         []string
}

// differs lists how a container on record differs from what is asked for now, a line each.
// Only what the command line or the template asks for counts: a default of this tool, or a
// variable that was not set, asks for nothing. was is nil for an adopted container.
func differs(c lxc.Container, was *catalogue.Asked, now wanted) []string {
	if was == nil {
		return []string{fmt.Sprintf("template: none on record, because it was adopted; %s asked for", now.job.Template.Name)}
	}
	d := &comparison{wanted: now, own: now.job.Template.Spec(), standard: template.Standard()}
	d.value("template", c.Template, now.job.Template.Name, true)
	d.placement(c, was.Spec, now.job.Spec)
	d.resources(was.Spec, now.job.Spec)
	d.network(was.Spec.Network, now.job.Spec.Network)
	d.lists(was, now.job)
	d.variables(was.Values)
	return d.lines
}

func (d *comparison) add(what, was, now string) {
	d.lines = append(d.lines, fmt.Sprintf("%s: %s on record, %s asked for", what, orElse(was, "none"), orElse(now, "none")))
}

// value compares one text, if it was asked for.
func (d *comparison) value(what, was, now string, asked bool) {
	if asked && was != now {
		d.add(what, was, now)
	}
}

// placement compares what only the command line asks for. A container may have been moved
// to another node since it was made there. A storage or bridge that Proxmox chose is not on
// record; see placedElsewhere.
func (d *comparison) placement(c lxc.Container, was, now lxc.Spec) {
	d.value("ctid", ctidText(c.CTID), ctidText(now.CTID), d.given("ctid") && c.CTID != 0)
	d.value("node", orElse(c.Node, was.Node), now.Node, d.given("node") && now.Node != was.Node && !placement.Allows(now.Node, c.Node))
	d.value("storage", was.Storage, now.Storage, d.given("storage") && was.Storage != "")
}

// placedElsewhere lists how the place of a container on Proxmox differs from the one that is
// asked for.
func placedElsewhere(now wanted, storage, bridge string) []string {
	d := &comparison{wanted: now}
	own := now.job.Template.Spec().Network.Bridge
	onProxmox := func(what, was, now string, asked bool) {
		if asked && was != "" && was != now {
			d.lines = append(d.lines, fmt.Sprintf("%s: %s on Proxmox, %s asked for", what, was, now))
		}
	}
	onProxmox("storage", storage, now.job.Spec.Storage, now.given("storage"))
	onProxmox("bridge", bridge, now.job.Spec.Network.Bridge, now.given("bridge") || own != "")
	return d.lines
}

func (d *comparison) resources(was, now lxc.Spec) {
	number := func(flag string, was, now, own, standard int) {
		d.value(flag, strconv.Itoa(was), strconv.Itoa(now), d.given(flag) || own != standard)
	}
	d.value("os", strings.Join(was.OSChoices(), ", "), strings.Join(now.OSChoices(), ", "), true)
	d.value("ostype", was.OSType, now.OSType, d.given("ostype") || d.own.OSType != "")
	number("cores", was.Cores, now.Cores, d.own.Cores, d.standard.Cores)
	number("memory", was.MemoryMiB, now.MemoryMiB, d.own.MemoryMiB, d.standard.MemoryMiB)
	number("swap", was.SwapMiB, now.SwapMiB, d.own.SwapMiB, d.standard.SwapMiB)
	number("disk", was.DiskGiB, now.DiskGiB, d.own.DiskGiB, d.standard.DiskGiB)
	truth := func(flag string, was, now, asked bool) {
		d.value(flag, strconv.FormatBool(was), strconv.FormatBool(now), asked)
	}
	truth("unprivileged", was.Unprivileged, now.Unprivileged, d.given("unprivileged") || d.given("privileged") || d.own.Unprivileged != d.standard.Unprivileged)
	truth("nesting", was.Features.Nesting, now.Features.Nesting, d.given("nesting") || d.own.Features.Nesting)
	truth("onboot", was.OnBoot, now.OnBoot, d.given("onboot") || d.own.OnBoot)
	d.value("cpulimit", orElse(limitText(was.CPULimit), "none"), orElse(limitText(now.CPULimit), "none"), d.given("cpulimit") || d.own.CPULimit != 0)
	d.value("cpuunits", strconv.Itoa(was.CPUUnits), strconv.Itoa(now.CPUUnits), d.given("cpuunits") || d.own.CPUUnits != 0)
	d.value("pool", was.Pool, now.Pool, d.given("pool") || d.own.Pool != "")
	d.value("startup", was.Startup, now.Startup, d.given("startup") || d.own.Startup != "")
	d.value("console", orElse(was.Console, "tty"), orElse(now.Console, "tty"), d.given("console"))
}

func (d *comparison) network(was, now lxc.Network) {
	own, standard := d.own.Network, d.standard.Network
	d.value("bridge", was.Bridge, now.Bridge, (d.given("bridge") || own.Bridge != "") && was.Bridge != "")
	d.value("vlan", ctidText(was.VLAN), ctidText(now.VLAN), d.given("vlan") || own.VLAN != 0)
	d.value("mtu", ctidText(was.MTU), ctidText(now.MTU), d.given("mtu") || own.MTU != 0)
	d.value("rate", limitText(was.RateMBs), limitText(now.RateMBs), d.given("rate") || own.RateMBs != 0)
	d.value("firewall", strconv.FormatBool(was.Firewall), strconv.FormatBool(now.Firewall), d.given("firewall") || own.Firewall)
	d.value("ip", ipWord(was.IPv4, was.Gateway4), ipWord(now.IPv4, now.Gateway4), d.given("ip") || own.IPv4 != standard.IPv4)
	d.value("ip6", ipWord(was.IPv6, was.Gateway6), ipWord(now.IPv6, now.Gateway6), d.given("ip6") || own.IPv6 != standard.IPv6)
	asked := d.given("nameserver") || len(own.Nameservers) > 0
	d.value("nameserver", strings.Join(was.Nameservers, " "), strings.Join(now.Nameservers, " "), asked)
}

// lists compares what may be repeated: a container may have more than is asked for.
func (d *comparison) lists(was *catalogue.Asked, now plan.Job) {
	further := func(what string, was, now []string, show func(string) string) {
		for _, item := range now {
			if !slices.Contains(was, item) {
				d.lines = append(d.lines, fmt.Sprintf("%s: %s is not on record, and asked for", what, show(item)))
			}
		}
	}
	plain := func(s string) string { return s }
	further("tag", was.Spec.Tags, now.Spec.Tags, plain)
	further("net", wordsOf(was.Spec.Interfaces, netWord), wordsOf(now.Spec.Interfaces, netWord), plain)
	further("mount", wordsOf(was.Spec.Mounts, mountWord), wordsOf(now.Spec.Mounts, mountWord), plain)
	further("device", wordsOf(was.Spec.Devices, deviceWord), wordsOf(now.Spec.Devices, deviceWord), plain)
	further("ssh-key", was.Spec.SSHKeys, now.Spec.SSHKeys, keyName)
	further("package", was.Packages, now.Packages, plain)
	further("skip-script", was.Skip, now.Skip, plain)
}

// keyName is the comment of a public key, or its last characters.
func keyName(line string) string {
	words := strings.Fields(line)
	last := words[len(words)-1]
	if len(last) > 40 {
		return "the key that ends in " + last[len(last)-12:]
	}
	return "the key of " + last
}

// variables compares those that the command line sets. Nobody sees a secret value.
func (d *comparison) variables(was map[string]string) {
	for _, v := range d.job.Template.Variables {
		now, set := d.set[v.Name]
		old, known := was[v.Name]
		switch what := "variable " + v.Name; {
		case !set || known && old == now:
		case v.Hidden():
			d.lines = append(d.lines, what+": another value on record than asked for")
		case !known:
			d.add(what, "nothing", plan.ShownValue(now))
		default:
			d.add(what, plan.ShownValue(old), plan.ShownValue(now))
		}
	}
}
