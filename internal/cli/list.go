package cli

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type listOptions struct {
	app   *app
	all   bool
	check bool
}

func newListCmd(a *app) *cobra.Command {
	o := &listOptions{app: a}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the containers on record",
		Long: `List the containers on record of the selected host, or of every host if none is
selected. Only --check asks Proxmox: then the list also has the state in Proxmox and
its differences from the record, and shows a container that was destroyed but still
exists.

STATUS is creating, ready, error or destroyed. It is stopped if this tool stopped the
container, and not answering if a declared service did not answer at the last look.
It is interrupted if a run was killed; resume continues that run.

--check also checks a host without containers on record: whether it can be reached, its
certificate and the login.` + exitStatuses(0, 1, 2, 4),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVarP(&o.all, "all", "a", false, "also those that were destroyed")
	cmd.Flags().BoolVar(&o.check, "check", false, "ask Proxmox whether the record is right")
	return cmd
}

// listed is a container as list shows it.
type listed struct {
	lxc.Container
	Status      string        `json:"status"`                // replaces the lifecycle
	Interrupted bool          `json:"interrupted,omitempty"` // its run was killed
	URL         string        `json:"url,omitempty"`         // of the first service that has one
	Services    []lxc.Service `json:"services"`              // the result of the last discovery
	Proxmox     *onSite       `json:"proxmox,omitempty"`     // with --check
	Differs     []string      `json:"differs,omitempty"`
}

// condition is the condition of the record, or interrupted.
func (l listed) condition() string {
	if l.Interrupted {
		return "interrupted"
	}
	return l.Condition()
}

func (o *listOptions) run(ctx context.Context) error {
	a := o.app
	containers, services, err := o.recorded(ctx)
	if err != nil {
		return err
	}
	list := make([]listed, len(containers))
	for i, c := range containers {
		list[i].Container, list[i].Status = c, c.Status()
		list[i].Services = append([]lxc.Service{}, services[c.RecordID]...)
		list[i].URL = lxc.MainURL(list[i].Services)
		if list[i].Interrupted, err = a.interrupted(ctx, c); err != nil {
			return err
		}
	}
	var unasked error
	if o.check {
		done := a.waiting("Proxmox to report the state of the containers", 0)
		unasked = orFirst(a.checkSites(ctx, list), a.checkBare(ctx, list))
		done()
	}
	if !o.all { // what was destroyed and is there all the same is nothing to leave out
		list = slices.DeleteFunc(list, func(l listed) bool { return l.Lifecycle == lxc.Destroyed && !l.onProxmox() })
	}
	if a.global.json {
		if unasked != nil {
			unasked = documented{unasked}
		}
		return orFirst(ui.WriteJSON(a.streams, list), unasked)
	}
	return orFirst(ui.WriteTable(a.streams, o.table(list)), unasked)
}

// recorded returns the containers on record and their services. With --check it may have
// to ask the host first, to find out which host on record it is.
func (o *listOptions) recorded(ctx context.Context) ([]lxc.Container, map[string][]lxc.Service, error) {
	a := o.app
	there, err := a.lookInto(ctx)
	if err != nil || !there {
		return nil, nil, err
	}
	if name := a.cfg.HostName(); o.check && a.cfg.Calls(name) {
		m, err := a.recognise(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		if !m.Proven {
			_ = a.acquaint(ctx) // an error is reported when its containers are asked for
		}
	}
	containers, hostID, err := a.recorded(ctx, o.all || o.check)
	if err != nil || len(containers) == 0 {
		return nil, nil, err
	}
	services, err := a.store.ServicesOf(ctx, hostID)
	return containers, services, err
}

// recorded lists the records of the selected host, with the host's id. If none is
// selected, it lists those of every host.
func (a *app) recorded(ctx context.Context, destroyed bool) (list []lxc.Container, hostID string, err error) {
	there, err := a.lookInto(ctx)
	if err != nil || !there {
		return nil, "", err
	}
	if name := a.cfg.HostName(); name != "" {
		m, err := a.recognise(ctx, name)
		if err != nil {
			return nil, "", err
		}
		if err := a.doubts(ctx, name, m); err != nil || m.ID == "" {
			return nil, "", err
		}
		hostID = m.ID
	}
	list, err = a.store.Containers(ctx, store.Filter{HostID: hostID, IncludeDestroyed: destroyed})
	if err != nil {
		return nil, "", err
	}
	return list, hostID, a.named(ctx, list)
}

// orFirst is the first error there is.
func orFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// interrupted reports whether the last run that worked on a container was killed:
// it has no end, and its process is gone.
func (a *app) interrupted(ctx context.Context, c lxc.Container) (bool, error) {
	killed, err := a.killedRun(ctx, c)
	return killed != nil, err
}

// killedRun is the last run that worked on a container, if it was killed; one
// without a kind where that happened before it was on record. Else it is nil.
func (a *app) killedRun(ctx context.Context, c lxc.Container) (*store.Run, error) {
	if c.Lifecycle == lxc.Destroyed {
		return nil, nil
	}
	runs, err := a.store.Runs(ctx, c.RecordID)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(runs) {
		looked := r.Kind == store.Discover
		if looked && c.Lifecycle == lxc.Creating && a.store.RunAlive(ctx, r) { // a discovery that still runs is adopting it
			return nil, nil
		}
		if !r.Phases() && !(looked && c.Adopted && endedWell(r)) { // for an adopted one, a discovery is all that can be done
			continue
		}
		if looked || r.EndedAt != nil || a.store.RunAlive(ctx, r) {
			return nil, nil
		}
		return &r, nil
	}
	if c.Lifecycle != lxc.Creating {
		return nil, nil
	}
	return &store.Run{}, nil
}

func endedWell(r store.Run) bool {
	return r.EndedAt != nil && r.ExitStatus != nil && (*r.ExitStatus == 0 || *r.ExitStatus == provision.ExitUnready)
}

func (o *listOptions) table(list []listed) ui.Table {
	t := ui.Table{
		Columns: []ui.Column{
			{Title: "CTID", Right: true, Keep: true}, {Title: "NAME"}, {Title: "STATUS", Keep: true, Paint: lifecycleShade},
			{Title: "ADDRESS", Keep: true, Drop: 1}, {Title: "TEMPLATE", Drop: 3}, {Title: "NODE", Drop: 4},
			{Title: "HOST", Drop: 5}, {Title: "CREATED", Keep: true, Drop: 6},
			{Title: "URL", Keep: true, Drop: 2}, // half a URL is useless
		},
		Empty: "no containers yet: infrahaus create web --template hello --sandbox",
	}
	if o.check {
		t.Columns = append(t.Columns, ui.Column{Title: "PROXMOX", Keep: true}, ui.Column{Title: "DIFFERS", Keep: true})
	}
	for _, c := range list {
		template := c.Template
		if c.Adopted {
			template = "(adopted)"
		}
		row := []string{
			ctidText(c.CTID), c.Hostname, c.condition(), c.Address, template, c.Node, c.Host, c.CreatedAt.Format(time.RFC3339), c.URL,
		}
		if o.check {
			row = append(row, c.Proxmox.State, orElse(joinWords(c.Differs), c.Proxmox.Why))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func ctidText(ctid int) string {
	if ctid == 0 {
		return ""
	}
	return strconv.Itoa(ctid)
}

func lifecycleShade(cell string) ui.Shade {
	switch cell {
	case string(lxc.Ready):
		return ui.Good
	case string(lxc.Failed), "interrupted":
		return ui.Bad
	case string(lxc.Creating), "not answering":
		return ui.Caution
	}
	return ui.Dim
}
