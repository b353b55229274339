// Package lxcguest runs guests as real LXC containers: with systemd, sshd and apt,
// privileged or not, on a bridge of their own. It needs Linux, root and the packages lxc,
// dnsmasq-base, iproute2 and iptables (and debootstrap once, for the OS template). It
// knows nothing of Proxmox's API or tasks. It changes a fresh root file system in the
// same way as Proxmox.
//
// Close removes everything that it started or made on the machine: lxc-start, dnsmasq,
// the bridge, firewall rules, mounts. Its processes die with this one if it is killed,
// and New clears away what a killed owner left.
package lxcguest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// DefaultDir holds the guests and the cached OS template. Unprivileged guests need mode
// 0755 on every folder above them, which a state directory does not have.
const DefaultDir = "/var/lib/infrahaus-sandbox"

// Options are the places of guests. All fields are optional.
type Options struct {
	Dir    string         // "": DefaultDir
	Name   string         // distinguishes sandboxes that share Dir; "": default
	Faults *driver.Faults // guest faults
	// Throwaway guests need not survive a crash of the machine: what they sync goes to memory
	// only, which halves the time that apt takes.
	Throwaway bool
	Log       func(string) // receives messages about changes of the machine; may be nil
}

// Driver is an open set of guests. It implements driver.Driver.
type Driver struct {
	opt    Options
	dir    string // Dir/<name>: guests/<vmid>
	net    *network
	faults *driver.Faults

	mu     sync.Mutex
	guests map[int]*running
	closed bool
}

var _ driver.Driver = (*Driver)(nil)

// Check returns the reason why this machine cannot run LXC guests, or nil.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("cannot run LXC guests: this needs root")
	}
	err := missing(map[string]string{"lxc-start": "lxc", "lxc-attach": "lxc", "dnsmasq": "dnsmasq-base", "ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux"})
	if err != nil {
		return fmt.Errorf("cannot run LXC guests: %w", err)
	}
	return nil
}

// Missing is the error of a machine that lacks programs.
type Missing []string // names of Debian packages

func (m Missing) Error() string { return "install " + strings.Join(m, " ") }

// ExitStatus is that of trouble on this machine.
func (Missing) ExitStatus() int { return 1 }

// NextSteps installs the packages.
func (m Missing) NextSteps() []string { return []string{"apt-get install " + strings.Join(m, " ")} }

// missing looks for programs and names the packages of those that are not there.
func missing(programs map[string]string) error {
	var m Missing
	for program, pkg := range programs {
		if _, err := exec.LookPath(program); err != nil && !slices.Contains(m, pkg) {
			m = append(m, pkg)
		}
	}
	if len(m) == 0 {
		return nil
	}
	slices.Sort(m)
	return m
}

// New makes the bridge and its DHCP server, and clears away what a killed owner of the
// same Dir and Name left. The caller holds the sandbox's lock.
func New(ctx context.Context, o Options) (*Driver, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Name == "" {
		o.Name = "default"
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	abs, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = abs
	d := &Driver{opt: o, dir: filepath.Join(abs, "sandboxes", o.Name), faults: o.Faults, guests: map[int]*running{}}
	if err := openDir(d.guestsDir()); err != nil {
		return nil, err
	}
	d.sweep(ctx)
	if d.net, err = openNetwork(ctx, d.dir, tag(d.dir)); err != nil {
		return nil, err
	}
	return d, nil
}

// openDir makes a folder that unprivileged guests can enter.
func openDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for p := dir; p != "/" && p != "."; p = filepath.Dir(p) {
		fi, err := os.Stat(p)
		if err != nil {
			return err
		}
		if fi.Mode().Perm()&0o005 != 0o005 {
			return fmt.Errorf("cannot use %s for LXC guests: %s is not open to others (chmod 0755)", dir, p)
		}
	}
	return nil
}

// tag is a short name for a folder, because interface names have at most 15 bytes.
func tag(dir string) string {
	h := fnv.New32a()
	h.Write([]byte(dir))
	return fmt.Sprintf("%08x", h.Sum32())
}

// Name is lxc.
func (d *Driver) Name() string { return "lxc" }

// Subnet is the network of the guests' leases.
func (d *Driver) Subnet() netip.Prefix { return d.net.subnet }

// Gateway is the bridge's own address.
func (d *Driver) Gateway() netip.Addr { return d.net.gateway }

func (d *Driver) guestsDir() string { return filepath.Join(d.dir, "guests") }

func (d *Driver) path(vmid int, rest ...string) string {
	return filepath.Join(append([]string{d.guestsDir(), strconv.Itoa(vmid)}, rest...)...)
}

// sweep ends guests of a killed owner. They die with their owner, so usually it only has
// to unmount.
func (d *Driver) sweep(ctx context.Context) {
	entries, _ := os.ReadDir(d.guestsDir())
	for _, e := range entries {
		vmid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if pid := d.lxcPid(ctx, vmid); pid > 0 {
			_ = d.lxcKill(ctx, vmid)
		}
		_ = unmount(d.path(vmid, "rootfs"))
	}
}

// Close stops every guest at once and removes what New made.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	var ids []int
	for id := range d.guests {
		ids = append(ids, id)
	}
	d.mu.Unlock()
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() { _ = d.Stop(context.Background(), id) })
	}
	wg.Wait()
	entries, _ := os.ReadDir(d.guestsDir())
	for _, e := range entries {
		_ = unmount(filepath.Join(d.guestsDir(), e.Name(), "rootfs"))
	}
	return d.net.close()
}

// unmount removes an overlay. One that is in use is detached and disappears with its last
// user.
func unmount(path string) error {
	err := unix.Unmount(path, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(path, unix.MNT_DETACH)
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // not mounted
		return nil
	}
	return err
}

// run runs a program of the machine and adds its output to its error.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
