package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// inside is a running container that a command has got into, for work that is no run:
// nothing is recorded but a host key or a password that was accepted.
type inside struct {
	app   *app
	c     lxc.Container // RecordID is "" where it is not on record
	place *place
	node  string
	guest guest.Guest
}

// enterGuest gets into a running container: one on record, or by its ctid any that the
// host has. All checks come before a key or the like is made.
func (a *app) enterGuest(ctx context.Context, ref, passwordFile string) (*inside, error) {
	host, err := a.hostName()
	if err != nil {
		return nil, err
	}
	password, err := a.passwordOf(passwordFile)
	if err != nil {
		return nil, err
	}
	c, err := a.findThere(ctx, ref)
	ctid, _ := vacant(ref, c, err)
	switch {
	case ctid > 0:
		c = lxc.Container{}
	case err != nil:
		return nil, err
	case c.Lifecycle == lxc.Destroyed:
		return nil, a.isGone(c)
	case c.CTID == 0:
		return nil, failf(exit.Other, "container %s was never created on Proxmox", c.Hostname)
	default:
		ctid = c.CTID
	}
	in := &inside{app: a, c: c}
	done := a.waiting(fmt.Sprintf("Proxmox to report the state of container %d", ctid), 0)
	cfg, err := in.locate(ctx, host, ctid)
	done()
	if err != nil {
		return nil, err
	}
	if err := a.mayEnter(ctx, in.place); err != nil {
		return nil, err
	}
	return in, in.open(ctx, cfg, password)
}

// locate finds the container on its node, running, and makes sure that it is the one on
// record.
func (in *inside) locate(ctx context.Context, host string, ctid int) (pve.Config, error) {
	a := in.app
	p, err := a.open(ctx)
	if err != nil {
		return pve.Config{}, err
	}
	in.place = p
	if _, err := p.waysIn(); err != nil {
		return pve.Config{}, err
	}
	needs := slices.Concat([]string{"VM.Audit"}, provision.Inside(p.host.SSH.Transport))
	if err := p.pve.May(ctx, fmt.Sprintf("look inside container %d", ctid), ctid, needs, nil); err != nil {
		return pve.Config{}, err
	}
	if in.c.RecordID != "" {
		found, err := survey.Survey{PVE: p.pve, Record: in.c, Command: a.command}.FindRunning(ctx)
		in.node = found.Node
		return found.Config, err
	}
	c, cfg, err := a.adopted(ctx, p, host, ctid)
	if err != nil {
		return cfg, err
	}
	c.RecordID = ""
	in.c, in.node = c, c.Node
	st, err := p.pve.Status(ctx, c.Node, ctid)
	if err == nil && !st.Running { // no command of this tool starts a container that is not on record
		err = failf(exit.Unreachable, "cannot look inside container %d (%s): it is not running", ctid, c.Hostname).
			hint("on the node: pct start %d", ctid)
	}
	return cfg, err
}

// addressPatience is how long Proxmox may take to tell the address of a running container.
const addressPatience = 5 * time.Second

// open gets into the container that locate has found.
func (in *inside) open(ctx context.Context, cfg pve.Config, password string) (err error) {
	a, p := in.app, in.place
	o := p.ssh
	target := guest.Target{CTID: in.c.CTID, Node: in.node, Application: cfg.Application()}
	if o.NeedsAddress() {
		target.Address = in.address(ctx, cfg)
	}
	o.Adopted = in.c.RecordID == "" || in.c.Adopted
	o.Note = func(line string) {
		if a.global.verbose {
			a.note(line)
		}
	}
	waited := func() {}
	defer func() { waited() }()
	o.Waiting = func(line string) {
		waited()
		waited = a.waiting(withoutWait(line), 0)
	}
	o.Running = func(ctx context.Context) (bool, error) {
		st, err := p.pve.Status(ctx, in.node, in.c.CTID)
		return st.Running, err
	}
	o.PinHostKey = func(fingerprint string) error {
		a.say(fmt.Sprintf("trusting the host key %s of container %d, which is not on record, for this once", fingerprint, in.c.CTID))
		return nil
	}
	o.RootPassword = func(context.Context) (string, error) { return password, nil }
	if in.c.RecordID != "" {
		record := a.recordOf(in.c)
		if target.HostKeys, err = record.HostKeys(ctx); err != nil {
			return err
		}
		o.PinHostKey = func(fingerprint string) error { return record.PinHostKeys(ctx, []string{fingerprint}) }
		o.ShowPassword = a.command("credentials", in.c.Hostname, "root", "--reveal")
		if password == "" {
			o.RootPassword = record.RootPassword
		}
	}
	in.guest, err = guest.Open(ctx, target, o)
	if err == nil && in.c.RecordID != "" && password != "" && in.guest.Transport() == transports.API {
		return a.recordOf(in.c).SealPassword(ctx, password)
	}
	return err
}

// withoutWait is what is waited for, without the verb: the line about a long wait has its own.
func withoutWait(line string) string {
	return strings.TrimPrefix(line, "waiting for ")
}

// address is the container's, invalid where it is not known: the node and the console are
// still ways in.
func (in *inside) address(ctx context.Context, cfg pve.Config) netip.Addr {
	if addr, ok := plan.StaticAddress(cfg.Net0); ok {
		return addr
	}
	patience := addressPatience
	if !cfg.Net0.Addressed() {
		patience = time.Second
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addr, _ := in.place.pve.Address(wait, in.node, in.c.CTID, cfg.Net0, cfg.MAC, pve.Watch{})
	return addr
}

func (in *inside) close() {
	if in.guest != nil {
		_ = in.guest.Close()
	}
}

// who names the container in messages.
func (in *inside) who() string {
	if in.c.Hostname != "" {
		return in.c.Hostname
	}
	return fmt.Sprint(in.c.CTID)
}

// ownEnd is the exit status of a failure of the tool itself where every other status is
// that of the user's command.
const ownEnd = 255

// passesStatus reports whether a command ends with the status of a command in the guest.
func passesStatus(command string) bool { return command == "exec" || command == "shell" }

var errDetached = errors.New("detached")
