package lxcguest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// running is one guest's lxc-start. It stays in the foreground, as our child,
// so that the guest ends when we are killed: a node's reboot.
type running struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once lxc-start has ended, and the guest with it
	pid  int           // of the guest's init, as last seen
}

// bootTimeout is generous: LXC itself needs a tenth of a second.
const bootTimeout = 30 * time.Second

// Start boots the guest and returns once LXC calls it running.
func (d *Driver) Start(ctx context.Context, c driver.Config, log func(string)) error {
	if d.Pid(c.VMID) != 0 {
		return nil
	}
	if err := d.prepare(ctx, c); err != nil {
		return err
	}
	g, err := d.launch(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	for {
		select {
		case <-g.done:
			if c.Init.Cmd != "" {
				return driver.ErrExited
			}
			d.logTail(c.VMID, log)
			return fmt.Errorf("startup for container '%d' failed", c.VMID)
		case <-ctx.Done():
			_ = d.Stop(context.Background(), c.VMID)
			return fmt.Errorf("startup for container '%d' failed: %w", c.VMID, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
		if d.state(ctx, c.VMID) == "RUNNING" && d.Pid(c.VMID) > 0 {
			return g.early(c)
		}
	}
}

// early looks whether an application ends at once.
func (g *running) early(c driver.Config) error {
	if c.Init.Cmd == "" {
		return nil
	}
	select {
	case <-g.done:
		return driver.ErrExited
	case <-time.After(300 * time.Millisecond):
		return nil
	}
}

// prepare brings the root file system, its files and LXC's config up to date.
func (d *Driver) prepare(ctx context.Context, c driver.Config) error {
	if err := d.mount(c.VMID); err != nil {
		return err
	}
	root, err := os.OpenRoot(d.path(c.VMID, "rootfs"))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	r := rootfs{root, rootOf(c.Unprivileged)}
	if err := refresh(r, c, d.net.nameservers()); err != nil {
		return err
	}
	if err := d.applyFaults(r, c); err != nil {
		return err
	}
	if err := mountFolders(r, c); err != nil {
		return err
	}
	for _, i := range c.Interfaces {
		if i.DHCP {
			err = d.net.reserve(c.VMID, i.MAC, i.Addr.Addr())
		} else {
			err = d.net.route(ctx, i.Addr, i.Gateway)
		}
		if err != nil {
			return err
		}
	}
	p := place{RootFS: d.path(c.VMID, "rootfs"), Bridge: d.net.bridge, Log: d.path(c.VMID, "lxc.log"), OpenRC: isOpenRC(r)}
	p.Limit, p.UnifiedV = memoryLimit()
	_ = os.Remove(p.Log)
	return os.WriteFile(d.path(c.VMID, "config"), []byte(lxcConfig(c, p)), 0o644)
}

// mountFolders makes the folders of the mount points, which are all that the guest has of
// them.
func mountFolders(r rootfs, c driver.Config) error {
	for _, m := range c.Mounts {
		if err := r.mkdir(strings.TrimPrefix(m.Path, "/"), 0o755); err != nil {
			return fmt.Errorf("cannot make the folder of the mount point %s: %w", m.Path, err)
		}
	}
	return nil
}

func (d *Driver) applyFaults(r rootfs, c driver.Config) error {
	if c.Init.Cmd != "" {
		return nil // it has no login and no sshd
	}
	if err := d.consoleFaults(r); err != nil {
		return err
	}
	if _, ok := d.faults.Take(driver.FaultHostKeyChanged); ok {
		if err := hostKeys(r, c.Hostname, func(string) {}); err != nil {
			return err
		}
	}
	if isOpenRC(r) {
		return openRCFaults(r, d.faults)
	}
	unit := "etc/systemd/system/ssh.service.d/sandbox.conf"
	if _, err := r.Stat(unit); err == nil {
		if err := r.Remove(unit); err != nil {
			return err
		}
	}
	if _, ok := d.faults.Take(driver.FaultNoSSHD); ok {
		return r.write(unit, "[Unit]\nConditionPathExists=/nonexistent\n", 0o644)
	}
	if v, ok := d.faults.Take(driver.FaultSSHDLate); ok {
		wait, err := time.ParseDuration(v)
		if err != nil {
			return fmt.Errorf("fault %s: %w", driver.FaultSSHDLate, err)
		}
		return r.write(unit, fmt.Sprintf("[Service]\nExecStartPre=/bin/sleep %d\nTimeoutStartSec=infinity\n", int(wait.Seconds()+0.5)), 0o644)
	}
	return nil
}

func (d *Driver) launch(c driver.Config) (*running, error) {
	lxcStart, err := exec.LookPath("lxc-start")
	if err != nil {
		return nil, err
	}
	console, err := os.OpenFile(d.path(c.VMID, "console.log"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer console.Close()
	args := []string{"-F", "-n", strconv.Itoa(c.VMID), "-P", d.guestsDir()}
	if c.Init.Cmd != "" {
		args = append(append(args, "--"), c.Init.Argv()...)
	}
	cmd := exec.Command(lxcStart, args...)
	// Where LXC finds newuidmap it insists on /etc/subuid; as root it needs neither.
	cmd.Env = []string{"PATH=/nonexistent", "HOME=/root"}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("the node is shutting down")
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start LXC: %w", err)
	}
	g := &running{cmd: cmd, done: make(chan struct{})}
	d.guests[c.VMID] = g
	go func() {
		_ = cmd.Wait()
		d.mu.Lock()
		if d.guests[c.VMID] == g {
			delete(d.guests, c.VMID)
		}
		d.mu.Unlock()
		close(g.done)
	}()
	return g, nil
}

// logTail passes on what LXC said of a start that failed.
func (d *Driver) logTail(vmid int, log func(string)) {
	f, err := os.Open(d.path(vmid, "console.log"))
	if err != nil {
		return
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		log(s.Text())
	}
}

func (d *Driver) guest(vmid int) *running {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.guests[vmid]
}

// Shutdown asks the guest's init to end and waits.
func (d *Driver) Shutdown(ctx context.Context, vmid int) error {
	g := d.guest(vmid)
	if g == nil {
		return nil
	}
	_ = run(ctx, "lxc-stop", "-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "--nokill", "--nowait")
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop kills the guest: first LXC is asked to, then lxc-start itself is killed,
// and its init with it.
func (d *Driver) Stop(ctx context.Context, vmid int) error {
	g := d.guest(vmid)
	if g == nil {
		return nil
	}
	_ = d.lxcKill(ctx, vmid)
	select {
	case <-g.done:
		return nil
	case <-time.After(10 * time.Second):
	}
	if pid := d.Pid(vmid); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = g.cmd.Process.Kill()
	select {
	case <-g.done:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("cannot stop CT %d: lxc-start does not end", vmid)
	}
}

func (d *Driver) lxcKill(ctx context.Context, vmid int) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return run(ctx, "lxc-stop", "-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "--kill", "--nowait")
}

// Pid is the init's process id on this machine, 0 for a guest that is not
// running. A guest that reboots itself has another init afterwards.
func (d *Driver) Pid(vmid int) int {
	g := d.guest(vmid)
	if g == nil {
		return 0
	}
	d.mu.Lock()
	pid := g.pid
	d.mu.Unlock()
	if pid > 0 && childOf(pid, g.cmd.Process.Pid) {
		return pid
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	pid = d.lxcPid(ctx, vmid)
	d.mu.Lock()
	g.pid = pid
	d.mu.Unlock()
	return pid
}

// childOf guards against a process id that was given away again.
func childOf(pid, parent int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	return len(f) > 1 && f[0] != "Z" && f[1] == strconv.Itoa(parent)
}

func (d *Driver) lxcPid(ctx context.Context, vmid int) int {
	pid, err := strconv.Atoi(d.info(ctx, vmid, "-pH"))
	if err != nil {
		return 0
	}
	return max(pid, 0)
}

func (d *Driver) state(ctx context.Context, vmid int) string { return d.info(ctx, vmid, "-sH") }

func (d *Driver) info(ctx context.Context, vmid int, flag string) string {
	out, _ := exec.CommandContext(ctx, "lxc-info", "-n", strconv.Itoa(vmid), "-P", d.guestsDir(), flag).Output()
	return strings.TrimSpace(string(out))
}
