package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type statsOptions struct {
	app    *app
	filter []string
}

func newStatsCmd(a *app) *cobra.Command {
	o := &statsOptions{app: a}
	cmd := &cobra.Command{
		Use:   "stats [<container>...]",
		Short: "Show the CPU, memory, disk and network that containers use",
		Long: `Show what containers use, as Proxmox measures it: those that are named, or all on record
of the selected host.

CPU is the part of the container's own cores that was in use in the last ten seconds or
so: 100 % is all of them. Network is counted since the container's start. A container that
is stopped uses nothing. What Proxmox does not report is left blank.

Rows in a pipe have no header; sizes in them are bytes: ctid, name, state, CPU percent,
cores, memory, its limit, disk, its size, uptime in seconds, bytes received, bytes sent.` + exitStatuses(0, 1, 2, 3, 4),
		Example: "  infrahaus stats\n  infrahaus stats web db\n  infrahaus stats --filter template=nginx --json",
		Args:    anyArgs("containers"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	filterFlag(cmd, &o.filter)
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// statsRow is what `stats --json` prints of a container.
type statsRow struct {
	RecordID string `json:"id"`
	CTID     int    `json:"ctid"`
	Hostname string `json:"hostname"`
	Host     string `json:"host"`
	Node     string `json:"node"`
	State    string `json:"state"`
	usage
}

func (o *statsOptions) run(ctx context.Context, refs []string) error {
	a := o.app
	containers, err := a.chosen(ctx, refs, o.filter, true)
	if err != nil {
		return err
	}
	list := recordsOnly(containers)
	failed := a.measure(ctx, list)
	for _, l := range list {
		if failed == nil {
			failed = a.absent(l)
		}
	}
	if failed != nil && (len(list) == 1 || ctx.Err() != nil) {
		return failed
	}
	if a.global.json {
		rows := []statsRow{}
		for _, l := range list {
			rows = append(rows, rowOf(l))
		}
		if failed != nil {
			failed = documented{failed}
		}
		return orFirst(ui.WriteJSON(a.streams, rows), failed)
	}
	if a.streams.OutTTY {
		return orFirst(ui.WriteTable(a.streams, statsTable(list)), failed)
	}
	return orFirst(ui.WriteRows(a.streams, statsRows(list)), failed)
}

// recordsOnly lists records without what only list shows of them.
func recordsOnly(containers []lxc.Container) []listed {
	list := make([]listed, len(containers))
	for i, c := range containers {
		list[i] = listed{Container: c, RecordID: c.RecordID, Status: c.Status()}
	}
	return list
}

func rowOf(l listed) statsRow {
	r := statsRow{RecordID: l.RecordID, CTID: l.CTID, Hostname: l.Hostname, Host: l.Host, Node: orElse(l.Proxmox.Node, l.Node), State: l.Proxmox.State}
	if u := l.Proxmox.Usage; u != nil {
		r.usage = *u
	}
	return r
}

// statsTable is for people.
func statsTable(list []listed) ui.Table {
	t := ui.Table{
		Columns: []ui.Column{
			{Title: "CTID", Right: true, Keep: true}, {Title: "NAME"}, {Title: "STATE", Keep: true, Paint: siteShade},
			{Title: "CPU", Right: true, Keep: true}, {Title: "CORES", Right: true, Keep: true, Drop: 3}, {Title: "MEMORY", Keep: true},
			{Title: "DISK", Keep: true, Drop: 1}, {Title: "UPTIME", Keep: true, Drop: 2}, {Title: "NETWORK", Keep: true, Drop: 4},
		},
		Empty: "no containers",
	}
	for _, l := range list {
		r := rowOf(l)
		cpu := number(r.CPUPercent)
		if cpu != "" {
			cpu += " %"
		}
		t.Rows = append(t.Rows, []string{ctidText(r.CTID), r.Hostname, r.State, cpu, number(r.Cores), share(r.Memory, r.MemoryMax),
			share(r.Disk, r.DiskMax), r.uptimeText(), r.networkText()})
	}
	return t
}

// statsRows is for programs.
func statsRows(list []listed) ui.Table {
	var t ui.Table
	for _, l := range list {
		r := rowOf(l)
		t.Rows = append(t.Rows, []string{ctidText(r.CTID), r.Hostname, r.State, number(r.CPUPercent), number(r.Cores), count(r.Memory), count(r.MemoryMax),
			count(r.Disk), count(r.DiskMax), count(r.UptimeSeconds), count(r.NetIn), count(r.NetOut)})
	}
	return t
}

func siteShade(cell string) ui.Shade {
	switch cell {
	case siteRunning:
		return ui.Good
	case siteMissing, siteOther, siteUnknown:
		return ui.Bad
	}
	return ui.Dim
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
