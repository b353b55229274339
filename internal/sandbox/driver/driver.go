// Package driver is what the simulated node asks of a kind of guest: virtual
// (interpreted in Go) or lxc (a real container). It knows nothing of Proxmox's
// API, tasks or permissions.
package driver

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// ErrNotRunning says that a guest is needed running and is not.
var ErrNotRunning = errors.New("container is not running")

// ErrNoTerminal says that a guest's config gives it no such terminal: tty or
// console is 0.
var ErrNoTerminal = errors.New("denied access to tty")

// Config is what a driver needs to know of a container.
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
	TemplatePath string // where the archive lies, "" for virtual guests
	Interfaces   []Interface
	Nameservers  []string
	CMode        string // tty, console or shell
	TTYs         int    // how many there are in /dev; 0: none
	NoConsole    bool   // no /dev/console
}

// Interface is one network interface as configured and, once running, as seen.
type Interface struct {
	Name      string       // eth0
	MAC       string       // upper-case, colons
	Bridge    string       // vmbr0
	Addr      netip.Prefix // the static or leased IPv4; invalid: none
	Gateway   netip.Addr
	Addr6     netip.Prefix
	Gateway6  netip.Addr
	DHCP      bool
	LinkLocal netip.Prefix // fe80::/64 as seen
}

// Secrets go into the guest at create: root's password (plain or crypt) and the
// lines of /root/.ssh/authorized_keys.
type Secrets struct {
	RootPassword string
	SSHKeys      []string
}

// Exec is one process to run in a guest, as lxc-attach would.
type Exec struct {
	Argv   []string
	Env    []string // the whole environment
	Cwd    string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Terminal is what lxc-console or lxc-attach show and take on a pty of their
// own: a line's end comes as \r\n of the guest's own terminal, whose \n that pty
// has turned into \r\n once more. Read ends with io.EOF when the program does.
type Terminal interface {
	io.ReadWriteCloser
	Resize(cols, rows int) error
}

// Driver runs guests. Every method is safe for concurrent use on different
// containers.
type Driver interface {
	// Name is virtual or lxc.
	Name() string
	// Create lays out the root file system. log takes the lines that Proxmox's
	// create task would print (the SSH host key fingerprints among them).
	Create(ctx context.Context, c Config, s Secrets, log func(string)) error
	// Start boots the guest and returns once its init runs; services come up
	// after that, as on a real guest.
	Start(ctx context.Context, c Config, log func(string)) error
	// Shutdown asks the guest's init to stop and waits until it has, or ctx ends.
	Shutdown(ctx context.Context, vmid int) error
	// Stop kills the guest. Stopping a stopped guest is no error.
	Stop(ctx context.Context, vmid int) error
	// Destroy removes the root file system of a stopped guest.
	Destroy(ctx context.Context, vmid int) error
	// Snapshot keeps the root file system as it is now under a name, which is the
	// caller's to check; a running guest is held still or goes on meanwhile. What
	// fails or is killed half-way leaves no snapshot.
	Snapshot(ctx context.Context, vmid int, name string) error
	// Rollback puts a stopped guest's root file system back as it was kept. One
	// that was killed half-way can be tried again.
	Rollback(ctx context.Context, vmid int, name string) error
	// DeleteSnapshot forgets one; one that is not there is no error. Destroy
	// forgets them all.
	DeleteSnapshot(ctx context.Context, vmid int, name string) error
	// CutLinks ends every SSH connection to a running guest's sshd, as a link that
	// drops does. What was started over them is not killed.
	CutLinks(ctx context.Context) error
	// Pid is the init's process id on the node, 0 if the guest is not running.
	Pid(vmid int) int
	// Interfaces are those the running guest has now, lo included.
	Interfaces(ctx context.Context, vmid int) ([]Interface, error)
	// Exec runs a process and returns its exit status as lxc-attach does: 127
	// missing, 126 not executable, 128+n killed by signal n.
	Exec(ctx context.Context, vmid int, e Exec) (int, error)
	// Console opens the guest's terminal by the mode of its config: lxc-console
	// on its first tty ("tty" or "") or on /dev/console ("console"), or lxc-attach
	// with root's shell ("shell").
	Console(vmid int, mode string) (Terminal, error)
	// Push writes a file as pct push does: the parent must exist, an existing
	// file keeps mode and owner unless perm or owner are given ("" for neither).
	Push(ctx context.Context, vmid int, path string, r io.Reader, perm, user, group string) error
	// Pull opens a file of the guest.
	Pull(ctx context.Context, vmid int, path string) (io.ReadCloser, error)
	// Close stops every guest and frees what the driver holds.
	Close() error
}

// SetShadow is the text of /etc/shadow with one field of root's line changed:
// counted from 0, 1 is the password's hash and 2 the day of its last change.
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
