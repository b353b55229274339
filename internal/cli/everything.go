package cli

import (
	"context"
	"os"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// The states of a container on Proxmox that is not on record. One that carries the mark of
// an infrahaus catalogue is unrecorded: another catalogue made it, or this one was lost.
const (
	foreign    = "foreign"
	unrecorded = "unrecorded"
)

// checkAll asks the hosts of the list, and those that are selected, about every container
// that they have, and adds those that are not on record. Without any host it is an error
// only if named is set.
func (a *app) checkAll(ctx context.Context, list []listed, named bool) ([]listed, error) {
	hosts := a.hostsOf(list)
	if !named { // records of a host that is not configured any more are listed as they are
		hosts = slices.DeleteFunc(hosts, func(name string) bool { return !a.cfg.Calls(name) })
	}
	if len(hosts) == 0 {
		if _, err := a.hostName(); named && err != nil {
			return list, err
		}
		return list, nil
	}
	var first error
	var found []listed
	for _, host := range hosts {
		of := onHost(list, host)
		p, entries, err := a.entries(ctx, host)
		if err == nil {
			err = checkRecords(ctx, p, of, entries)
		}
		excuse(of, err)
		if err == nil {
			var others []listed
			others, err = strangers(ctx, p, of, entries)
			found = append(found, others...)
		}
		first = orFirst(first, unreached(err))
	}
	return append(list, found...), first
}

// hostsOf are the hosts of a list and the one that is selected; all of the config if none
// is selected and the list is empty.
func (a *app) hostsOf(list []listed) []string {
	var hosts []string
	for _, l := range list {
		hosts = append(hosts, l.Host)
	}
	switch name := a.cfg.HostName(); {
	case name != "":
		hosts = append(hosts, name)
	case len(hosts) == 0:
		hosts = a.cfg.HostNames()
	}
	sort.Strings(hosts)
	hosts = slices.Compact(hosts)
	return slices.DeleteFunc(hosts, func(name string) bool { return !a.answers(name) })
}

// answers is false for a sandbox that has never been used: a question would make one.
func (a *app) answers(host string) bool {
	if host != config.SandboxHost {
		return true
	}
	_, err := os.Stat(a.cfg.Paths.Sandbox())
	return err == nil
}

func onHost(list []listed, host string) (of []*listed) {
	for i := range list {
		if list[i].Host == host {
			of = append(of, &list[i])
		}
	}
	return of
}

// strangers are the entries that no record stands for.
func strangers(ctx context.Context, p *place, records []*listed, entries []pve.Entry) ([]listed, error) {
	known := map[int]bool{}
	for _, l := range records {
		known[l.CTID] = known[l.CTID] || l.onProxmox() || l.Proxmox.State == siteUnknown
	}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e pve.Entry) bool { return known[e.CTID] })
	found := make([]*listed, len(entries))
	var g errgroup.Group
	g.SetLimit(8)
	for i, e := range entries {
		g.Go(func() error {
			cfg, err := p.pve.Config(ctx, e.Node, e.CTID)
			if pve.IsKind(err, pve.NotFound) { // gone since it was listed
				return nil
			}
			found[i] = stranger(p.name, e, cfg)
			return err
		})
	}
	err := g.Wait()
	var out []listed
	for _, l := range found {
		if l != nil {
			out = append(out, *l)
		}
	}
	return out, err
}

// stranger is a container that is not on record, as a list shows it.
func stranger(host string, e pve.Entry, cfg pve.Config) *listed {
	l := &listed{Status: foreign, Services: []lxc.Service{}, Tags: e.Tags, Proxmox: siteOf(e, cfg)}
	if cfg.Marker() != "" {
		l.Status = unrecorded
	}
	l.Container = lxc.Container{CTID: e.CTID, Hostname: orElse(e.Name, ownership.Name(cfg, e.CTID)), Host: host, Node: e.Node, MAC: cfg.MAC}
	if address := pve.StaticAddress(cfg.Net0); address.IsValid() {
		l.Address = address.String()
	}
	return l
}

// siteOf is the state of a container that Proxmox has.
func siteOf(e pve.Entry, cfg pve.Config) *onSite {
	s := &onSite{State: siteStopped, Node: e.Node, Name: e.Name, Lock: cfg.Lock, Tags: e.Tags}
	switch {
	case e.Template:
		s.State = siteTemplate
	case e.Running:
		s.State = siteRunning
	}
	return s
}
