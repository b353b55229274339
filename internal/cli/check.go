package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// onSite is what Proxmox says of a container on record.
type onSite struct {
	State string   `json:"state"` // one of the site states
	Node  string   `json:"node,omitempty"`
	Name  string   `json:"name,omitempty"`
	Lock  string   `json:"lock,omitempty"`
	Why   string   `json:"why,omitempty"` // of unknown
	Tags  []string `json:"tags,omitempty"`
	Usage *usage   `json:"usage,omitempty"` // of stats and show --check
}

// The states of onSite. Missing is a container that Proxmox does not have; other
// is an id that belongs to somebody else's container.
const (
	siteRunning = "running"
	siteStopped = "stopped"
	siteMissing = "missing"
	siteOther   = "other"
	siteUnknown = "unknown" // Proxmox could not be asked, or does not tell this login
	siteNone    = "none"    // it was never asked for

	siteTemplate = "template" // of Proxmox's: it cannot run
)

// checkSites asks every host of the list and fills in what it says. The error is
// that of a host which could not be asked; the others are filled in all the same.
func (a *app) checkSites(ctx context.Context, list []listed) error {
	hosts := map[string][]*listed{}
	for i := range list {
		list[i].Proxmox = &onSite{State: siteUnknown}
		hosts[list[i].Host] = append(hosts[list[i].Host], &list[i])
	}
	var first error
	for host, of := range hosts {
		err := a.checkHost(ctx, host, of)
		excuse(of, err)
		first = orFirst(first, unreached(err))
	}
	return first
}

// excuse says why nothing is known of the containers of a host that answered with err.
func excuse(of []*listed, err error) {
	for _, l := range of {
		if l.Proxmox == nil {
			l.Proxmox = &onSite{State: siteUnknown}
		}
		if err != nil && l.Proxmox.State == siteUnknown && l.Proxmox.Why == "" {
			l.Proxmox.Why = whyUnknown(err)
		}
	}
}

// unreached turns the error of a host that did not list its containers, for whatever
// reason, into one with the exit status for an unreachable host.
func unreached(err error) error {
	var api *pve.Error
	if errors.As(err, &api) {
		f := exit.Explain(err)
		f.Status = exit.Unreachable
		return f
	}
	return err
}

// checkBare checks the selected host if none of its containers is on record, and reports
// the result. Without a selected host and without records it checks every host of the
// config.
func (a *app) checkBare(ctx context.Context, list []listed) error {
	name := a.cfg.HostName()
	names := []string{name}
	switch {
	case name != "" && slices.ContainsFunc(list, func(l listed) bool { return l.Host == name }), name == "" && len(list) > 0:
		return nil
	case name == "":
		names = a.cfg.HostNames()
	}
	if len(names) == 0 {
		_, err := a.hostName()
		return err
	}
	var first error
	for _, name := range names {
		err := a.checkHost(ctx, name, nil)
		if err == nil && !a.global.quiet {
			a.note(fmt.Sprintf("host %s answers: it is reached, its certificate is trusted and the login is accepted; none of its containers is on record", name))
		}
		first = orFirst(first, unreached(err))
	}
	return first
}

// whyUnknown is a word on why Proxmox did not say what it has.
func whyUnknown(err error) string {
	var e *pve.Error
	switch {
	case pve.IsKind(err, pve.Forbidden):
		return "this login may not see it"
	case errors.As(err, &e) && e.Reason != "":
		return "cannot be asked: " + e.Reason
	}
	return "cannot be asked"
}

func (a *app) checkHost(ctx context.Context, host string, list []*listed) error {
	p, entries, err := a.entries(ctx, host)
	if err != nil {
		return err
	}
	return checkRecords(ctx, p, list, entries)
}

// entries asks a host for its containers.
func (a *app) entries(ctx context.Context, host string) (*place, []pve.Entry, error) {
	p, err := a.openHost(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	entries, err := p.pve.List(ctx)
	return p, entries, err
}

// checkRecords compares the records of a host with its containers.
func checkRecords(ctx context.Context, p *place, list []*listed, entries []pve.Entry) error {
	there := map[int]pve.Entry{}
	for _, e := range entries {
		there[e.CTID] = e
	}
	var g errgroup.Group // the others are asked all the same where one cannot be: a node may be down
	g.SetLimit(8)
	for _, l := range list {
		l.Proxmox = &onSite{State: siteUnknown}
		g.Go(func() error { return checkOne(ctx, p.pve, l, there) })
	}
	return g.Wait()
}

// checkOne compares one record with what is there under its id.
func checkOne(ctx context.Context, client *pve.Client, l *listed, there map[int]pve.Entry) error {
	e, ok := there[l.CTID]
	switch {
	case l.CTID == 0:
		*l.Proxmox = onSite{State: siteNone}
	case !ok && l.Lifecycle == lxc.Destroyed:
		*l.Proxmox = onSite{State: siteMissing}
	case !ok:
		// The list leaves out what the login may not see, and what is on a node that is
		// offline. One that has been made since is there the next time.
		_, _, err := client.Locate(ctx, l.Node, l.CTID)
		switch {
		case pve.IsKind(err, pve.NotFound):
			*l.Proxmox = onSite{State: siteMissing}
		case errors.Is(err, pve.ErrMachine):
			*l.Proxmox = onSite{State: siteOther, Name: "virtual machine"}
		case err != nil:
			l.Proxmox.Why = whyUnknown(err)
			if !pve.IsKind(err, pve.Forbidden) { // which is an answer
				return err
			}
		}
	default:
		cfg, err := client.Config(ctx, e.Node, e.CTID)
		if pve.IsKind(err, pve.NotFound) { // gone since it was listed
			*l.Proxmox = onSite{State: siteMissing}
			break
		}
		if err != nil {
			l.Proxmox.Why = whyUnknown(err)
			return err
		}
		l.Proxmox = siteOf(e, cfg)
		// A container that shows nothing of its owner yet may be ours, unless ours was destroyed.
		owner := ownership.Of(l.Container, &cfg)
		if owner == ownership.Theirs || owner == ownership.Unknown && l.Lifecycle == lxc.Destroyed {
			l.Proxmox.State = siteOther
		} else {
			l.Tags = e.Tags
		}
	}
	l.Differs = differences(*l)
	return nil
}

// onProxmox says that Proxmox was asked, and has it.
func (l listed) onProxmox() bool {
	return l.Proxmox != nil && (l.Proxmox.State == siteRunning || l.Proxmox.State == siteStopped || l.Proxmox.State == siteTemplate)
}

// differences says where record and Proxmox disagree.
func differences(l listed) []string {
	var out []string
	there := l.onProxmox()
	destroyed := l.Lifecycle == lxc.Destroyed
	switch {
	case l.Proxmox.State == siteMissing && !destroyed:
		out = append(out, "not on Proxmox any more")
	case l.Proxmox.State == siteOther && !destroyed:
		out = append(out, fmt.Sprintf("the id belongs to somebody else's %s", l.Proxmox.Name))
	case there && destroyed:
		out = append(out, "still on Proxmox")
	}
	if there && l.Proxmox.Name != l.Hostname && l.Proxmox.Name != "" {
		out = append(out, "named "+l.Proxmox.Name+" there")
	}
	if there && l.Proxmox.Node != l.Node {
		out = append(out, "moved to node "+l.Proxmox.Node)
	}
	if there && l.Proxmox.Lock != "" {
		out = append(out, "locked ("+l.Proxmox.Lock+")")
	}
	return out
}

func joinWords(words []string) string { return strings.Join(words, "; ") }
