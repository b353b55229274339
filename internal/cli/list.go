package cli

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type listOptions struct {
	app     *app
	all     bool
	check   bool
	filter  []string
	columns []string
	sort    string
	output  string

	view view // what the flags above mean
}

func newListCmd(a *app) *cobra.Command {
	o := &listOptions{app: a}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the containers on record",
		Long: `List the containers on record of the selected host, or of every host if none is
selected. Only --check and --all ask Proxmox: then the list also has the state in Proxmox
and its differences from the record, and shows a container that was destroyed but still
exists.

STATUS is queued (a worker will make it), creating, ready, error or destroyed. It is stopped
if this tool stopped the container, and not answering if a declared service did not answer
at the last look. It is interrupted if a run was killed; resume continues that run.

--all adds the records of destroyed containers, and every container of the host that is
not on record: its STATUS is foreign, or unrecorded if it carries the mark of an infrahaus
catalogue; recover makes records of those.

--check also checks a host without containers on record: whether it can be reached, its
certificate and the login.

--filter takes KEY=VALUE, KEY!=VALUE, KEY~GLOB or KEY!~GLOB, where KEY is a column. Commas
separate alternatives, and an empty VALUE stands for none. A container must pass every
filter. Tags are those of the create or, with --check or --all, those in Proxmox.

Rows in a pipe have no header and the columns ctid, name, status, address, template, node,
host, created and url, then proxmox and differs if Proxmox was asked. --columns chooses
others: id, tag, os, mac, transport, updated, service, error. -o wide adds id, tag,
transport, updated and os, and leaves no column out in a narrow window; -o name prints
names alone.

--json writes each container as soon as it is read. After an error in the middle the array
stays open, so that a program behind a pipe, which does not see the exit status, cannot take
it for the whole list.` + exitStatuses(0, 1, 2, 4),
		Example: `  infrahaus list --filter status=ready --filter template=nginx
  infrahaus list --filter 'name~web-*' -o name
  infrahaus list --columns ctid,name,tag,created --sort -created
  infrahaus list --all --filter status=foreign,unrecorded`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.all, "all", "a", false, "also those that were destroyed, and those on Proxmox that are not on record")
	f.BoolVar(&o.check, "check", false, "ask Proxmox whether the record is right")
	filterFlag(cmd, &o.filter)
	f.StringSliceVar(&o.columns, "columns", nil, "show these `columns`, separated by commas")
	f.StringVar(&o.sort, "sort", "", "sort by this `column`, downwards with - before it (default: the oldest record first)")
	forms := []string{"name", "wide", "json", "tsv"}
	f.VarP(&choice{value: &o.output, words: forms}, "output", "o", "the `form`: "+orWords(forms))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
	completeColumns(cmd, "columns", "sort")
	return cmd
}

// listed is a container as list shows it.
type listed struct {
	lxc.Container
	RecordID    string        `json:"id,omitempty"`          // none of a container that is not on record
	Status      string        `json:"status"`                // replaces the lifecycle
	Interrupted bool          `json:"interrupted,omitempty"` // its run was killed
	URL         string        `json:"url,omitempty"`         // of the first service that has one
	Tags        []string      `json:"tags,omitempty"`
	Services    []lxc.Service `json:"services"`          // the result of the last discovery
	Proxmox     *onSite       `json:"proxmox,omitempty"` // with --check or --all
	Differs     []string      `json:"differs,omitempty"`
	CreatedAt   *lxc.Time     `json:"createdAt,omitempty"`
	UpdatedAt   *lxc.Time     `json:"updatedAt,omitempty"`
}

// condition is the condition of the record, or interrupted; foreign or unrecorded if there
// is no record.
func (l listed) condition() string {
	switch {
	case l.Interrupted:
		return "interrupted"
	case l.RecordID == "" && l.Status != "":
		return l.Status
	}
	return l.Condition()
}

// site is what Proxmox says, empty if it was not asked.
func (l listed) site() onSite {
	if l.Proxmox == nil {
		return onSite{}
	}
	return *l.Proxmox
}

func (o *listOptions) run(ctx context.Context) error {
	a := o.app
	var err error
	if o.view, err = o.parse(); err != nil {
		return err
	}
	rows, err := o.recorded(ctx)
	if err != nil {
		return err
	}
	var unasked error
	if o.asks() {
		list, err := collect(rows)
		if err != nil {
			return err
		}
		list, unasked = o.ask(ctx, list)
		rows = all(list)
	}
	if o.view.json && unasked != nil {
		unasked = documented{unasked}
	}
	rows = o.choose(rows)
	if o.view.sort != nil {
		list, err := collect(rows)
		if err != nil {
			return err
		}
		order(list, *o.view.sort, o.view.down)
		rows = all(list)
	}
	return orFirst(o.view.write(a.streams, rows), unasked)
}

// rows are containers one after the other; an error is the last.
type rows = iter.Seq2[listed, error]

