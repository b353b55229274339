package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// check_lock
func (c *container) checkLock() error {
	if l := c.Conf["lock"]; l != "" {
		return fail("CT is locked (%s)", l)
	}
	return nil
}

// power forks a worker under the container's flock, which the worker then holds
// for its whole run.
func (n *Node) power(ctx context.Context, a Auth, typ string, vmid int, run func(context.Context, *worker) error) (string, error) {
	unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
	if err != nil {
		return "", err
	}
	upid, err := n.fork(a, typ, strconv.Itoa(vmid), func(ctx context.Context, w *worker) error {
		defer unlock()
		if _, dies := n.faults.TakeIf(driver.FaultWorkerDies, func(v string) bool { return v == typ }); dies {
			return errKilled
		}
		return run(ctx, w)
	})
	if err != nil {
		unlock()
	}
	return upid, err
}

// Start is POST status/start. An unknown id, a lock and a missing bridge are
// found out by the worker only.
func (n *Node) Start(ctx context.Context, a Auth, vmid int, _ Params) (string, error) {
	if n.pid(vmid) != 0 {
		return "", fail("CT %d already running", vmid)
	}
	if n.ha(vmid) {
		return n.request(a, "start", vmid, func(ctx context.Context) (string, error) { return n.startNow(ctx, Root, vmid) })
	}
	return n.startNow(ctx, a, vmid)
}

// startNow is a start by whoever does it: the caller, or the HA manager.
func (n *Node) startNow(ctx context.Context, a Auth, vmid int) (string, error) {
	return n.power(ctx, a, "vzstart", vmid, func(ctx context.Context, w *worker) error { return n.start(ctx, w, vmid) })
}

func (n *Node) start(ctx context.Context, w *worker, vmid int) error {
	n.mu.Lock()
	c, err := n.find(vmid)
	if err != nil {
		n.mu.Unlock()
		return err
	}
	if c.Conf["template"] == "1" {
		err = fail("you can't start a CT if it's a template")
	} else {
		err = n.reachable(c)
		if c.Conf["lock"] != "mounted" { // by pct mount
			err = cmp.Or(c.checkLock(), err)
		}
	}
	if err != nil {
		n.mu.Unlock()
		return err
	}
	n.applyPending(c)
	cfg, tagged, conf := n.driverConfig(c), c.tagged(), maps.Clone(c.Conf)
	now := *c // a PUT may change the config meanwhile
	now.Conf = conf
	_ = n.save()
	n.mu.Unlock()
	if err := n.checkDevices(conf); err != nil {
		return n.startFailed(w, vmid, err.Error())
	}
	for _, i := range cfg.Interfaces {
		if i.Bridge != "" && !slices.Contains(n.opt.Bridges, i.Bridge) {
			return fail("bridge '%s' does not exist", i.Bridge)
		}
	}
	if _, ok := n.faults.Has(driver.FaultNoVLANs); ok && tagged != "" {
		return n.startFailed(w, vmid, "no physical interface on bridge '"+tagged+"'")
	}
	if err := now.checkManaged(); err != nil {
		return err
	}
	n.warnNesting(w, &now)
	unanswered := n.dhcp(&now, &cfg)
	for _, m := range cfg.Mounts {
		if m.Source != "" {
			w.Log("sandbox: " + m.Path + " is an empty folder of the guest; the node's " + m.Source + " is not mounted there")
		}
	}
	if text, ok := n.faults.Take(driver.FaultStartFail); ok {
		return n.startFailed(w, vmid, text)
	}
	if v, ok := n.faults.Take(driver.FaultStartSlow); ok {
		return n.startSlowly(ctx, c, cfg, v)
	}
	if v, ok := n.faults.Has(driver.FaultRollbackSlow); ok && c.Unclean {
		return n.startSlowly(ctx, c, cfg, v)
	}
	// A stop that reaches the worker now is too late, because it has already asked
	// systemd for the start.
	err = n.drv.Start(n.life(), cfg, w.Log)
	if errors.Is(err, driver.ErrExited) {
		return noPID(vmid)
	}
	if err != nil {
		return n.startFailed(w, vmid, err.Error())
	}
	n.started(c)
	for _, u := range unanswered {
		w.Log("WARN: DHCP failed - " + u.command(vmid, n.pid(vmid)))
	}
	return nil
}

// noPID is how Proxmox finds that a container's first process has ended already.
func noPID(vmid int) error { return fail("unable to get PID for CT %d (not running?)", vmid) }

// startSlowly is a start that waits for ext4's multi-mount protection. A stop of the task
// ends only the worker; the systemd unit that starts the container continues.
func (n *Node) startSlowly(ctx context.Context, c *container, cfg driver.Config, v string) error {
	d, _ := time.ParseDuration(v)
	up := make(chan error, 1)
	n.workers.Go(func() {
		select {
		case <-time.After(d):
		case <-n.life().Done():
			return
		}
		err := n.drv.Start(n.life(), cfg, func(string) {})
		if err == nil {
			n.started(c)
		}
		up <- err
	})
	select {
	case err := <-up:
		if errors.Is(err, driver.ErrExited) {
			return noPID(cfg.VMID)
		}
		return err
	case <-ctx.Done():
		return fail("received interrupt")
	}
}

