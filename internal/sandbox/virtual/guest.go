package virtual

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/image"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/system"
)

// guest is one running guest.
type guest struct {
	cfg    driver.Config
	fs     *fsys.FS
	m      *kernel.Machine
	sys    inside
	cancel context.CancelFunc // ends its watch
}

// inside is what runs in a guest: a system with its init, or an application alone.
type inside interface {
	Shutdown(context.Context) error
	Ended() <-chan struct{} // closed when it has ended by itself
	Rebooting() bool
	User(name string) (kernel.User, bool)
	CutLinks()
}

// Create lays out the root file system as the OS template's archive would.
func (d *Driver) Create(ctx context.Context, c driver.Config, s driver.Secrets, log func(string)) error {
	dir := d.dir(c.VMID)
	root := filepath.Join(dir, "rootfs")
	if _, err := os.Stat(root); err == nil {
		return fmt.Errorf("root file system of %d already exists", c.VMID)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	f, err := fsys.Open(root, filepath.Join(dir, "owners.json"), d.quota(c))
	if err != nil {
		return err
	}
	f.SetPool(d.pool())
	if c.Image != "" {
		if err = unpack(ctx, f, c); err == nil && !c.Unmanaged {
			err = settle(f, c, s, log)
		}
	} else if c.TemplatePath != "" {
		if err = unpackArchive(ctx, f, c.TemplatePath); err == nil {
			err = errors.Join(fresh(f), settle(f, c, s, log))
		}
	} else {
		err = layOut(f, c, s, log)
	}
	if err == nil {
		err = d.saveConfig(c)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return err
}

// layOut makes the root file system of an OS template.
func layOut(f *fsys.FS, c driver.Config, s driver.Secrets, log func(string)) error {
	spec := image.Spec{OS: image.Parse(c.OSTemplate), Hostname: c.Hostname, Nameservers: c.Nameservers,
		RootPassword: s.RootPassword, SSHKeys: s.SSHKeys, Unprivileged: c.Unprivileged}
	err := image.Layout(f, spec)
	if err == nil && spec.OS.SSHD {
		err = image.HostKeys(f, c.Hostname, log)
	}
	return err
}

// quota is the size of a guest's disk in bytes: the sandbox's option, else that of the
// container's configuration.
func (d *Driver) quota(c driver.Config) int64 {
	switch {
	case d.o.DiskBytes > 0:
		return d.o.DiskBytes
	case c.DiskGiB > 0:
		return int64(c.DiskGiB) << 30
	}
	return 2 << 30
}

func (d *Driver) saveConfig(c driver.Config) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.dir(c.VMID), "config.json"), b, 0o600)
}

// Start boots the guest. It returns once init runs; services and the address
// come up in the background.
func (d *Driver) Start(ctx context.Context, c driver.Config, log func(string)) error {
	g, err := d.launch(c)
	if err != nil {
		return err
	}
	if a, ok := g.sys.(*system.App); ok && !a.Lives(early) {
		if missing := g.m.Unknown(); len(missing) > 0 {
			d.o.Logf("guest %d: its entrypoint needs %s, which a virtual guest does not have", c.VMID, strings.Join(missing, ", "))
		}
		_, err := d.halt(g)
		return errors.Join(driver.ErrExited, err)
	}
	return ctx.Err()
}

