package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type showOptions struct {
	app   *app
	check bool
}

func newShowCmd(a *app) *cobra.Command {
	o := &showOptions{app: a}
	cmd := &cobra.Command{
		Use:   "show <container>...",
		Short: "Show containers: where they are, what they serve",
		Long: `Show what is recorded of one container or several. Only --check asks Proxmox: for the
state there, its differences from the record, and the CPU, memory, disk and network that
the container uses. With --json, one container is an object and several are an array.` + exitStatuses(0, 1, 2, 4),
		Example: "  infrahaus show web\n  infrahaus show web --check\n  infrahaus show web db --json",
		Args:    rangeArgs(1, 1<<20, "containers"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "ask Proxmox whether the record is right, and for the usage")
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *showOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	containers, err := a.chosen(ctx, refs, nil, o.check)
	if err != nil {
		return err
	}
	list := recordsOnly(containers)
	var unasked error
	if o.check {
		unasked = a.measure(ctx, list)
	}
	if !a.global.json {
		for i := range list {
			if err := a.showCard(ctx, list[i]); err != nil {
				return err
			}
		}
		return unasked
	}
	docs := make([]document, len(list))
	for i := range list {
		if docs[i], err = a.documentOf(ctx, list[i]); err != nil {
			return err
		}
	}
	if unasked != nil {
		unasked = documented{unasked}
	}
	if len(docs) == 1 {
		return orFirst(ui.WriteJSON(a.streams, docs[0]), unasked)
	}
	return orFirst(ui.WriteJSON(a.streams, docs), unasked)
}

// elsewhere is the error for a container that is not on record for the selected host. It
// names the other hosts that have one of that name, because users often forget --sandbox.
func (a *app) elsewhere(ctx context.Context, ref, host string, none error) error {
	f := failf(exit.Other, "cannot find container %s in the catalogue of host %s", ref, host)
	if host == "" {
		f = failf(exit.Other, "cannot find container %s: no host is selected", ref)
	}
	f.Err = none
	if a.store == nil {
		return f.hint("%s", a.command("list"))
	}
	names, err := a.hostNames(ctx)
	if err != nil {
		return err
	}
	all, err := a.store.Hosts(ctx)
	if err != nil {
		return err
	}
	for _, h := range all {
		name := orElse(names[h.ID], h.Name)
		var some *store.Ambiguous
		if _, err := a.store.Find(ctx, h.ID, ref); name != host && (err == nil || errors.As(err, &some)) {
			f = f.hint("host %s has it: %s", name, a.commandOn(name, "show", ref))
		}
	}
	return f.hint("%s", a.command("list"))
}

// document is what `show --json` prints.
type document struct {
	lxc.Container
	Status      string        `json:"status"` // replaces the lifecycle
	Interrupted bool          `json:"interrupted,omitempty"`
	Services    []lxc.Service `json:"services"`
	// TemplateAddress is that of a remote template, pinned to the content that was used last.
	TemplateAddress string     `json:"templateAddress,omitempty"`
	Resources       *resources `json:"resources,omitempty"` // that the container was asked to have; not of an adopted one
	DiscoveredAt    *lxc.Time  `json:"discoveredAt,omitempty"`
	// Variables is null if the key that they are sealed with is not there.
	Variables []catalogue.Variable `json:"variables"`
	Runs      []store.Run          `json:"runs"`
	Timeline  ui.Timeline          `json:"timeline"`          // of the last run with phases
	Proxmox   *onSite              `json:"proxmox,omitempty"` // with --check
	Differs   []string             `json:"differs,omitempty"`
}

// showContainer shows a record: a card, rows or a document.
func (a *app) showContainer(ctx context.Context, c lxc.Container) error {
	if a.global.json {
		return a.showJSON(ctx, c)
	}
	return a.showCard(ctx, recordsOnly([]lxc.Container{c})[0])
}

func (a *app) showJSON(ctx context.Context, c lxc.Container) error {
	d, err := a.documentOf(ctx, recordsOnly([]lxc.Container{c})[0])
	if err != nil {
		return err
	}
	return ui.WriteJSON(a.streams, d)
}

func (a *app) documentOf(ctx context.Context, l listed) (document, error) {
	c := l.Container
	d := document{Container: c, Status: c.Status(), Proxmox: l.Proxmox, Differs: l.Differs, TemplateAddress: a.addressOf(ctx, c)}
	services, at, err := a.store.Services(ctx, c.RecordID)
	if err != nil {
		return d, err
	}
	if d.Runs, err = a.store.Runs(ctx, c.RecordID); err != nil {
		return d, err
	}
	if _, d.Timeline, err = a.timeline(ctx, d.Runs); err != nil {
		return d, err
	}
	if d.Runs == nil {
		d.Runs = []store.Run{}
	}
	if d.Interrupted, err = a.interrupted(ctx, c); err != nil {
		return d, err
	}
	if d.Resources, d.Variables, err = a.asked(ctx, c); err != nil {
		return d, err
	}
	d.Services = append([]lxc.Service{}, services...)
	if !at.IsZero() {
		found := lxc.At(at)
		d.DiscoveredAt = &found
	}
	return d, nil
}

func (a *app) showCard(ctx context.Context, l listed) error {
	c := l.Container
	services, at, err := a.store.Services(ctx, c.RecordID)
	if err != nil {
		return err
	}
	runs, err := a.store.Runs(ctx, c.RecordID)
	if err != nil {
		return err
	}
	r := ui.Result{Container: c, Services: services, Story: true, AsOf: at}
	if r.Now, err = a.askedLines(ctx, c); err != nil {
		return err
	}
	if from := a.addressOf(ctx, c); from != "" {
		r.Now = append([][2]string{{"from", from}}, r.Now...)
	}
	r.Now = append(r.Now, l.now()...)
	if r.Interrupted, err = a.interrupted(ctx, c); err != nil {
		return err
	}
	if len(runs) > 0 {
		last := runs[len(runs)-1]
		r.LastRun = runText(last)
		if a.store.IsShared() && last.User != "" { // of one person's own there is nothing to say
			r.LastRun += ", by " + last.User + " on " + last.Machine
		}
	}
	for _, s := range services {
		if len(s.CredentialKeys) > 0 {
			r.Reveal = a.command("credentials", c.Hostname, "--reveal")
		}
	}
	run, line, err := a.timeline(ctx, runs)
	if err != nil {
		return err
	}
	return orFirst(ui.WriteResult(a.streams, r), ui.WriteTimeline(a.streams, runText(run), line))
}

// now is what Proxmox says of a container, nil if it was not asked.
func (l listed) now() [][2]string {
	if l.Proxmox == nil {
		return nil
	}
	kv := [][2]string{{"proxmox", l.Proxmox.State}}
	if why := orElse(joinWords(l.Differs), l.Proxmox.Why); why != "" {
		kv[0][1] += ": " + why
	}
	if l.Proxmox.Usage != nil {
		kv = append(kv, l.Proxmox.Usage.lines()...)
	}
	return kv
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