func all(list []listed) rows {
	return func(yield func(listed, error) bool) {
		for _, l := range list {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func collect(from rows) (list []listed, err error) {
	for l, err := range from {
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// asks reports whether Proxmox is asked.
func (o *listOptions) asks() bool { return o.check || o.all || o.view.needs&needProxmox != 0 }

// ask completes the list with what Proxmox says.
func (o *listOptions) ask(ctx context.Context, list []listed) ([]listed, error) {
	a := o.app
	defer a.waiting("Proxmox to report the state of the containers", 0)()
	if !o.all {
		return list, orFirst(a.checkSites(ctx, list), a.checkBare(ctx, list))
	}
	return a.checkAll(ctx, list, o.check)
}

// choose leaves out what the flags leave out. What was destroyed and is there all the same is
// nothing to leave out.
func (o *listOptions) choose(from rows) rows {
	destroyed := o.all || asksFor(o.view.filters, "status", string(lxc.Destroyed))
	return func(yield func(listed, error) bool) {
		for l, err := range from {
			if err == nil && (!destroyed && l.Lifecycle == lxc.Destroyed && !l.onProxmox() || !allHold(o.view.filters, l)) {
				continue
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// recorded returns the containers on record with what the view needs of them. If Proxmox
// is asked, the host may have to be asked first, to find out which host on record it is.
func (o *listOptions) recorded(ctx context.Context) (rows, error) {
	a := o.app
	there, err := a.lookInto(ctx)
	if err != nil || !there {
		return all(nil), err
	}
	if name := a.cfg.HostName(); o.asks() && a.cfg.Calls(name) && a.answers(name) {
		m, err := a.recognise(ctx, name)
		if err != nil {
			return nil, err
		}
		if !m.Proven {
			_ = a.acquaint(ctx) // an error is reported when its containers are asked for
		}
	}
	destroyed := o.asks() || asksFor(o.view.filters, "status", string(lxc.Destroyed))
	return a.listing(ctx, destroyed, o.view.needs)
}

// listing are the records of the selected host, or of every host if none is selected, with
// what a list needs of them.
func (a *app) listing(ctx context.Context, destroyed bool, needs need) (rows, error) {
	hostID, there, err := a.selectedHost(ctx)
	if err != nil || !there {
		return all(nil), err
	}
	return a.listed(ctx, store.Filter{HostID: hostID, IncludeDestroyed: destroyed}, needs)
}

// listed are records with what a list needs of them.
func (a *app) listed(ctx context.Context, f store.Filter, needs need) (rows, error) {
	names, err := a.hostNames(ctx)
	if err != nil {
		return nil, err
	}
	unended, err := a.store.Unended(ctx, f.HostID)
	if err != nil {
		return nil, err
	}
	var parts store.Parts
	if needs&(needServices|needURL) != 0 {
		parts |= store.WithServices
	}
	if needs&needTags != 0 {
		parts |= store.WithJobs
	}
	return func(yield func(listed, error) bool) {
		for e, err := range a.store.List(ctx, f, parts) {
			var l listed
			if err == nil {
				e.Host = orElse(names[e.HostID], e.Host)
				l, err = a.entry(ctx, e, unended, needs)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}, nil
}

// entry completes a record.
func (a *app) entry(ctx context.Context, e store.Entry, unended map[string]bool, needs need) (l listed, err error) {
	c, at := &e.Container, [2]lxc.Time{e.CreatedAt, e.UpdatedAt}
	l = listed{Container: *c, RecordID: c.RecordID, Status: c.Status(), CreatedAt: &at[0], UpdatedAt: &at[1], Services: []lxc.Service{}}
	switch {
	case needs&needServices != 0:
		services, err := e.Services()
		if err != nil {
			return l, err
		}
		l.Services, l.URL = append(l.Services, services...), lxc.MainURL(services)
	case needs&needURL != 0:
		if l.URL, err = e.MainURL(); err != nil {
			return l, err
		}
	}
	if e.Job != nil {
		if l.Tags, err = catalogue.Tags(c.RecordID, e.Job); err != nil {
			return l, err
		}
	}
	if unended[c.RecordID] || c.Lifecycle == lxc.Creating { // no other run can have been killed
		l.Interrupted, err = a.interrupted(ctx, *c)
	}
	return l, err
}

// recorded lists the records of the selected host. If none is selected, it lists those of
// every host.
func (a *app) recorded(ctx context.Context, destroyed bool) (list []lxc.Container, err error) {
	rows, err := a.listing(ctx, destroyed, 0)
	if err != nil {
		return nil, err
	}
	for l, err := range rows {
		if err != nil {
			return nil, err
		}
		list = append(list, l.Container)
	}
	return list, nil
}

// selectedHost returns the id of the selected host, "" if none is selected. there is false if
// there is no catalogue, or none of that host in it.
func (a *app) selectedHost(ctx context.Context) (hostID string, there bool, err error) {
	there, err = a.lookInto(ctx)
	if err != nil || !there {
		return "", false, err
	}
	name := a.cfg.HostName()
	if name == "" {
		return "", true, nil
	}
	m, err := a.recognise(ctx, name)
	if err == nil {
		err = a.doubts(ctx, name, m)
	}
	return m.ID, m.ID != "", err
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
	return r.EndedAt != nil && r.ExitStatus != nil && (*r.ExitStatus == 0 || *r.ExitStatus == exit.Unready)
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
	case string(lxc.Creating), "not answering", "unrecorded":
		return ui.Caution
	}
	return ui.Dim
}
