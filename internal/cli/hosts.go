package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/store"
)

// facts returns the facts of a host that are in the settings. It neither asks the host
// nor looks up a secret.
func (a *app) facts(name string) store.Facts {
	f := store.Facts{Name: name}
	if name == config.SandboxHost {
		f.Certificate, f.CA = sandbox.Certificates(a.cfg.Paths.Sandbox())
		return f
	}
	trust := a.cfg.Trust(name)
	f.URL, f.Certificate = trust.URL, trust.Fingerprint
	if trust.Fingerprint == "" && trust.CAFile != "" {
		f.CA = pve.ClusterCAIn(trust.CAFile)
	}
	return f
}

// settingsOf returns the facts for a name, if the settings have that name.
func (a *app) settingsOf(name string) (store.Facts, bool) {
	if !a.cfg.Calls(name) {
		return store.Facts{}, false
	}
	return a.facts(name), true
}

// isCalled reports whether the settings use the name of h for this host, and not for
// another one.
func (a *app) isCalled(all store.Hosts, h store.Host) bool {
	set, ok := a.settingsOf(h.Name)
	return ok && all.Match(set).ID == h.ID
}

// recognise finds the host on record for a name in the settings or on record. The
// catalogue must be open.
func (a *app) recognise(ctx context.Context, name string) (store.Match, error) {
	all, err := a.store.Hosts(ctx)
	if err != nil || name == "" {
		return store.Match{}, err
	}
	if h, ok := all.Called(name); ok && !a.cfg.Calls(name) {
		return store.Match{ID: h.ID, Proven: true}, nil
	}
	f := a.facts(name)
	m := all.Match(f)
	if m.Proven && all.Joins(m.ID, f) {
		if id, err := a.meet(ctx, f); err == nil { // on an error the record is read unchanged
			m.ID = id
		}
	}
	return m, nil
}

// knowHost refuses a --host that neither the settings nor the catalogue know.
func (a *app) knowHost(ctx context.Context) error {
	cfg, err := a.config()
	if err != nil || cfg.Calls(a.global.host) {
		return err
	}
	there, err := a.lookInto(ctx)
	if err != nil {
		return err
	}
	if there {
		all, err := a.store.Hosts(ctx)
		if err != nil {
			return err
		}
		if _, ok := all.Called(a.global.host); ok {
			return nil
		}
	}
	_, err = cfg.SelectHost()
	return err
}

// doubts warns if records may be missing from the list that the user expects for a host.
func (a *app) doubts(ctx context.Context, name string, m store.Match) error {
	ask := a.commandOn(name, "list", "--check")
	if len(m.Doubt) > 0 {
		a.warn(fmt.Sprintf("several hosts on record have shown the certificate of host %s: %s; it is unknown which of them it is", name, hostList(m.Doubt)), ask)
	}
	for _, h := range m.Apart {
		has, err := a.store.Containers(ctx, store.Filter{HostID: h.ID})
		if err != nil {
			return err
		}
		if len(has) > 0 {
			a.warn(fmt.Sprintf("host %s is configured with another certificate than the host of that name or address on record; left out here: %s of that host",
				name, counted(len(has), "container")), ask)
		}
	}
	return nil
}

func hostList(hosts []store.Host) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return strings.Join(names, ", ")
}

// hostBefore returns the id of a host on record before a new record is made, "" if it has
// none. If it is uncertain which host on record it is, it asks the host, so that a NAME is
// looked for among the right records. It makes no catalogue.
func (a *app) hostBefore(ctx context.Context, name string) (string, error) {
	there, err := a.lookInto(ctx)
	if err != nil || !there {
		return "", err
	}
	m, err := a.recognise(ctx, name)
	if err != nil {
		return "", err
	}
	if !m.Proven && name != config.SandboxHost {
		if err := a.acquaint(ctx); err == nil && a.met[name] != "" {
			return a.met[name], nil
		} // otherwise the check of the host itself reports the error
	}
	return m.ID, nil
}

// acquaint asks the selected host for its identity.
func (a *app) acquaint(ctx context.Context) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	_, err = p.pve.ClusterCA(ctx)
	return err
}

// introduced gets the identity that a host has shown, before the host's first answer is
// used. It records the identity, and returns an error if the command's record belongs to
// another host.
func (a *app) introduced(ctx context.Context, p *place, shown pve.Identity) error {
	if a.store == nil { // the command uses no catalogue, or makes one only after its checks
		p.shown = &shown
		return nil
	}
	f := store.Facts{Name: p.name, URL: p.host.URL, Certificate: shown.Certificate, CA: shown.CA}
	all, err := a.store.Hosts(ctx)
	if err != nil {
		return err
	}
	m := all.Match(f)
	h, _ := all.ByID(m.ID)
	id := m.ID
	if !m.Proven || !h.InCluster() || !h.Has(f) || !a.isCalled(all, h) {
		if f.CA == "" {
			f.CA, _ = p.pve.ClusterCA(ctx) // without an answer, the certificate identifies the host
		}
		if id, err = a.meet(ctx, f); err != nil {
			return err
		}
	}
	a.met[p.name] = id
	return a.sameHost(ctx, p, id)
}