// tagged returns a bridge on which an interface has a VLAN, "" if none has; mu held.
func (c *container) tagged() string {
	for key, v := range c.Conf {
		if p := properties(v, ""); numbered(key, "net") && p["tag"] != "" {
			return p["bridge"]
		}
	}
	return ""
}

func (n *Node) startFailed(w *worker, vmid int, text string) error {
	if text != "" {
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			w.Log(line)
		}
	}
	w.Log("lxc_container_start: ../src/lxc/lxccontainer.c: 878 No such file or directory - Failed to start container")
	return fail("startup for container '%d' failed", vmid)
}

func (n *Node) started(c *container) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.Running, c.Started, c.up, c.polls, c.Unclean = true, n.opt.Now(), time.Now(), 0, false
	_ = n.save()
}

func (n *Node) stopped(vmid int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.st.Containers[vmid]; c != nil {
		c.Running = false
		_ = n.save()
	}
}

// Stop is POST status/stop.
func (n *Node) Stop(ctx context.Context, a Auth, vmid int, _ Params) (string, error) {
	if n.pid(vmid) == 0 {
		return "", fail("CT %d not running", vmid)
	}
	if n.ha(vmid) {
		return n.request(a, "stop", vmid, func(ctx context.Context) (string, error) { return n.stopNow(ctx, Root, vmid) })
	}
	return n.stopNow(ctx, a, vmid)
}

func (n *Node) stopNow(ctx context.Context, a Auth, vmid int) (string, error) {
	return n.power(ctx, a, "vzstop", vmid, func(ctx context.Context, _ *worker) error {
		if err := n.mayStop(vmid); err != nil {
			return err
		}
		if err := n.drv.Stop(ctx, vmid); err != nil {
			return fail("%v", err)
		}
		n.stopped(vmid)
		return nil
	})
}

func (n *Node) mayStop(vmid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	return c.checkLock()
}

// Shutdown is POST status/shutdown; after timeout seconds (60) it fails, or
// kills with forceStop.
func (n *Node) Shutdown(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	if n.pid(vmid) == 0 {
		return "", fail("CT %d not running", vmid)
	}
	if n.ha(vmid) { // asks for a stop, with its own timeout
		return n.request(a, "stop", vmid, func(ctx context.Context) (string, error) {
			return n.shutdownNow(ctx, Root, vmid, Params{"timeout": p["timeout"], "forceStop": "1"})
		})
	}
	return n.shutdownNow(ctx, a, vmid, p)
}

func (n *Node) shutdownNow(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	return n.power(ctx, a, "vzshutdown", vmid, func(ctx context.Context, w *worker) error {
		return n.shutdown(ctx, w, vmid, p)
	})
}

func (n *Node) shutdown(ctx context.Context, w *worker, vmid int, p Params) error {
	if err := n.mayStop(vmid); err != nil {
		return err
	}
	timeout := 60
	if t, err := strconv.Atoi(p["timeout"]); err == nil {
		timeout = t
	}
	wait, cancel := context.WithTimeout(ctx, time.Duration(timeout)*time.Second)
	defer cancel()
	err := n.drv.Shutdown(wait, vmid)
	if errors.Is(err, context.DeadlineExceeded) && !p.bool("forceStop") {
		w.Log(fmt.Sprintf("command 'lxc-stop -n %d --nokill --timeout %d' failed: exit code 1", vmid, timeout))
	}
	if err != nil && p.bool("forceStop") {
		err = n.drv.Stop(ctx, vmid)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fail("container did not stop")
	case err != nil:
		return fail("%v", err)
	}
	n.stopped(vmid)
	return nil
}

// Reboot is POST status/reboot.
func (n *Node) Reboot(ctx context.Context, a Auth, vmid int, p Params) (string, error) {
	if n.pid(vmid) == 0 {
		return "", fail("VM %d not running", vmid) // Proxmox says VM here
	}
	return n.power(ctx, a, "vzreboot", vmid, func(ctx context.Context, w *worker) error {
		if err := n.shutdown(ctx, w, vmid, p); err != nil {
			return err
		}
		return n.start(ctx, w, vmid)
	})
}

// startAll is a node's boot: every guest that was running runs again when it
// returns, as far as it can.
func (n *Node) startAll(ctx context.Context) {
	var ran []int // all of them first: a start writes the whole state
	for _, c := range n.st.Containers {
		if c.at() != n.name {
			continue
		}
		if n.pid(c.VMID) != 0 { // left over from an owner that was killed
			_ = n.drv.Stop(ctx, c.VMID)
		}
		if c.Running {
			ran = append(ran, c.VMID)
		}
		c.Running = false
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, vmid := range ran {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			upid, err := n.startNow(ctx, Root, vmid)
			if err == nil {
				_, _ = n.Follow(ctx, upid, func(string) {})
			}
		})
	}
	wg.Wait()
}
