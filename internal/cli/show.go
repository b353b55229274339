package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newShowCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show <container>",
		Short: "Show one container: where it is, what it serves",
		Long:  `Show what is recorded of one container. Nothing is asked of Proxmox.` + exitStatuses(0, 1, 2),
		Args:  exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.showContainer(cmd.Context(), c)
		},
	}
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// elsewhere is the error for a container that is not on record for the selected host. It
// names the other hosts that have one of that name, because users often forget --sandbox.
func (a *app) elsewhere(ctx context.Context, ref, host string, none error) error {
	f := failf(provision.ExitOther, "cannot find container %s in the catalogue of host %s", ref, host)
	if host == "" {
		f = failf(provision.ExitOther, "cannot find container %s: no host is selected", ref)
	}
	f.Err = none
	if a.store == nil {
		return f.hint("%s", a.command("list"))
	}
	all, err := a.store.Containers(ctx, store.Filter{})
	if err == nil {
		err = a.named(ctx, all)
	}
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Host == host || ref != c.Hostname && ref != c.RecordID && ref != strconv.Itoa(c.CTID) {
			continue
		}
		f = f.hint("host %s has it: %s", c.Host, a.commandOn(c.Host, "show", ref))
	}
	return f.hint("%s", a.command("list"))
}

// document is what `show --json` prints.
type document struct {
	lxc.Container
	Status       string        `json:"status"` // replaces the lifecycle
	Interrupted  bool          `json:"interrupted,omitempty"`
	Services     []lxc.Service `json:"services"`
	DiscoveredAt *lxc.Time     `json:"discoveredAt,omitempty"`
	Runs         []store.Run   `json:"runs"`
}

// showContainer shows a record: a card, rows or a document.
func (a *app) showContainer(ctx context.Context, c lxc.Container) error {
	if a.global.json {
		return a.showJSON(ctx, c)
	}
	return a.showCard(ctx, c)
}

func (a *app) showJSON(ctx context.Context, c lxc.Container) error {
	services, at, err := a.store.Services(ctx, c.RecordID)
	if err != nil {
		return err
	}
	runs, err := a.store.Runs(ctx, c.RecordID)
	if err != nil {
		return err
	}
	d := document{Container: c, Status: c.Status(), Services: services, Runs: runs}
	if d.Interrupted, err = a.interrupted(ctx, c); err != nil {
		return err
	}
	if d.Services == nil {
		d.Services = []lxc.Service{}
	}
	if !at.IsZero() {
		found := lxc.At(at)
		d.DiscoveredAt = &found
	}
	return ui.WriteJSON(a.streams, d)
}

func (a *app) showCard(ctx context.Context, c lxc.Container) error {
	services, at, err := a.store.Services(ctx, c.RecordID)
	if err != nil {
		return err
	}
	runs, err := a.store.Runs(ctx, c.RecordID)
	if err != nil {
		return err
	}
	r := ui.Result{Container: c, Services: services, Story: true, AsOf: at}
	if r.Interrupted, err = a.interrupted(ctx, c); err != nil {
		return err
	}
	if len(runs) > 0 {
		r.LastRun = runText(runs[len(runs)-1])
	}
	for _, s := range services {
		if len(s.CredentialKeys) > 0 {
			r.Reveal = a.command("credentials", c.Hostname, "--reveal")
		}
	}
	return ui.WriteResult(a.streams, r)
}

// runText says in a line how a run went.
func runText(r store.Run) string {
	text := r.Kind + " at " + r.StartedAt.UTC().Format(time.RFC3339)
	switch {
	case r.EndedAt == nil:
		return text + ", has not ended"
	case r.ExitStatus == nil:
		return text
	}
	return fmt.Sprintf("%s, %s, exit status %d", text, r.EndedAt.Sub(r.StartedAt.Time).Round(100*time.Millisecond), *r.ExitStatus)
}
