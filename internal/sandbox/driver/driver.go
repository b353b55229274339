// Package driver is the interface between the simulated node and a kind of guest: virtual
// (interpreted in Go) or lxc (a real container). It knows nothing of Proxmox's API, tasks
// or permissions.
package driver

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// ErrNotRunning is the error for an operation that needs a running guest.
var ErrNotRunning = errors.New("container is not running")

// ErrNoTerminal is the error for a terminal that a guest's config does not have: tty or
// console is 0.
var ErrNoTerminal = errors.New("denied access to tty")

// Config is the part of a container's config that a driver needs.
type Config struct {
	VMID         int
	Hostname     string
	Unprivileged bool
	Nesting      bool
	Keyctl       bool
	MemoryMiB    int
	SwapMiB      int
	DiskGiB      int // 0: not known
	Cores        int
	OSTemplate   string // file name of the archive, e.g. debian-12-standard_12.7-1_amd64.tar.zst
	TemplatePath string // path of the archive, "" for one that a virtual guest stands for without a file
	Image        string // path of the OCI archive to create it from, "" for an OS template
	Unmanaged    bool   // nothing is set up in the guest: no names, network, password or keys
	Init         Init
	Interfaces   []Interface
	Mounts       []Mount  // besides the root file system
	Without      []string // of a clone: folders whose content it does not have
	Nameservers  []string
	CMode        string // tty, console or shell
	TTYs         int    // number of ttys in /dev
	NoConsole    bool   // no /dev/console
}

// Mount is a mount point. Drivers have only its folder, in the root file system.
type Mount struct {
	Path   string // in the guest
	Source string // the folder or device on the node; "" for a volume
}

// Interface is one network interface: as configured and, once running, as seen.
type Interface struct {
	Name      string       // eth0
	MAC       string       // upper-case, colons
	Bridge    string       // vmbr0
	Addr      netip.Prefix // the static or leased IPv4; invalid: none
	Gateway   netip.Addr
	Addr6     netip.Prefix
	Gateway6  netip.Addr
	DHCP      bool
	Managed   bool         // the node sets its address, and has done so when the start returns
	LinkLocal netip.Prefix // fe80::/64 as seen
}

// Secrets go into the guest at create: root's password (plain or crypt) and the lines of
// /root/.ssh/authorized_keys.
type Secrets struct {
	RootPassword string
	SSHKeys      []string
}

