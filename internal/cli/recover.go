package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/ownership"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
)

type recoverOptions struct {
	app          *app
	plan         bool
	noLook       bool
	passwordFile string
	password     string
}

func newRecoverCmd(a *app) *cobra.Command {
	o := &recoverOptions{app: a}
	cmd := &cobra.Command{
		Use:   "recover [<ctid>...]",
		Short: "Rebuild a lost catalogue from the marks on the host's containers",
		Long: `Rebuild a lost catalogue. Every container that this tool made carries a mark in its
description, a line infrahaus:ID. recover makes a record with that ID for each of them, or
for those with the given ctids, and never changes a record that is there. It looks inside
the running ones: for the template's name, services, ports and credentials files.

What Proxmox and the guests do not tell is gone: root's password, the template's variables,
packages and scripts that create was told to leave out, earlier runs and their logs.
Without these, sync and resume refuse to work on a recovered container; show, discover,
start, stop, exec and destroy do. A host key is trusted anew at the first look.

A mark that two containers carry, as a clone does, is left alone unless one of them is
named. The key of sealed values and the SSH key are files of their own beside the config.` + exitStatuses(0, 1, 2, 3, 4, 5, 130, 143),
		Example: "  infrahaus recover --plan\n  infrahaus recover\n  infrahaus recover 101 102",
		Args:    anyArgs("ctids"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.plan, "plan", false, "show what would be recovered and touch nothing")
	f.BoolVar(&o.noLook, "no-look", false, "do not look inside the containers")
	passwordFlag(f, &o.passwordFile)
	return cmd
}

// recovered is what became of one container with a mark.
type recovered struct {
	RecordID    string `json:"id"`
	CTID        int    `json:"ctid"`
	Hostname    string `json:"hostname"`
	Node        string `json:"node"`
	Host        string `json:"host"`
	Result      string `json:"result"` // one of the results below
	Template    string `json:"template,omitempty"`
	Services    int    `json:"services"`
	Credentials int    `json:"credentials"` // files whose values were found again
	Why         string `json:"why,omitempty"`

	found  pve.Entry
	cfg    pve.Config
	status int
}

// The results.
const (
	recoverable = "recoverable" // with --plan
	wasKnown    = "on record"
	isRecovered = "recovered"
	leftAlone   = "left alone"
)

// recordForm is the form of a record's id.
var recordForm = lazy.Regexp(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

func (o *recoverOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	ctids, err := ctidsIn(refs)
	if err != nil {
		return err
	}
	if _, err = a.hostName(); err != nil {
		return err
	}
	if o.password, err = a.passwordOf(o.passwordFile); err != nil {
		return err
	}
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	list, err := o.marked(ctx, p, ctids)
	if err != nil {
		return err
	}
	if err := a.compareWithCatalogue(ctx, list); err != nil {
		return err
	}
	wanted := slices.ContainsFunc(list, func(r recovered) bool { return r.Result == recoverable })
	if o.plan || !wanted {
		return o.show(list)
	}
	if err := o.record(ctx, p, list); err != nil {
		return err
	}
	if !o.noLook {
		o.lookInside(ctx, list)
	}
	return o.show(list)
}

func ctidsIn(refs []string) ([]int, error) {
	var out []int
	for _, ref := range refs {
		n, err := strconv.Atoi(ref)
		if err != nil || n <= 0 {
			return nil, usagef("recover takes ctids, not %q: names are in the lost catalogue", ref)
		}
		out = append(out, n)
	}
	return out, nil
}

// marked asks Proxmox for the containers with a mark: all, or those with the ids.
func (o *recoverOptions) marked(ctx context.Context, p *place, ctids []int) ([]recovered, error) {
	defer o.app.waiting("Proxmox to report the marks of the containers", 0)()
	entries, err := p.pve.List(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]recovered, len(entries))
	var g errgroup.Group
	g.SetLimit(8)
	for i, e := range entries {
		g.Go(func() error {
			cfg, err := p.pve.Config(ctx, e.Node, e.CTID)
			if pve.IsKind(err, pve.NotFound) {
				return nil
			}
			all[i] = recovered{RecordID: cfg.Marker(), CTID: e.CTID, Hostname: ownership.Name(cfg, e.CTID), Node: e.Node, Host: p.name, Result: recoverable, found: e, cfg: cfg}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return judgeMarks(all, ctids)
}

// judgeMarks leaves out what has no mark or is not asked for, and says which marks prove
// nothing.
func judgeMarks(all []recovered, ctids []int) ([]recovered, error) {
	carriers := map[string]int{}
	for _, r := range all {
		carriers[r.RecordID]++
	}
	var out []recovered
	for _, r := range all {
		named := slices.Contains(ctids, r.CTID)
		switch {
		case r.RecordID == "" || len(ctids) > 0 && !named:
			continue
		case !recordForm().MatchString(r.RecordID):
			r.Result, r.Why = leftAlone, "its mark is not the id of a record"
		case r.cfg.Lock == "create":
			r.Result, r.Why = leftAlone, "it is still being created, or its creation was cut off"
		case carriers[r.RecordID] > 1 && !named:
			r.Result, r.Why = leftAlone, "another container carries the same mark; name the original's ctid"
		}
		out = append(out, r)
	}
	for _, ctid := range ctids {
		if !slices.ContainsFunc(out, func(r recovered) bool { return r.CTID == ctid }) {
			return nil, failf(exit.Other, "cannot recover container %d: the host has none of that id with a mark that this login may see", ctid)
		}
	}
	return out, nil
}

// compareWithCatalogue finds out which records are there.
func (a *app) compareWithCatalogue(ctx context.Context, list []recovered) error {
	there, err := a.lookInto(ctx)
	if err != nil || !there {
		return err
	}
	for i := range list {
		r := &list[i]
		if r.Result != recoverable {
			continue
		}
		c, err := a.store.Record(ctx, r.RecordID)
		var none *store.NotFound
		switch {
		case errors.As(err, &none):
		case err != nil:
			return err
		default:
			r.Result, r.Template = wasKnown, c.Template
		}
	}
	return nil
}

// record makes the records. One that another process has made meanwhile stays as it is.
func (o *recoverOptions) record(ctx context.Context, p *place, list []recovered) error {
	a := o.app
	hostID, err := a.enter(ctx, p)
	if err != nil {
		return err
	}
	for i := range list {
		r := &list[i]
		if r.Result != recoverable {
			continue
		}
		err := a.store.CreateContainer(ctx, r.container(hostID))
		var taken *store.NameTaken
		switch {
		case errors.As(err, &taken):
			r.Result, r.status = leftAlone, exit.Usage
			r.Why = fmt.Sprintf("container %d on record has the name, too", taken.Existing.CTID)
		case err != nil:
			return err
		default:
			r.Result = isRecovered
		}
	}
	return nil
}

// container is the record as far as Proxmox tells. The record's id has the time of the
// create.
func (r recovered) container(hostID string) lxc.Container {
	c := lxc.Container{
		RecordID: r.RecordID, CTID: r.CTID, Host: r.Host, HostID: hostID, Node: r.Node, Hostname: r.Hostname, MAC: r.cfg.MAC,
		Marked: true, Lifecycle: lxc.Ready,
	}
	if id, err := ulid.ParseStrict(r.RecordID); err == nil {
		c.CreatedAt = lxc.At(ulid.Time(id.Time()))
	}
	if address := pve.StaticAddress(r.cfg.Net0); address.IsValid() {
		c.Address = address.String()
	}
	if !r.found.Running {
		now := lxc.At(time.Now())
		c.StoppedAt = &now
	}
	return c
}

// lookInside completes the new records with what their guests tell.
func (o *recoverOptions) lookInside(ctx context.Context, list []recovered) {
	lock := &sync.Mutex{}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range list {
		r := &list[i]
		if r.Result != isRecovered {
			continue
		}
		if !r.found.Running {
			r.Why = "it is stopped: nothing was looked for inside"
			continue
		}
		g.Go(func() error {
			b := o.app.beside(r.Hostname, lock)
			b.global.json, b.global.quiet = false, true
			b.streams.Out = io.Discard
			if err := o.lookInto(ctx, b, r); err != nil {
				r.status, r.Why = b.told(ctx, "look inside", err)
			}
			return nil
		})
	}
	_ = g.Wait() // each row has its own error
}

// lookInto discovers a container's services, and reads its template's name.
func (o *recoverOptions) lookInto(ctx context.Context, b *app, r *recovered) error {
	c, err := b.store.Record(ctx, r.RecordID)
	if err != nil {
		return err
	}
	c.Host = r.Host
	p, err := b.open(ctx)
	if err != nil {
		return err
	}
	d := &discoverOptions{app: b, password: o.password}
	if err := d.look(ctx, p, c); err != nil {
		return err
	}
	services, _, err := b.store.Services(ctx, r.RecordID)
	if err != nil {
		return err
	}
	for _, s := range services {
		if !s.System && s.Type != lxc.Credential {
			r.Services++
		}
		if len(s.CredentialKeys) > 0 {
			r.Credentials++
		}
	}
	in, err := b.enterGuest(ctx, r.RecordID, o.passwordFile)
	if err != nil {
		return err
	}
	defer in.close()
	if r.Template, err = templateIn(ctx, in.guest); err != nil || r.Template == "" {
		return err
	}
	_, err = b.store.UpdateContainer(ctx, r.RecordID, func(c *lxc.Container) error {
		c.Template = r.Template
		return nil
	})
	return err
}

// templateForm is the form of a template's name. A guest may say anything.
var templateForm = lazy.Regexp(`(?m)^TEMPLATE_NAME='?([A-Za-z0-9][A-Za-z0-9._-]{0,62})'?$`)

// templateIn reads the name of the template that a guest was made from, "" if it does not
// tell.
func templateIn(ctx context.Context, g guest.Guest) (string, error) {
	var out strings.Builder
	script := "head -c 4096 " + guest.Quote(configmanager.ConfigPath) + " 2>/dev/null || :"
	if _, err := g.Run(ctx, guest.Cmd{Label: "read the template's name", Script: script, Stdout: &out}); err != nil {
		return "", err
	}
	if m := templateForm().FindStringSubmatch(out.String()); m != nil {
		return m[1], nil
	}
	return "", nil
}