// launch starts the guest's first process.
func (d *Driver) launch(c driver.Config) (*guest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guests[c.VMID] != nil {
		return nil, fmt.Errorf("container %d is already running", c.VMID)
	}
	if d.closed {
		return nil, errors.New("the node is shutting down")
	}
	dir := d.dir(c.VMID)
	f, err := fsys.Open(filepath.Join(dir, "rootfs"), filepath.Join(dir, "owners.json"), d.quota(c))
	if err != nil {
		return nil, fmt.Errorf("cannot open the root file system of %d: %w", c.VMID, fsys.Errno(err))
	}
	f.SetPool(d.pool())
	spec := image.Spec{OS: image.Detect(f), Hostname: c.Hostname, Nameservers: c.Nameservers}
	if err := refresh(f, spec, c); err != nil {
		f.Close()
		return nil, err
	}
	if err := mountFolders(f, c); err != nil {
		f.Close()
		return nil, err
	}
	if _, ok := d.o.Faults.Take(driver.FaultHostKeyChanged); ok && spec.OS.SSHD {
		if err := image.HostKeys(f, c.Hostname, func(string) {}); err != nil {
			f.Close()
			return nil, err
		}
	}
	m := kernel.New(kernel.Config{FS: f, Commands: commands(), Hostname: c.Hostname, Net: d.net, Listen: !d.o.NoListen,
		Now: d.o.Faults.Now, CPUs: c.Cores, Memory: int64(c.MemoryMiB) << 20, Swap: int64(c.SwapMiB) << 20,
		Logf: func(format string, a ...any) { d.o.Logf("guest %d: "+format, append([]any{c.VMID}, a...)...) }})
	if managed(c) {
		m.SetAddress(address(c).Addr())
	}
	var sys inside
	if c.Init.Cmd != "" {
		sys, err = d.startApp(m, c)
	} else {
		sys, err = d.boot(m, f, spec.OS, c)
	}
	if err != nil {
		m.Halt()
		f.Close()
		return nil, err
	}
	ctx2, cancel := context.WithCancel(context.Background())
	g := &guest{cfg: c, fs: f, m: m, sys: sys, cancel: cancel}
	d.guests[c.VMID] = g
	go d.watch(ctx2, g)
	return g, nil
}

// mountFolders makes the folders of the mount points, which are all that a virtual guest has
// of them.
func mountFolders(f *fsys.FS, c driver.Config) error {
	for _, mount := range c.Mounts {
		root := &fsys.View{FS: f, Cwd: "/"}
		if err := root.MkdirAll(mount.Path, 0o755); err != nil {
			return fmt.Errorf("cannot make the folder of the mount point %s: %w", mount.Path, fsys.Errno(err))
		}
	}
	return nil
}

// boot starts the guest's init.
func (d *Driver) boot(m *kernel.Machine, f *fsys.FS, os image.OS, c driver.Config) (inside, error) {
	opt := system.Options{OS: os, Delay: max(0, d.o.BootDelay), Addr: address(c), SSHDelay: d.sshDelay()}
	opt.NoSSHD = opt.SSHDelay < 0
	opt.SSHBusy = d.sshBusy()
	opt.FailDelay = d.o.FailDelay
	var err error
	if opt.Gettys, err = d.consoleFaults(f, c); err != nil {
		return nil, err
	}
	return system.Boot(m, opt)
}

// Reconfigure changes a running guest's hardware, addresses and mount points.
func (d *Driver) Reconfigure(_ context.Context, c driver.Config) error {
	g, err := d.guest(c.VMID)
	if err != nil {
		return err
	}
	g.m.SetHardware(c.Cores, int64(c.MemoryMiB)<<20, int64(c.SwapMiB)<<20)
	g.fs.SetQuota(d.quota(c))
	d.mu.Lock()
	was := address(g.cfg)
	g.cfg.Cores, g.cfg.MemoryMiB, g.cfg.SwapMiB, g.cfg.DiskGiB, g.cfg.Interfaces = c.Cores, c.MemoryMiB, c.SwapMiB, c.DiskGiB, c.Interfaces
	d.mu.Unlock()
	if now := address(c); now != was {
		g.m.SetAddress(now.Addr())
	}
	return mountFolders(g.fs, c)
}

func (d *Driver) guest(vmid int) (*guest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		return g, nil
	}
	return nil, driver.ErrNotRunning
}

// Shutdown asks init to stop every service, then stops the guest.
func (d *Driver) Shutdown(ctx context.Context, vmid int) error {
	g, err := d.guest(vmid)
	if err != nil {
		return err
	}
	if err := g.sys.Shutdown(ctx); err != nil {
		return err
	}
	return d.stop(vmid)
}

