package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
)

// nothingLeft is the error of a resume when nothing of the container is left on the node.
// If its create failed or was stopped before it made anything, the hint is a new create.
func (a *app) nothingLeft(ctx context.Context, c lxc.Container) error {
	steps, err := a.store.Steps(ctx, c.RecordID)
	if err != nil {
		return err
	}
	made := slices.ContainsFunc(steps, func(s store.Step) bool {
		return s.Item == plan.ItemCreate && string(s.State) == string(plan.Done)
	})
	m, err := a.recall(ctx, c, nil, nil, fetch.Local)
	if made || err != nil { // the container was adopted, or its template is gone: no create command to show
		return a.isGone(c)
	}
	f := failf(exit.Other, "cannot resume %s: its create ended before anything of it was on the node", c.Hostname).
		hint("to begin anew: %s", a.command(createWords(m)...))
	if secrets := secretsGiven(m); secrets != nil {
		f = f.hint("set its secret variables again, with --set-file: %s", strings.Join(secrets, ", "))
	}
	return f
}

// anew are the hints that make a container again that is lost, once its NAME is free. They
// are nil if its template is gone, or if there never was one.
func (a *app) anew(ctx context.Context, c lxc.Container) []string {
	m, err := a.recall(ctx, c, nil, nil, fetch.Local)
	if err != nil {
		return nil
	}
	return a.anewHints(m)
}

func (a *app) anewHints(m *catalogue.Remembered) []string {
	hints := []string{"then, to make it anew: " + a.command(createWords(m)...)}
	if m.Env != nil {
		hints = append(hints, "say its environment again, with --env or --env-file: "+strings.Join(slices.Sorted(maps.Keys(m.Env)), ", "))
	}
	if secrets := secretsGiven(m); secrets != nil {
		hints = append(hints, "set its secret variables again, with --set-file: "+strings.Join(secrets, ", "))
	}
	return hints
}

// createWords is the command line that makes a container as the record describes it,
// without the settings that the template has itself.
func createWords(m *catalogue.Remembered) []string {
	t := m.Template
	words := []string{"create", m.Spec.Hostname}
	if !t.IsNone() {
		words = append(words, "--template", orElse(t.Path, t.Name))
	}
	words = append(words, specWords(m.Spec, t.Spec())...)
	for _, v := range t.Variables {
		if text, ok := m.Value(v.Name); ok && !v.Hidden() && v.From == "" && text != v.Default {
			words = append(words, "--set", v.Name+"="+text)
		}
	}
	for _, name := range m.Skip {
		words = append(words, "--skip-script", name)
	}
	for _, name := range m.Packages {
		words = append(words, "--package", name)
	}
	return words
}

// secretsGiven names the variables that the user must set again for a create, because no
// command line shows them.
func secretsGiven(m *catalogue.Remembered) (names []string) {
	for _, v := range m.Template.Variables {
		text, ok := m.Value(v.Name)
		if ok && v.Secret && !v.Generate.Any() && text != v.Default {
			names = append(names, v.Name)
		}
	}
	return names
}

// specWords are the flags that turn own, the template's spec, into spec.
func specWords(spec, own lxc.Spec) (words []string) {
	number := func(flag string, is, was int) {
		if is != was {
			words = append(words, "--"+flag, strconv.Itoa(is))
		}
	}
	text := func(flag, is, was string) {
		if is != was {
			words = append(words, "--"+flag, is)
		}
	}
	truth := func(flag string, is, was bool) {
		if is != was {
			words = append(words, "--"+flag+"="+strconv.FormatBool(is))
		}
	}
	further := func(flag string, is, was []string) {
		for _, x := range is {
			if !slices.Contains(was, x) {
				words = append(words, "--"+flag, x)
			}
		}
	}
	number("ctid", spec.CTID, own.CTID)
	text("node", spec.Node, own.Node)
	text("storage", spec.Storage, own.Storage)
	text("bridge", spec.Network.Bridge, own.Network.Bridge)
	number("vlan", spec.Network.VLAN, own.Network.VLAN)
	number("mtu", spec.Network.MTU, own.Network.MTU)
	text("rate", orElse(limitText(spec.Network.RateMBs), "0"), orElse(limitText(own.Network.RateMBs), "0"))
	truth("firewall", spec.Network.Firewall, own.Network.Firewall)
	text("ip", ipWord(spec.Network.IPv4, spec.Network.Gateway4), ipWord(own.Network.IPv4, own.Network.Gateway4))
	text("ip6", ipWord(spec.Network.IPv6, spec.Network.Gateway6), ipWord(own.Network.IPv6, own.Network.Gateway6))
	number("cores", spec.Cores, own.Cores)
	number("memory", spec.MemoryMiB, own.MemoryMiB)
	number("swap", spec.SwapMiB, own.SwapMiB)
	number("disk", spec.DiskGiB, own.DiskGiB)
	text("os", strings.Join(spec.OSChoices(), ","), strings.Join(own.OSChoices(), ","))
	text("ostype", spec.OSType, own.OSType)
	text("cpulimit", orElse(limitText(spec.CPULimit), "0"), orElse(limitText(own.CPULimit), "0"))
	number("cpuunits", spec.CPUUnits, own.CPUUnits)
	text("pool", spec.Pool, own.Pool)
	text("startup", spec.Startup, own.Startup)
	further("net", wordsOf(spec.Interfaces, netWord), wordsOf(own.Interfaces, netWord))
	further("mount", wordsOf(spec.Mounts, mountWord), wordsOf(own.Mounts, mountWord))
	further("device", wordsOf(spec.Devices, deviceWord), wordsOf(own.Devices, deviceWord))
	truth("unprivileged", spec.Unprivileged, own.Unprivileged)
	truth("nesting", spec.Features.Nesting, own.Features.Nesting)
	truth("onboot", spec.OnBoot, own.OnBoot)
	if spec.Console == "shell" {
		text("console", spec.Console, own.Console)
	}
	further("tag", spec.Tags, own.Tags)
	further("ssh-key", spec.SSHKeys, own.SSHKeys)
	if !slices.Equal(spec.Network.Nameservers, own.Network.Nameservers) {
		further("nameserver", spec.Network.Nameservers, nil)
	}
	return words
}

func wordsOf[T any](list []T, word func(T) string) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = word(x)
	}
	return out
}

// ipWord formats an address as --ip and --ip6 accept it.
func ipWord(address, gateway string) string {
	switch {
	case address == "":
		return "none"
	case gateway != "":
		return address + "," + gateway
	}
	return address
}
