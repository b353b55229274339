// Package fake is the least driver there is, for tests of the node and of its
// faces: guests that have a pid, addresses and files, and run nothing.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"sync"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Driver is a driver.Driver. Its fields are set before it is used.
type Driver struct {
	// These may wait, log or fail; nil does nothing.
	OnCreate   func(ctx context.Context, c driver.Config, s driver.Secrets, log func(string)) error
	OnStart    func(ctx context.Context, c driver.Config) error
	OnShutdown func(ctx context.Context, vmid int) error
	OnSnapshot func(ctx context.Context, vmid int, name string) error
	OnConf     func(c driver.Config) // of Reconfigure
	OnExec     func(ctx context.Context, vmid int, e driver.Exec) (int, error)

	mu     sync.Mutex
	guests map[int]*guest
	pid    int
}

type guest struct {
	conf  driver.Config
	pid   int
	files map[string][]byte
	snaps map[string]map[string][]byte
}

// Name is fake.
func (d *Driver) Name() string { return "fake" }

// Create makes a stopped guest and logs three host keys.
func (d *Driver) Create(ctx context.Context, c driver.Config, s driver.Secrets, log func(string)) error {
	if d.OnCreate != nil {
		if err := d.OnCreate(ctx, c, s, log); err != nil {
			return err
		}
	}
	d.mu.Lock()
	if d.guests == nil {
		d.guests = map[int]*guest{}
	}
	d.guests[c.VMID] = &guest{conf: c, files: map[string][]byte{}}
	d.mu.Unlock()
	if c.Init.Cmd != "" || c.Unmanaged {
		return nil // no sshd in there
	}
	for _, k := range []string{"ed25519", "rsa", "ecdsa"} {
		log("Creating SSH host key 'ssh_host_" + k + "_key' - this may take some time ...")
		log("done: SHA256:0000000000000000000000000000000000000000000 root@" + c.Hostname)
	}
	return nil
}

// Start gives the guest a pid.
func (d *Driver) Start(ctx context.Context, c driver.Config, _ func(string)) error {
	if d.OnStart != nil {
		if err := d.OnStart(ctx, c); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guests == nil {
		d.guests = map[int]*guest{}
	}
	g := d.guests[c.VMID]
	if g == nil { // made by an earlier owner
		g = &guest{files: map[string][]byte{}}
		d.guests[c.VMID] = g
	}
	d.pid++
	g.conf, g.pid = c, 25900+d.pid
	return nil
}

// Reconfigure keeps the new config.
func (d *Driver) Reconfigure(_ context.Context, c driver.Config) error {
	if d.OnConf != nil {
		d.OnConf(c)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[c.VMID]; g != nil {
		g.conf = c
	}
	return nil
}

// Shutdown is Stop, unless OnShutdown fails.
func (d *Driver) Shutdown(ctx context.Context, vmid int) error {
	if d.OnShutdown != nil {
		if err := d.OnShutdown(ctx, vmid); err != nil {
			return err
		}
	}
	return d.Stop(ctx, vmid)
}

// Stop takes the pid away.
func (d *Driver) Stop(_ context.Context, vmid int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		g.pid = 0
	}
	return nil
}

// Destroy forgets the guest.
func (d *Driver) Destroy(_ context.Context, vmid int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.guests, vmid)
	return nil
}

// Keep does nothing: a fake guest has no root file system of its own.
func (d *Driver) Keep(context.Context, int, string) error { return nil }

// Take does nothing.
func (d *Driver) Take(context.Context, driver.Config, string, string) error { return nil }

// SaveMount has no files to move.
func (d *Driver) SaveMount(context.Context, int, string, string, bool) error { return nil }

// LoadMount has no files to move.
func (d *Driver) LoadMount(context.Context, int, string, string) error { return nil }

// Rename does nothing.
func (d *Driver) Rename(string, string) error { return nil }

