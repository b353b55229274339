package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/doctor"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newDoctorCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a create will need, and say what mends it",
		Long: `Check the host, its certificate and clock, the login and each privilege that a create
needs, the node with its storages, bridge and OS templates, the ways into containers, and
this machine's own files. Nothing is changed, here or there, and nothing is asked of a
host whose certificate is not the expected one.

Each check is ok, warn, fail or skipped; a check that needs a failed one is skipped. A
warning works, but not for ever or not for everything. Each failure names the one command
that mends it, which runs here, or as root on the Proxmox node.

In a pipe each check is a row: state, check, what was found, where the command runs (here
or node), and the command. The exit status is the worst of all checks: the first of 130,
143, 1, 4, 3, 2 and 0 that is among them.` + exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Example: "  infrahaus doctor\n  infrahaus doctor --host homelab --json\n  infrahaus doctor --sandbox",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

func (a *app) doctor(ctx context.Context) error {
	t := a.examined(ctx)
	show, finish := a.checkPrinter(t.Name)
	done := a.waiting("the checks", 0)
	checks := doctor.Run(ctx, t, show)
	done()
	if err := finish(checks); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return documented{err}
	}
	if worst := doctor.Worst(checks); worst != 0 {
		return silent{worst}
	}
	return nil
}

// examined is what doctor looks at. An error of the settings is one of the checks.
func (a *app) examined(ctx context.Context) doctor.Target {
	t := doctor.Target{UserAgent: "infrahaus/" + version}
	cfg, err := a.settled()
	if err != nil {
		t.Settings = err
		return t
	}
	t.Warnings = append(cfg.Twins(), cfg.Warnings...)
	t.Local = &doctor.Local{Paths: cfg.Paths, ConfigFile: cfg.File, RedisURL: cfg.RedisURL, Publish: cfg.Publish, Database: placeOf(cfg)}
	if t.Name, t.Settings = cfg.SelectHost(); t.Settings != nil {
		return t
	}
	host, err := a.settings(ctx, t.Name)
	if err != nil {
		t.Settings = err
		return t
	}
	p := &place{name: t.Name, host: host}
	if t.Inside, t.Settings = p.nodeWay(); t.Settings == nil {
		t.Host, t.Warnings = host, append(t.Warnings, host.Warnings...)
	}
	return t
}

// nodeWay is the part of waysIn that needs no client.
func (p *place) nodeWay() (o guest.Options, err error) {
	o.Transport = p.host.SSH.Transport
	if p.host.SSH.Node != "" {
		o.Node, err = p.nodeSSH(orElse(p.host.SSH.At(p.host.Node), p.host.SSH.At("")))
	}
	return o, err
}

// checked is the document of --json.
type checked struct {
	Host       string         `json:"host,omitempty"`
	ExitStatus int            `json:"exitStatus"`
	Checks     []doctor.Check `json:"checks"`
}

// checkPrinter returns what shows each check as it comes, and what ends the report.
func (a *app) checkPrinter(host string) (show func(doctor.Check), finish func([]doctor.Check) error) {
	var failed error
	show = func(c doctor.Check) {
		if failed == nil && !a.global.json && (!a.global.quiet || c.State == doctor.Fail) {
			failed = a.showCheck(c)
		}
	}
	finish = func(all []doctor.Check) error {
		if a.global.json {
			return ui.WriteJSON(a.streams, checked{Host: host, ExitStatus: doctor.Worst(all), Checks: all})
		}
		a.say(tally(all))
		return failed
	}
	return show, finish
}

// showCheck is a row for a program, or lines for a person.
func (a *app) showCheck(c doctor.Check) error {
	if !a.streams.OutTTY {
		return ui.WriteRow(a.streams, string(c.State), c.ID, c.Detail, c.FixOn, c.Fix)
	}
	mark := map[doctor.State]ui.Mark{doctor.OK: ui.MarkGood, doctor.Warn: ui.MarkCaution, doctor.Fail: ui.MarkBad, doctor.Skipped: ui.MarkNone}[c.State]
	where := ""
	if c.FixOn == doctor.FixNode {
		where = "on the node"
	}
	return ui.WriteCheck(a.streams, mark, c.Title, c.Detail, where, c.Fix)
}

// tally is "18 ok, 1 warning, 2 failed, 3 skipped".
func tally(all []doctor.Check) string {
	n := map[doctor.State]int{}
	for _, c := range all {
		n[c.State]++
	}
	parts := []string{fmt.Sprintf("%d ok", n[doctor.OK])}
	if n[doctor.Warn] > 0 {
		parts = append(parts, counted(n[doctor.Warn], "warning"))
	}
	for _, s := range []struct {
		state doctor.State
		word  string
	}{{doctor.Fail, "failed"}, {doctor.Skipped, "skipped"}} {
		if n[s.state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s.state], s.word))
		}
	}
	return strings.Join(parts, ", ")
}
