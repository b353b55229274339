package virtual

import (
	"context"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
)

// sshDelay is how long sshd takes to come up after boot; negative: never.
func (d *Driver) sshDelay() time.Duration {
	if _, ok := d.o.Faults.Take(driver.FaultNoSSHD); ok {
		return -1
	}
	if v, ok := d.o.Faults.Take(driver.FaultSSHDLate); ok {
		if dur, err := time.ParseDuration(v); err == nil {
			return dur
		}
		return 5 * time.Second
	}
	return 0
}

// sshBusy returns, for a booting guest, the function that tells whether its sshd refuses
// the next connection.
func (d *Driver) sshBusy() func() bool {
	v, ok := d.o.Faults.Take(driver.FaultSSHDBusy)
	if !ok {
		return nil
	}
	var left atomic.Int64
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		n = 1
	}
	left.Store(n)
	return func() bool { return left.Add(-1) >= 0 }
}

func networkOf(c driver.Config) image.Network {
	var n image.Network
	for _, i := range c.Interfaces {
		n.Name, n.DHCP, n.Addr, n.Gateway = i.Name, i.DHCP, i.Addr, i.Gateway
		break
	}
	return n
}

func address(c driver.Config) netip.Prefix {
	for _, i := range c.Interfaces {
		if i.Addr.IsValid() {
			return i.Addr
		}
	}
	return netip.Prefix{}
}

// watch applies faults of the disk to a guest, and notices when the guest powers itself off.
func (d *Driver) watch(ctx context.Context, g *guest) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	v := &fsys.View{FS: g.fs, Cwd: "/"}
	full := false // until the fault is taken back
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.sys.Ended():
			mine, err := d.halt(g)
			if err != nil {
				d.o.Logf("guest %d: %v", g.cfg.VMID, err)
			}
			if mine && g.sys.Rebooting() {
				d.again(g)
			}
			return
		case <-t.C:
		}
		_, asked := d.o.Faults.Has(driver.FaultDiskFull)
		if d.fileFault(v, driver.FaultDiskFull, "/tmp/full") {
			g.fs.SetFull(true)
			_, full = d.o.Faults.Has(driver.FaultDiskFull) // one with a count is used up, and stays
		} else if full && !asked {
			g.fs.SetFull(false)
			full = false
		}
	}
}

// again starts a guest that rebooted itself.
func (d *Driver) again(g *guest) {
	if err := d.Start(context.Background(), g.cfg, func(string) {}); err != nil {
		d.o.Logf("guest %d: cannot start again: %v", g.cfg.VMID, err)
	}
}

// fileFault takes a fault that waits for a file of the guest: its value, or def.
func (d *Driver) fileFault(v *fsys.View, name, def string) bool {
	_, ok := d.o.Faults.TakeIf(name, func(file string) bool {
		if file == "" {
			file = def
		}
		_, err := v.Stat(file)
		return err == nil
	})
	return ok
}