// Drop does nothing.
func (d *Driver) Drop(string) error { return nil }

// Clone copies a guest's files.
func (d *Driver) Clone(_ context.Context, from int, snapshot string, c driver.Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := map[string][]byte{}
	if g := d.guests[from]; g != nil {
		files = g.files
		if snapshot != "" {
			files = g.snaps[snapshot]
		}
	}
	d.guests[c.VMID] = &guest{conf: c, files: maps.Clone(files)}
	return nil
}

// Snapshot keeps a guest's files, unless OnSnapshot fails.
func (d *Driver) Snapshot(ctx context.Context, vmid int, name string) error {
	if d.OnSnapshot != nil {
		if err := d.OnSnapshot(ctx, vmid, name); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.guests[vmid]
	if g == nil {
		return fmt.Errorf("no guest %d", vmid)
	}
	if g.snaps == nil {
		g.snaps = map[string]map[string][]byte{}
	}
	g.snaps[name] = maps.Clone(g.files)
	return nil
}

// Rollback puts them back.
func (d *Driver) Rollback(_ context.Context, vmid int, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.guests[vmid]
	if g == nil || g.pid != 0 || g.snaps[name] == nil {
		return fmt.Errorf("cannot roll guest %d back to %s", vmid, name)
	}
	g.files = maps.Clone(g.snaps[name])
	return nil
}

// DeleteSnapshot forgets them.
func (d *Driver) DeleteSnapshot(_ context.Context, vmid int, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		delete(g.snaps, name)
	}
	return nil
}

// CutLinks has none to cut.
func (d *Driver) CutLinks(context.Context) error { return nil }

// Pid is 0 for a stopped guest.
func (d *Driver) Pid(vmid int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		return g.pid
	}
	return 0
}

// Interfaces are lo and those of the config.
func (d *Driver) Interfaces(_ context.Context, vmid int) ([]driver.Interface, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.guests[vmid]
	if g == nil || g.pid == 0 {
		return nil, driver.ErrNotRunning
	}
	lo := driver.Interface{Name: "lo", Addr: netip.MustParsePrefix("127.0.0.1/8"), Addr6: netip.MustParsePrefix("::1/128")}
	return append([]driver.Interface{lo}, g.conf.Interfaces...), nil
}

// Exec runs nothing: 0, or what OnExec says.
func (d *Driver) Exec(ctx context.Context, vmid int, e driver.Exec) (int, error) {
	if d.OnExec != nil {
		return d.OnExec(ctx, vmid, e)
	}
	return 0, nil
}

// Attach runs nothing.
func (d *Driver) Attach(int, driver.Exec) (driver.Attached, error) {
	return nil, driver.ErrNoTerminal
}

// Push keeps a file in memory.
func (d *Driver) Push(_ context.Context, vmid int, path string, r io.Reader, _, _, _ string) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		g.files[path] = b
	}
	return nil
}

// Pull gives back what was pushed.
func (d *Driver) Pull(_ context.Context, vmid int, path string) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[vmid]; g != nil {
		if b, ok := g.files[path]; ok {
			return io.NopCloser(bytes.NewReader(b)), nil
		}
	}
	return nil, fmt.Errorf("%s: No such file or directory", path)
}

// Close stops every guest.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range maps.Keys(d.guests) {
		d.guests[id].pid = 0
	}
	return nil
}

// Console shows nothing and forgets what is typed, until it is closed.
func (d *Driver) Console(vmid int, _ string) (driver.Terminal, error) {
	if d.Pid(vmid) == 0 {
		return nil, driver.ErrNotRunning
	}
	r, w := io.Pipe()
	return terminal{r, w}, nil
}

type terminal struct {
	*io.PipeReader
	w *io.PipeWriter
}

func (terminal) Write(b []byte) (int, error) { return len(b), nil }
func (terminal) Resize(int, int) error       { return nil }
func (t terminal) Close() error              { return t.w.Close() }