// enter opens the catalogue, and makes it if there is none, for a container that is about
// to be recorded. It returns the id of the host, which may have answered before.
func (a *app) enter(ctx context.Context, p *place) (hostID string, err error) {
	if _, _, err := a.catalogue(ctx); err != nil {
		return "", err
	}
	if p.shown != nil {
		err = a.introduced(ctx, p, *p.shown)
	}
	return a.met[p.name], err
}

// meet records the facts of a host and reports what they have revealed.
func (a *app) meet(ctx context.Context, f store.Facts) (string, error) {
	met, err := a.store.MeetHost(ctx, f, a.settingsOf)
	if err != nil {
		return "", err
	}
	if met.Records > 0 {
		a.warn(fmt.Sprintf("host %s shows another certificate than the earlier host of that name or address, so it counts as a new host; the earlier one has %s on record",
			f.Name, counted(met.Records, "container")), a.commandOn(met.Apart[0].Name, "list"))
	}
	if len(met.Doubt) > 0 {
		a.warn(fmt.Sprintf("several hosts on record have shown the certificate of host %s: %s; it counts as a new host", f.Name, hostList(met.Doubt)), a.command("list"))
	}
	if met.Twin != "" && !a.global.quiet {
		a.note(fmt.Sprintf("host %s and host %s are the same host: both names show the same records", f.Name, met.Twin))
	}
	return met.Host.ID, nil
}

// sameHost returns an error if the host that answers is not the one on which the
// command's container is.
func (a *app) sameHost(ctx context.Context, p *place, id string) error {
	if a.acting == "" {
		return nil
	}
	c, err := a.store.Record(ctx, a.acting)
	if err != nil || c.HostID == id {
		return err
	}
	return failf(exit.Unreachable, "host %s is not the host on which %s was made: it shows another certificate", p.name, c.Hostname).
		hint("to list the containers of that host: %s", a.commandOn(c.Host, "list"))
}

// actsOn remembers which record the command works on.
func (a *app) actsOn(c lxc.Container) { a.acting = c.RecordID }

// hostNames are the names of hosts by id, where they differ from the name on record: the
// selected name if it is for that host, else the first name in the settings for it if they do
// not use the name on record so any more.
func (a *app) hostNames(ctx context.Context) (map[string]string, error) {
	all, err := a.store.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	selected, names := a.cfg.HostName(), map[string]string{}
	for _, name := range append(a.cfg.HostNames(), selected) {
		set, ok := a.settingsOf(name)
		if !ok {
			continue
		}
		id := all.Match(set).ID
		if h, ok := all.ByID(id); ok && (name == selected || names[id] == "" && !a.isCalled(all, h)) {
			names[id] = name
		}
	}
	return names, nil
}

// find resolves <container> among the records of the selected host.
func (a *app) find(ctx context.Context, ref string) (lxc.Container, error) {
	cfg, err := a.config()
	if err != nil {
		return lxc.Container{}, err
	}
	m, err := a.hostOnRecord(ctx, cfg.HostName(), ref)
	if err != nil {
		return lxc.Container{}, err
	}
	return a.findIn(ctx, m, ref)
}

// findThere is find for a command that also uses the host. If the settings do not prove
// which host on record it is, it asks the host before it reports a container as unknown.
func (a *app) findThere(ctx context.Context, ref string) (lxc.Container, error) {
	name, err := a.hostName()
	if err != nil {
		return lxc.Container{}, err
	}
	m, err := a.hostOnRecord(ctx, name, ref)
	if err != nil {
		return lxc.Container{}, err
	}
	if !m.Proven && name != config.SandboxHost {
		var none *store.NotFound
		if _, err := a.store.Find(ctx, m.ID, ref); errors.As(err, &none) && a.acquaint(ctx) == nil && a.met[name] != "" {
			m = store.Match{ID: a.met[name], Proven: true}
		}
	}
	c, err := a.findIn(ctx, m, ref)
	if err == nil {
		a.actsOn(c)
	}
	return c, err
}

// hostOnRecord returns the host on record that the name stands for. Without a catalogue,
// the container ref is not found.
func (a *app) hostOnRecord(ctx context.Context, name, ref string) (store.Match, error) {
	there, err := a.lookInto(ctx)
	if err != nil {
		return store.Match{}, err
	}
	if !there {
		return store.Match{}, a.elsewhere(ctx, ref, name, &store.NotFound{Ref: ref})
	}
	return a.recognise(ctx, name)
}

func (a *app) findIn(ctx context.Context, m store.Match, ref string) (lxc.Container, error) {
	name := a.cfg.HostName()
	c, err := a.store.Find(ctx, m.ID, ref)
	var none *store.NotFound
	if errors.As(err, &none) {
		if err := a.doubts(ctx, name, m); err != nil {
			return c, err
		}
		return c, a.elsewhere(ctx, ref, name, none)
	}
	if err == nil {
		c.Host = orElse(name, c.Host)
	}
	return c, err
}
