package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type discoverOptions struct {
	app          *app
	passwordFile string
	password     string // what is in it
	publish      bool
}

func newDiscoverCmd(a *app) *cobra.Command {
	o := &discoverOptions{app: a}
	cmd := &cobra.Command{
		Use:   "discover <container>",
		Short: "Find the services, ports and credentials of a running container",
		Long: `Find the services, ports and credentials of a running container and record them:
one that this tool made, or, by its ctid, any that the host can reach.

Discovery covers systemd units, OpenRC services, containers of docker and podman, other
listening processes, kernel servers, and /etc/infrahaus/credentials. It asks each
declared service once and does not wait. With --json it prints one document.` +
			exitStatuses(0, 1, 2, 3, 4, 5, 6, 130, 143),
		Example: "  infrahaus discover web\n  infrahaus discover 101 --json",
		Args:    exactArgs("one container"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	passwordFlag(cmd.Flags(), &o.passwordFile)
	cmd.Flags().BoolVar(&o.publish, "publish", false, "mirror the events to Redis (redis.url in the config)")
	a.junitFlag(cmd.Flags())
	cmd.ValidArgsFunction = a.completeContainers
	return a.enqueueFlags(cmd, "discover")
}

func (o *discoverOptions) run(ctx context.Context, ref string) error {
	a := o.app
	host, err := a.hostName()
	if err != nil {
		return err
	}
	if o.password, err = a.passwordOf(o.passwordFile); err != nil {
		return err
	}
	c, err := a.findThere(ctx, ref)
	ctid, _ := vacant(ref, c, err)
	switch {
	case ctid > 0:
		return o.adopt(ctx, host, ctid)
	case err != nil:
		return err
	case c.Lifecycle == lxc.Destroyed:
		return a.isGone(c)
	}
	if err := a.mayKeep(); err != nil {
		return err
	}
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	if _, err := p.waysIn(); err != nil {
		return err
	}
	return o.look(ctx, p, c)
}

// vacant tells, of what Find answered, whether ref is a ctid of which there is no
// living record: Proxmox may have given it to a container that is not known here.
// Then last is the newest of those that had it, none where its RecordID is "".
func vacant(ref string, c lxc.Container, err error) (ctid int, last lxc.Container) {
	var (
		none *store.NotFound
		many *store.Ambiguous
	)
	n, numErr := strconv.Atoi(ref)
	switch {
	case numErr != nil:
	case errors.As(err, &none):
		return n, last
	case errors.As(err, &many):
		c, err = many.Candidates[len(many.Candidates)-1], nil
	}
	if numErr != nil || err != nil || c.Lifecycle != lxc.Destroyed || c.CTID != n {
		return 0, last
	}
	return n, c
}

// adopt takes a container that the catalogue does not know into it. A catalogue and keys
// are made once Proxmox has shown the container.
func (o *discoverOptions) adopt(ctx context.Context, host string, ctid int) error {
	a := o.app
	done := a.waiting(fmt.Sprintf("Proxmox to report the state of container %d", ctid), 0)
	defer done()
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	if _, err := p.waysIn(); err != nil {
		return err
	}
	if err := a.mayKeep(); err != nil {
		return err
	}
	needs := slices.Concat([]string{"VM.Audit"}, provision.Inside(p.host.SSH.Transport))
	if err := p.pve.May(ctx, fmt.Sprintf("look inside container %d", ctid), ctid, needs, nil); err != nil {
		return err
	}
	c, _, err := a.adopted(ctx, p, host, ctid)
	if err != nil {
		return err
	}
	switch st, err := p.pve.Status(ctx, c.Node, ctid); {
	case err != nil:
		return err
	case !st.Running: // no command of this tool starts a container that is not on record
		return failf(exit.Unreachable, "cannot look inside container %d (%s): it is not running", ctid, c.Hostname).
			hint("on the node: pct start %d", ctid)
	}
	if c.HostID, err = a.enter(ctx, p); err != nil {
		return err
	}
	done()
	err = a.store.CreateContainer(ctx, c)
	var known *store.OnRecord
	if errors.As(err, &known) { // another process was faster
		c, err = known.Existing, nil
	}
	if err != nil {
		return err
	}
	return o.look(ctx, p, c)
}

// adopted makes a new record for the container that has an id now and that this catalogue
// did not make. It returns the configuration, too.
func (a *app) adopted(ctx context.Context, p *place, host string, ctid int) (lxc.Container, pve.Config, error) {
	node, _, err := p.pve.Find(ctx, ctid) // its name may be that of the container that had the id 10 s ago
	if err != nil {
		return lxc.Container{}, pve.Config{}, err
	}
	cfg, err := p.pve.Config(ctx, node, ctid)
	return lxc.Container{
		RecordID: store.NewRecordID(), CTID: ctid, Host: host, HostID: a.met[host], Node: node, MAC: cfg.MAC,
		Hostname:  ownership.Name(cfg, ctid),
		Lifecycle: lxc.Creating, Adopted: true, // becomes ready once a look inside has succeeded
	}, cfg, err
}

// look runs the discovery. With --json it prints the last event only: a complete event is
// a document with the services, and says that the run has ended.
func (o *discoverOptions) look(ctx context.Context, p *place, c lxc.Container) error {
	a := o.app
	if err := a.mayEnter(ctx, p); err != nil {
		return err
	}
	last := &lastEvent{waits: a.longWaits()}
	r := request{
		verb: "discover", publish: o.publish, seals: true, at: p,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			return s.run.Discover(ctx, provision.DiscoverRequest{Recorded: c, Job: o.job(ctx, c)})
		},
	}
	if a.global.json {
		r.display = last
	}
	err := a.perform(ctx, c, r)
	if a.global.json && last.event.Type != "" { // without an event the run has not begun
		return unshown(err, ui.NewEventWriter(a.streams, true).Event(last.event))
	}
	return err
}

// job is what the container's template declares. Without its template, a container is
// discovered without its declared services.
func (o *discoverOptions) job(ctx context.Context, c lxc.Container) plan.Job {
	job := plan.Job{Password: o.password}
	job.Spec.Hostname = c.Hostname
	if c.Template == "" {
		return job
	}
	if m, err := o.app.remember(ctx, c, nil); err == nil {
		job.Template, job.Values = m.Template, m.Values
	}
	return job
}

// lastEvent keeps a run's last event, which is the JSON output of a discovery. Lines
// about long waits still go to stderr.
type lastEvent struct {
	event    event.Event
	warnings []event.Event
	waits    event.Sink
}

// told prints err as JSON for a command whose JSON face shows no other event.
func (l *lastEvent) told(a *app, err error) error {
	var run ran
	if !errors.As(err, &run) || !a.global.json { // an error outside of a run is printed at the end
		return err
	}
	if l.event.Type == event.Error {
		return unshown(err, ui.NewEventWriter(a.streams, true).Event(l.event))
	}
	return unshown(err, a.printErrorEvent(a.explain(err)))
}

func (l *lastEvent) Event(e event.Event) error {
	if e.Waiting {
		return l.waits.Event(e)
	}
	if l.event = e; e.Type == event.Warning {
		l.warnings = append(l.warnings, e)
	}
	return nil
}

func (l *lastEvent) ShowedTail() bool { return false }
func (l *lastEvent) Close() error     { return nil }