// Stop kills the guest. Stopping a stopped guest is no error.
func (d *Driver) Stop(ctx context.Context, vmid int) error { return d.stop(vmid) }

func (d *Driver) stop(vmid int) error {
	g, err := d.guest(vmid)
	if err != nil {
		return nil //nolint:nilerr // it does not run
	}
	_, err = d.halt(g)
	return err
}

// halt ends a guest and reports whether it was this call that did.
func (d *Driver) halt(g *guest) (bool, error) {
	d.mu.Lock()
	mine := d.guests[g.cfg.VMID] == g
	if mine {
		delete(d.guests, g.cfg.VMID)
		for _, s := range g.m.Unknown() {
			d.gone[s] = true
		}
	}
	d.mu.Unlock()
	if !mine {
		return false, nil
	}
	g.cancel()
	g.m.Halt()
	return true, g.fs.Close()
}

// Destroy removes the folder of a stopped guest.
func (d *Driver) Destroy(ctx context.Context, vmid int) error {
	if _, err := d.guest(vmid); err == nil {
		return fmt.Errorf("container %d is running", vmid)
	}
	return os.RemoveAll(d.dir(vmid))
}

// Pid is a number that stands for the guest's init on the node.
func (d *Driver) Pid(vmid int) int {
	g, err := d.guest(vmid)
	if err != nil {
		return 0
	}
	return 100_000 + vmid%900_000 + int(g.m.Booted().Unix()%1000)
}

// Interfaces are lo and the configured ones; the address shows a little after boot.
func (d *Driver) Interfaces(ctx context.Context, vmid int) ([]driver.Interface, error) {
	g, err := d.guest(vmid)
	if err != nil {
		return nil, err
	}
	lo := driver.Interface{Name: "lo", MAC: "00:00:00:00:00:00", Addr: netip.MustParsePrefix("127.0.0.1/8"), Addr6: netip.MustParsePrefix("::1/128")}
	out := []driver.Interface{lo}
	up := g.m.Address().IsValid()
	for _, i := range g.cfg.Interfaces {
		i.LinkLocal = linkLocal(i.MAC)
		if !up || g.cfg.Init.Cmd != "" && !i.Managed {
			i.Addr, i.Addr6 = netip.Prefix{}, netip.Prefix{}
		}
		out = append(out, i)
	}
	return out, nil
}

// linkLocal is the EUI-64 address of a MAC.
func linkLocal(mac string) netip.Prefix {
	p := strings.Split(mac, ":")
	if len(p) != 6 {
		return netip.Prefix{}
	}
	var b [6]byte
	for i, s := range p {
		n, err := strconv.ParseUint(s, 16, 8)
		if err != nil {
			return netip.Prefix{}
		}
		b[i] = byte(n)
	}
	a := netip.AddrFrom16([16]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]})
	return netip.PrefixFrom(a, 64)
}

// Exec runs a process as lxc-attach does. When ctx ends, the process and its
// session are killed. Processes that left the session go on.
func (d *Driver) Exec(ctx context.Context, vmid int, e driver.Exec) (int, error) {
	g, err := d.guest(vmid)
	if err != nil {
		return 0, err
	}
	st, err := g.m.Run(ctx, kernel.Exec{Argv: e.Argv, Env: withEnv(e.Env, g.cfg), Cwd: e.Cwd, Unit: "session-1.scope", Stdin: e.Stdin, Stdout: e.Stdout, Stderr: e.Stderr,
		Theirs: g.cfg.Unprivileged})
	if err == nil && g.m.Halted() {
		return st, driver.ErrNotRunning
	}
	return st, err
}

// Close stops every guest.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	var ids []int
	for id := range d.guests {
		ids = append(ids, id)
	}
	d.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, d.stop(id))
	}
	return errors.Join(errs...)
}
