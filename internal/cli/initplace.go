package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/transports"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// chooseWay asks for the way into containers.
func (r *initRun) chooseWay(ctx context.Context) error {
	ssh := &r.host.SSH
	if ssh.Transport == "" && r.ask != nil {
		got, err := r.ask.Ask(ctx, "Into containers", ui.Question{
			Key: "transport", Short: "Into containers by", Title: "How shall infrahaus get into containers?", Default: transports.Auto, Choices: []ui.Choice{
				{Value: transports.Auto, Label: "auto: the first of the others that works"},
				{Value: transports.Guest, Label: "guest: by SSH to the container, which needs a route to it and an sshd in it"},
				{Value: transports.Node, Label: "node: by SSH to the Proxmox node and pct there"},
				{Value: transports.API, Label: "api: by the container's console, with the token alone"},
			},
		})
		if err != nil {
			return err
		}
		ssh.Transport = got["transport"]
	}
	if ssh.Transport == "" {
		ssh.Transport = transports.Auto
	}
	switch {
	case ssh.Node != "" || ssh.Transport == transports.Guest || ssh.Transport == transports.API:
		return nil
	case r.ask == nil && ssh.Transport == transports.Node:
		r.need("--ssh-node, for --transport node")
		return nil
	case r.ask == nil:
		return nil
	}
	return r.askSSHNode(ctx)
}

// askSSHNode asks for the node's SSH address, which auto can do without.
func (r *initRun) askSSHNode(ctx context.Context) error {
	optional := r.host.SSH.Transport == transports.Auto
	q := ui.Question{
		Key: "node", Title: "SSH address of the Proxmox node", Help: "keys, agent and known_hosts are used as ssh uses them",
		Check: func(s string) error {
			if s == "" && optional {
				return nil
			}
			_, err := config.CheckSSHNode(s)
			return err
		},
	}
	if optional {
		q.Help += "; leave it empty to do without"
	} else if u, err := url.Parse(r.host.URL); err == nil {
		q.Default = "root@" + u.Hostname()
	}
	got, err := r.ask.Ask(ctx, "Into containers", q)
	if err != nil || got["node"] == "" {
		return err
	}
	r.host.SSH.Node, err = config.CheckSSHNode(got["node"])
	return err
}

// choosePlace picks the node, the storage and the bridge from what there is.
func (r *initRun) choosePlace(ctx context.Context) error {
	c := r.account.client
	nodes, err := c.OnlineNodes(ctx)
	if err != nil {
		return err
	}
	if err := r.pick(ctx, "node", &r.host.Node, nodes); err != nil || r.host.Node == "" {
		return err
	}
	offers, err := c.OffersOf(ctx, r.host.Node)
	if err != nil {
		return err
	}
	r.account.place = setup.Place{Major: offers.Version.Major()}
	if len(offers.Archives) > 0 {
		r.account.place.Archive = offers.Archives[0].Name
	}
	if err := r.pick(ctx, "storage", &r.host.Storage, offers.Storages); err != nil {
		return err
	}
	if err := r.pick(ctx, "bridge", &r.host.Bridge, offers.Bridges); err != nil {
		return err
	}
	for _, b := range offers.Bridges {
		r.account.place.VNet = r.account.place.VNet || b.Name == r.host.Bridge && b.Kind == "vnet"
	}
	r.account.place.Storage, r.account.place.Bridge = r.host.Storage, r.host.Bridge
	return nil
}

// pick chooses one of the offers: the wanted one, the only one, or the one that a person
// says.
func (r *initRun) pick(ctx context.Context, what string, chosen *string, offers []pve.Offer) error {
	c, err := setup.Pick(what, *chosen, offers)
	switch {
	case err != nil && len(c.From) > 0:
		return usagef("%w", err).hint("choose --%s from: %s", what, strings.Join(c.From, ", "))
	case err != nil && *chosen == "" && !r.host.Token.IsZero():
		// The token may lack the privilege to see one: the checks say which.
		r.app.warn(err.Error(), "")
		return nil //nolint:nilerr // the checks go on
	case err != nil:
		return usagef("%w", err)
	case c.Name != "":
		if *chosen == "" {
			r.app.say(fmt.Sprintf("%s %s, the only one", what, c.Name))
		}
		*chosen = c.Name
		return nil
	case r.ask == nil:
		r.need("--%s, one of %s", what, strings.Join(c.From, ", "))
		return nil
	}
	q := ui.Question{Key: what, Short: strings.ToUpper(what[:1]) + what[1:], Title: strings.ToUpper(what[:1]) + what[1:] + " for new containers", Default: offers[0].Name}
	for _, o := range offers {
		label := o.Name
		if o.Note != "" {
			label += " (" + o.Note + ")"
		}
		q.Choices = append(q.Choices, ui.Choice{Value: o.Name, Label: label})
	}
	got, err := r.ask.Ask(ctx, "Place", q)
	*chosen = got[what]
	return err
}
