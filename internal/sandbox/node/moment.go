package node

import (
	"slices"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// momentPoll is how often the faults that happen at one moment are looked for.
const momentPoll = 20 * time.Millisecond

// moments carries out the faults that strike guests or the whole node at one
// moment: at once, or when a file appears in a guest.
func (n *Node) moments() {
	seen := map[string]bool{}
	tick := time.NewTicker(momentPoll)
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
		}
		n.moment(seen, driver.FaultClockJump, "", func(arg string, _ []int) {
			if d, err := time.ParseDuration(arg); err == nil {
				n.faults.Jump(d)
			}
		})
		n.watchPower()
		n.moment(seen, driver.FaultLinkCut, "", func(string, []int) {
			_ = n.drv.CutLinks(n.ctx)
			if n.opt.CutLinks != nil {
				n.opt.CutLinks()
			}
		})
		n.moment(seen, driver.FaultGuestDies, "/tmp/die", func(_ string, in []int) {
			for _, id := range in {
				_ = n.drv.Stop(n.ctx, id)
				n.stopped(id)
			}
		})
		n.moment(seen, driver.FaultGuestReboot, "", func(_ string, in []int) {
			for _, id := range in {
				n.rebootGuest(id)
			}
		})
		n.moment(seen, driver.FaultNodeReboot, "", func(arg string, _ []int) {
			if n.opt.PowerLoss != nil {
				off, _ := time.ParseDuration(arg) // "" is 0
				n.opt.PowerLoss(off)
			}
		})
	}
}

// moment takes a fault whose moment has come and does it, to the guests that
// have the file, or to all that run. A fault with a count waits for the file to
// be gone before it strikes again.
func (n *Node) moment(seen map[string]bool, name, file string, do func(arg string, guests []int)) {
	for _, v := range n.faults.Values(name) {
		arg, f := cutFile(v)
		if f == "" {
			f = file
		}
		guests := n.having(f)
		key := name + "=" + v
		due := f == "" || len(guests) > 0 && !seen[key]
		seen[key] = f != "" && len(guests) > 0
		if !due {
			continue
		}
		if _, ok := n.faults.TakeIf(name, func(have string) bool { return have == v }); ok {
			do(arg, guests)
		}
	}
}

// cutFile splits ARG, FILE or ARG@FILE.
func cutFile(v string) (arg, file string) {
	i := strings.IndexByte(v, '/')
	if i < 0 {
		return v, ""
	}
	return strings.TrimSuffix(v[:i], "@"), v[i:]
}

// having are the running guests that have a file; with "", all that run.
func (n *Node) having(file string) []int {
	return slices.DeleteFunc(n.ids(func(*container) bool { return true }), func(id int) bool {
		if n.drv.Pid(id) == 0 {
			return true
		}
		if file == "" {
			return false
		}
		f, err := n.drv.Pull(n.ctx, id, file)
		if err != nil {
			return true
		}
		return f.Close() != nil
	})
}

// rebootGuest is a guest that reboots at once, by itself: no task tells of it.
func (n *Node) rebootGuest(vmid int) {
	n.mu.Lock()
	c := n.st.Containers[vmid]
	if c == nil {
		n.mu.Unlock()
		return
	}
	n.applyPending(c)
	cfg := n.driverConfig(c)
	n.mu.Unlock()
	if n.drv.Stop(n.ctx, vmid) == nil && n.drv.Start(n.ctx, cfg, func(string) {}) == nil {
		n.started(c)
	}
}
