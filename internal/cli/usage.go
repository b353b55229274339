package cli

import (
	"context"
	"math"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// usage is what a container uses, as JSON has it. Sizes are bytes. What Proxmox did not
// report is left out, and is not 0.
type usage struct {
	CPUPercent    *float64 `json:"cpuPercent,omitempty"` // of its cores: 100 is all of them
	Cores         *float64 `json:"cores,omitempty"`
	Memory        *int64   `json:"memory,omitempty"`
	MemoryMax     *int64   `json:"memoryMax,omitempty"`
	Swap          *int64   `json:"swap,omitempty"`
	SwapMax       *int64   `json:"swapMax,omitempty"`
	Disk          *int64   `json:"disk,omitempty"`
	DiskMax       *int64   `json:"diskMax,omitempty"`
	UptimeSeconds *int64   `json:"uptimeSeconds,omitempty"`
	NetIn         *int64   `json:"netIn,omitempty"` // since the start
	NetOut        *int64   `json:"netOut,omitempty"`
	DiskRead      *int64   `json:"diskRead,omitempty"`
	DiskWritten   *int64   `json:"diskWritten,omitempty"`
}

// usageOf turns Proxmox's answer around. load is the measured part of the cores in use, nil
// if there is none.
func usageOf(u pve.Usage, load *float64) *usage {
	out := &usage{
		Cores: u.Cores, Memory: u.Memory, MemoryMax: u.MemoryMax, Swap: u.Swap, SwapMax: u.SwapMax, Disk: u.Disk, DiskMax: u.DiskMax,
		NetIn: u.NetIn, NetOut: u.NetOut, DiskRead: u.DiskRead, DiskWritten: u.DiskWritten,
	}
	if load == nil {
		load = u.CPU
	}
	if load != nil && u.Running {
		percent := math.Round(*load*1000) / 10
		out.CPUPercent = &percent
	}
	if u.Uptime != nil {
		seconds := int64(u.Uptime.Seconds())
		out.UptimeSeconds = &seconds
	}
	return out
}

// measure asks the selected host how the containers stand and what those that are there
// use. The error is the first of a container or of the host; the others are filled in all
// the same.
func (a *app) measure(ctx context.Context, list []listed) error {
	defer a.waiting("Proxmox to report the state of the containers", 0)()
	hosts := map[string][]*listed{}
	for i := range list {
		hosts[list[i].Host] = append(hosts[list[i].Host], &list[i])
	}
	var first error
	for host, of := range hosts {
		p, entries, err := a.entries(ctx, host)
		if err == nil {
			err = orFirst(checkRecords(ctx, p, of, entries), measureAll(ctx, p, of))
		}
		excuse(of, err)
		first = orFirst(first, unreached(err))
	}
	return first
}

func measureAll(ctx context.Context, p *place, list []*listed) error {
	loads, err := p.pve.Loads(ctx)
	if err != nil && !pve.IsKind(err, pve.Forbidden) {
		return err
	}
	var g errgroup.Group
	g.SetLimit(8)
	for _, l := range list {
		if !l.onProxmox() {
			continue
		}
		g.Go(func() error {
			u, err := p.pve.Usage(ctx, l.Proxmox.Node, l.CTID)
			if err != nil {
				return err
			}
			l.Proxmox.State = siteStopped
			var load *float64
			if measured, ok := loads[l.CTID]; ok {
				load = &measured
			}
			if u.Running {
				l.Proxmox.State = siteRunning
			}
			l.Proxmox.Usage = usageOf(u, load)
			return nil
		})
	}
	return g.Wait()
}

// absent is the error for a container that is on record and not on Proxmox.
func (a *app) absent(l listed) error {
	switch {
	case l.Proxmox == nil || l.onProxmox():
		return nil
	case l.Proxmox.State == siteNone:
		return failf(1, "container %s was never created on Proxmox", l.Hostname)
	case l.Proxmox.State == siteOther:
		return failf(4, "cannot find %s on Proxmox: the id %d belongs to somebody else's %s", l.Hostname, l.CTID, l.Proxmox.Name).hint("%s", a.command("show", l.RecordID))
	case l.Proxmox.State == siteMissing:
		return failf(4, "cannot find %s: Proxmox has no container %d any more", l.Hostname, l.CTID).hint("to take it off the record: %s", a.command("destroy", l.Hostname))
	}
	return failf(4, "cannot tell how %s stands: %s", l.Hostname, l.Proxmox.Why)
}

// usageLines are labels and values for a card.
func (u *usage) lines() [][2]string {
	var kv [][2]string
	add := func(label, value string) {
		if value != "" {
			kv = append(kv, [2]string{label, value})
		}
	}
	add("cpu", u.cpuText())
	add("memory", share(u.Memory, u.MemoryMax))
	add("swap", share(u.Swap, u.SwapMax))
	add("disk", share(u.Disk, u.DiskMax))
	add("uptime", u.uptimeText())
	add("network", u.networkText())
	return kv
}

// cpuText is the CPU in use: "12.5 % of 2 cores".
func (u *usage) cpuText() string {
	switch {
	case u.CPUPercent == nil:
		return ""
	case u.Cores == nil:
		return number(u.CPUPercent) + " %"
	case *u.Cores == 1:
		return number(u.CPUPercent) + " % of 1 core"
	}
	return number(u.CPUPercent) + " % of " + number(u.Cores) + " cores"
}

func (u *usage) uptimeText() string {
	if u.UptimeSeconds == nil {
		return ""
	}
	return ui.Span(seconds(*u.UptimeSeconds))
}

func (u *usage) networkText() string {
	if u.NetIn == nil || u.NetOut == nil {
		return ""
	}
	return ui.Bytes(*u.NetIn) + " in, " + ui.Bytes(*u.NetOut) + " out"
}

// share is "13 MiB of 512 MiB", or what is known of it.
func share(part, whole *int64) string {
	switch {
	case part == nil && (whole == nil || *whole == 0):
		return ""
	case part == nil:
		return "of " + ui.Bytes(*whole)
	case whole == nil || *whole == 0:
		return ui.Bytes(*part)
	}
	return ui.Bytes(*part) + " of " + ui.Bytes(*whole)
}

func number(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

func count(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
