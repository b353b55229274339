package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type listOptions struct {
	app *app
	all bool
}

func newListCmd(a *app) *cobra.Command {
	o := &listOptions{app: a}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the containers on record",
		Long: `List the containers on record, of the selected host or, without one, of every
host. Nothing is asked of Proxmox.` + exitStatuses(0, 1, 2),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVarP(&o.all, "all", "a", false, "also those that were destroyed")
	return cmd
}

func (o *listOptions) run(ctx context.Context) error {
	a := o.app
	cfg, err := a.config()
	if err != nil {
		return err
	}
	s, _, err := a.catalogue(ctx)
	if err != nil {
		return err
	}
	containers, err := s.Containers(ctx, store.Filter{Host: cfg.HostName(), IncludeDestroyed: o.all})
	if err != nil {
		return err
	}
	if a.global.json {
		if containers == nil {
			containers = []lxc.Container{} // an empty list is [], not null
		}
		return ui.WriteJSON(a.streams, containers)
	}
	t := ui.Table{
		Columns: []ui.Column{
			{Title: "CTID", Right: true, Keep: true}, {Title: "NAME"}, {Title: "STATUS", Keep: true, Paint: lifecycleShade},
			{Title: "ADDRESS", Drop: true}, {Title: "TEMPLATE", Drop: true}, {Title: "NODE", Drop: true},
			{Title: "HOST", Drop: true}, {Title: "CREATED", Drop: true},
		},
		Empty: "no containers yet: infrahaus create web --template hello --sandbox",
	}
	for _, c := range containers {
		template := c.Template
		if c.Adopted {
			template = "(adopted)"
		}
		t.Rows = append(t.Rows, []string{
			ctidText(c.CTID), c.Hostname, string(c.Lifecycle), c.Address, template, c.Node, c.Host, c.CreatedAt.Format(time.RFC3339),
		})
	}
	return ui.WriteTable(a.streams, t)
}

func ctidText(ctid int) string {
	if ctid == 0 {
		return ""
	}
	return strconv.Itoa(ctid)
}

func lifecycleShade(cell string) ui.Shade {
	switch lxc.Lifecycle(cell) {
	case lxc.Ready:
		return ui.Good
	case lxc.Failed:
		return ui.Bad
	case lxc.Creating:
		return ui.Caution
	}
	return ui.Dim
}