// Exec is one process to run in a guest, as lxc-attach does.
type Exec struct {
	Argv   []string
	Env    []string // the whole environment
	Cwd    string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Terminal is lxc-console or lxc-attach on a pty of its own. The guest's terminal turns a
// line end into \r\n, and the pty turns its \n into \r\n once more. Read returns io.EOF
// when the program ends.
type Terminal interface {
	io.ReadWriteCloser
	Resize(cols, rows int) error
}

// Attached is a process in a guest on a pty of its own, inside the guest. Its bytes have
// gone through no other terminal. Close hangs it up.
type Attached interface {
	Terminal
	// Wait returns the exit status, as Exec does.
	Wait() (int, error)
}

// Driver runs guests. Every method is safe for concurrent use on different
// containers.
type Driver interface {
	// Name is virtual or lxc.
	Name() string
	// Create makes the root file system. log receives the lines that Proxmox's create
	// task would print, among them the fingerprints of the SSH host keys.
	Create(ctx context.Context, c Config, s Secrets, log func(string)) error
	// Start boots the guest and returns once its init runs. Services start after that, as
	// on a real guest.
	Start(ctx context.Context, c Config, log func(string)) error
	// Reconfigure gives a running guest what takes effect at once of a new config: cores,
	// memory, swap, the size of its disk, the addresses of its interfaces, and new mount
	// points. What a driver cannot change is an error.
	Reconfigure(ctx context.Context, c Config) error
	// Shutdown asks the guest's init to stop, and waits for that or until ctx ends.
	Shutdown(ctx context.Context, vmid int) error
	// Stop kills the guest. Stopping a stopped guest is no error.
	Stop(ctx context.Context, vmid int) error
	// Destroy removes the root file system of a stopped guest.
	Destroy(ctx context.Context, vmid int) error
	// Snapshot saves the present root file system under a name, which the caller has
	// checked. A running guest is frozen or continues meanwhile. A snapshot that fails or
	// is killed half-way leaves nothing.
	Snapshot(ctx context.Context, vmid int, name string) error
	// Rollback restores the saved root file system of a stopped guest. It can be repeated
	// after it was killed half-way.
	Rollback(ctx context.Context, vmid int, name string) error
	// DeleteSnapshot removes a snapshot; a missing one is no error. Destroy removes all
	// of them.
	DeleteSnapshot(ctx context.Context, vmid int, name string) error
	// Clone makes the root file system of a new container, c, as a copy of a stopped one's,
	// or of one's snapshot ("" for none).
	Clone(ctx context.Context, from int, snapshot string, c Config) error
	// Keep copies a stopped guest's root file system to a volume that is no guest's root. Such
	// volumes go by Proxmox's ids.
	Keep(ctx context.Context, vmid int, volume string) error
	// Take makes such a volume the root file system of a stopped guest, and keeps the one that
	// was under the id old. The folders of mount points that are volumes stay the guest's.
	Take(ctx context.Context, c Config, volume, old string) error
	// SaveMount moves what is in the folder of a mount point to its volume, so that nothing of it
	// stays in the guest; with keep it stays there, too. A folder that is not there has nothing.
	SaveMount(ctx context.Context, vmid int, folder, volume string, keep bool) error
	// LoadMount moves what SaveMount has put into a volume to the folder of a guest, running or not.
	// There is nothing to do for another volume.
	LoadMount(ctx context.Context, vmid int, folder, volume string) error
	// Rename gives such a volume another id, and Drop removes it. A missing one is no error.
	Rename(from, to string) error
	Drop(volume string) error
	// CutLinks ends every SSH connection to a running guest's sshd, as a broken link
	// does. It does not kill their processes.
	CutLinks(ctx context.Context) error
	// Pid is the process id of init on the node, 0 if the guest is not running.
	Pid(vmid int) int
	// Interfaces returns the present interfaces of the running guest, with lo.
	Interfaces(ctx context.Context, vmid int) ([]Interface, error)
	// Exec runs a process and returns its exit status as lxc-attach does: 127 for a
	// missing program, 126 for one that cannot be executed, 128+n for one that signal n
	// killed.
	Exec(ctx context.Context, vmid int, e Exec) (int, error)
	// Attach is Exec on a pty, as lxc-attach makes one if its own streams are a terminal. The
	// streams of e are not used.
	Attach(vmid int, e Exec) (Attached, error)
	// Console opens the terminal that the config's mode names: lxc-console on the first
	// tty ("tty" or "") or on /dev/console ("console"), or lxc-attach with root's shell
	// ("shell").
	Console(vmid int, mode string) (Terminal, error)
	// Push writes a file as pct push does: the parent folder must exist, and an existing
	// file keeps its mode and owner unless perm or owner are given ("" for neither).
	Push(ctx context.Context, vmid int, path string, r io.Reader, perm, user, group string) error
	// Pull opens a file of the guest.
	Pull(ctx context.Context, vmid int, path string) (io.ReadCloser, error)
	// Close stops every guest and frees the driver's resources.
	Close() error
}

// SetShadow returns the text of /etc/shadow with one field of root's line changed. Fields
// count from 0: 1 is the password's hash, 2 the day of its last change.
func SetShadow(text []byte, field int, value string) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == "root" && len(f) > field {
			f[field] = value
			line = strings.Join(f, ":")
		}
		out.WriteString(line)
	}
	return []byte(out.String())
}
