package driver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The faults of the sandbox. Those marked (guest) are read by the drivers, all others by
// the node and its API.
const (
	FaultCreateFail     = "create-fail"      // the create task fails; value: the reason
	FaultCreateWarnings = "create-warnings"  // the create task ends with WARNINGS: 1; value: the warning
	FaultCreateSlow     = "create-slow"      // value: a duration
	FaultCreateHang     = "create-hang"      // the create task never ends by itself
	FaultNoVLANs        = "no-vlans"         // the bridges have no port, and are not VLAN aware
	FaultCreateDies     = "create-dies"      // the create task's worker is killed; value: late, or none
	FaultStartFail      = "start-fail"       // the start task fails; value: the reason
	FaultStartSlow      = "start-slow"       // value: a duration
	FaultWorkerDies     = "worker-dies"      // value: the task's type
	FaultStorageFull    = "storage-full"     // value: the storage, all without one
	FaultNoAddress      = "no-address"       // /interfaces never has an address
	FaultLinkLocalOnly  = "link-local-only"  // /interfaces has fe80:: alone
	FaultAddressLate    = "address-late"     // value: polls until the IPv4 address shows
	FaultOtherBridge    = "docker0"          // /interfaces has a bridge of the guest's own, before eth0
	FaultOldShapes      = "old-shapes"       // answers as Proxmox VE 8.1 shaped them
	FaultSeven          = "pve-7"            // answers as Proxmox VE 7.4 does
	FaultNoSSHD         = "no-sshd"          // (guest) no sshd ever listens
	FaultSSHDLate       = "sshd-late"        // (guest) value: a duration after boot
	FaultSSHDBusy       = "sshd-busy"        // (guest) value: how many connections sshd refuses for now, 1 without one
	FaultHostKeyChanged = "host-key-changed" // (guest) new SSH host keys at the next boot
	FaultGuestDies      = "guest-dies"       // the guest is killed when the file (value) appears in it
	FaultDiskFull       = "disk-full"        // (guest) every write says ENOSPC once the file (value) appears in it
	FaultAPI500         = "api-500"          // value: a regular expression on "METHOD /path"
	FaultAPI595         = "api-595"
	FaultAPI596         = "api-596"
	FaultAPIGarbage     = "api-garbage"
	FaultAPIHang        = "api-hang"
	FaultAPIDrop        = "api-drop"
	FaultAPISlow        = "api-slow" // value: DURATION or DURATION@PATTERN
	FaultTaskPollError  = "task-poll-error"
	FaultTaskLineLate   = "task-line-late"
	FaultIDRace         = "id-race"
	FaultIDTaken        = "id-taken"
	FaultLockTimeout    = "lock-timeout"
	FaultDownloadFail   = "download-fail"
	FaultNoTemplates    = "no-os-templates"
	FaultStaleTicket    = "stale-ticket"
	FaultAuth401        = "auth-401"
	FaultNoPrivileges   = "no-privileges"
	FaultNoPrivilege    = "no-privilege"  // value: the privilege
	FaultSnapshotFail   = "snapshot-fail" // the snapshot task fails; value: the reason
	FaultSnapshotHang   = "snapshot-hang" // the snapshot task goes on until the fault is taken back
	FaultRollbackFail   = "rollback-fail" // the rollback task fails half-way, its lock stays; value: the reason
	FaultRollbackSlow   = "rollback-slow" // value: a duration
	FaultNoSnapshots    = "no-snapshots"
	FaultPackage        = "package"      // value: NAME=VERSION
	FaultStorageGone    = "storage-gone" // value: the storage
	FaultCertificate    = "certificate"  // value: a duration
	FaultLocked         = "locked"       // value: LOCK or LOCK@VMID
	FaultHAManaged      = "ha-managed"   // value: VMID, all without one
	FaultLinkCut        = "link-cut"     // this and those below happen once; value: the file, or none for now
	FaultGuestReboot    = "guest-reboot"
	FaultNodeReboot     = "node-reboot" // value: FILE, DURATION, DURATION@FILE or none
	FaultClockJump      = "clock-jump"  // value: DURATION or DURATION@FILE

	FaultNodeDown        = "node-down"        // value: NODE or NODE@FILE
	FaultNodeMaintenance = "node-maintenance" // value: NODE
	FaultNodeMemory      = "node-memory"      // value: NODE=GIB

	FaultConsoleNoTokens = "console-no-tokens" // as pve-container before 5.3.4
	FaultConsoleCut      = "console-cut"       // value: bytes
	FaultConsoleGarbage  = "console-garbage"   // value: a duration
	FaultConsoleTypist   = "console-typist"    // value: DURATION or DURATION@TEXT
	FaultConsoleFlood    = "console-flood"     // value: bytes
	FaultConsoleNoGetty  = "console-no-getty"  // (guest)
	FaultConsolePassword = "console-wrong-password"
	FaultConsoleExpired  = "console-password-expired"
)

// FaultInfo describes one fault for a help text.
type FaultInfo struct{ Name, Value, Help string }

// FaultList is every fault there is, in the order of a create.
func FaultList() []FaultInfo {
	return []FaultInfo{
		{FaultAuth401, "", "every login and token is refused"},
		{FaultStaleTicket, "", "a ticket that was valid is refused"},
		{FaultNoPrivileges, "", "the token has no privilege at all"},
		{FaultNoPrivilege, "PRIVILEGE", "the token has not that privilege (VM.Console) on anything"},
		{FaultAPI500, "PATTERN", "matching requests (a regular expression on \"METHOD /path\") answer 500"},
		{FaultAPI595, "PATTERN", "matching requests answer 595 No route to host"},
		{FaultAPI596, "PATTERN", "matching requests answer 596 Connection timed out"},
		{FaultAPIGarbage, "PATTERN", "matching requests answer 200 with HTML"},
		{FaultAPIHang, "PATTERN", "matching requests are never answered"},
		{FaultAPIDrop, "PATTERN", "matching requests are carried out, then the connection is cut"},
		{FaultAPISlow, "DURATION[@PATTERN]", "matching requests take longer"},
		{FaultNoTemplates, "", "no OS template on any storage, none in the appliance index"},
		{FaultDownloadFail, "TEXT", "the task that downloads an OS template or pulls an image fails"},
		{FaultIDRace, "", "nextid names an id that is taken"},
		{FaultIDTaken, "", "create says that the id already exists"},
		{FaultLockTimeout, "", "can't lock file … got timeout"},
		{FaultStorageFull, "STORAGE", "no space for the root file system"},
		{FaultCreateFail, "TEXT", "the create task fails"},
		{FaultCreateSlow, "DURATION", "a create keeps the node's disk busy for so long (3s on a real node), and several share it"},
		{FaultCreateHang, "", "the create task hangs until it is stopped"},
		{FaultCreateDies, "late", "the create task's worker is killed: before it writes the config, or late, after its first half"},
		{FaultCreateWarnings, "TEXT", "the create task ends with WARNINGS: 1"},
		{FaultTaskPollError, "", "task status and log answer 500"},
		{FaultTaskLineLate, "", "a task's last log line comes one poll after its end"},
		{FaultStartFail, "TEXT", "the start task fails"},
		{FaultStartSlow, "DURATION", "a start takes that much longer, as the first one after a rollback does on a raw ext4 image (45s)"},
		{FaultWorkerDies, "TYPE", "the worker of a task (vzstart, vzstop, vzshutdown, vzdestroy) is killed before it logs a line"},
		{FaultNoVLANs, "", "the bridges have no port and are not VLAN aware: a VLAN on them fails the start"},
		{FaultNoAddress, "", "the interfaces never have an address"},
		{FaultLinkLocalOnly, "", "the interfaces have a link-local address alone"},
		{FaultAddressLate, "N", "the IPv4 address shows after N polls"},
		{FaultOtherBridge, "", "the interfaces have the guest's own docker0 before eth0"},
		{FaultOldShapes, "", "as Proxmox VE 8.1: no message in errors, no address lists, nextid a number"},
		{FaultSeven, "", "as Proxmox VE 7.4, which had its end of life: no interfaces, no console for tokens, old packages"},
		{FaultNoSSHD, "", "no sshd in the guest"},
		{FaultSSHDLate, "DURATION", "sshd listens that long after boot"},
		{FaultSSHDBusy, "N", "a virtual guest's sshd takes none of the next N connections (default 1): Not allowed at this time"},
		{FaultHostKeyChanged, "", "the guest has new SSH host keys at its next boot"},
		{FaultGuestDies, "FILE", "the guest is killed once FILE (default /tmp/die) is there"},
		{FaultConsoleNoTokens, "", "the console closes for API tokens, as before pve-container 5.3.4"},
		{FaultConsoleNoGetty, "", "no login prompt on the console of a guest that starts"},
		{FaultConsolePassword, "", "root's password has changed in a guest that starts"},
		{FaultConsoleExpired, "", "root's password has expired in a guest that starts"},
		{FaultConsoleCut, "BYTES", "the console's connection is cut in a frame, after BYTES (default 4096) of output"},
		{FaultConsoleGarbage, "DURATION", "the kernel and systemd write to the console every DURATION (default 1s)"},
		{FaultConsoleTypist, "DURATION[@TEXT]", "somebody else types into the console every DURATION (default 2s)"},
		{FaultConsoleFlood, "BYTES", "the console shows BYTES (default 1000000000) of noise as fast as it is read"},
		{FaultDiskFull, "FILE", "the guest's disk is full once FILE (default /tmp/full) is there; virtual guests only"},
		{FaultLinkCut, "[FILE]", "every SSH connection to the node and to guests is cut: now, or once FILE is in a guest"},
		{FaultGuestReboot, "[FILE]", "running guests reboot now, or the guest that has FILE does"},
		{FaultNodeReboot, "[DURATION][@][FILE]", "the node loses power, now or once FILE is in a guest, and is back after DURATION"},
		{FaultNodeDown, "NODE[@FILE]", "a node of a cluster (serve --nodes) is off, or goes off once FILE is in a guest, until the fault is taken back"},
		{FaultNodeMaintenance, "NODE", "the HA manager has the node in maintenance"},
		{FaultNodeMemory, "NODE=GIB", "so much of the node's 24 GiB is in use besides its guests; 2 without the fault"},
		{FaultClockJump, "DURATION[@FILE]", "the clock of the node and of virtual guests jumps (-2h: back)"},
		{FaultPackage, "NAME=VERSION", "the node has that version of a package of Proxmox (pve-container, lxc-pve)"},
		{FaultStorageGone, "STORAGE", "the storage is enabled, but not active: its disk or its server is gone"},
		{FaultCertificate, "DURATION", "the node's certificate, if it is made now, is valid that long (-1h: it has expired)"},
		{FaultNoSnapshots, "", "the storages cannot snapshot"},
		{FaultSnapshotFail, "TEXT", "the snapshot task fails"},
		{FaultSnapshotHang, "", "the snapshot task goes on for as long as this fault holds"},
		{FaultRollbackFail, "TEXT", "the rollback task fails half-way and leaves its lock"},
		{FaultRollbackSlow, "DURATION", "the first start after the rollback of a running container takes that much longer, because of ext4's multi-mount protection (45s)"},
		{FaultLocked, "LOCK[@VMID]", "a container is locked, as by a backup; with :1 until pct unlock, else for good"},
		{FaultHAManaged, "VMID", "the container (default all) is an HA resource"},
	}
}

// Fault is one thing that shall go wrong: Count times, or always with Count 0.
type Fault struct {
	Name, Value string
	Count       int
}

// ParseFault reads NAME[=VALUE][:COUNT].
func ParseFault(s string) (Fault, error) {
	f := Fault{Name: s}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if c, err := strconv.Atoi(s[i+1:]); err == nil && c > 0 {
			f.Count, s = c, s[:i]
		}
	}
	f.Name, f.Value, _ = strings.Cut(s, "=")
	known := func(i FaultInfo) bool { return i.Name == f.Name }
	if !slices.ContainsFunc(FaultList(), known) {
		return Fault{}, fmt.Errorf("unknown fault %q", f.Name)
	}
	return f, nil
}

// once reports whether a fault is an event, which happens once unless a count
// says otherwise.
func once(name string) bool {
	switch name {
	case FaultLinkCut, FaultGuestReboot, FaultNodeReboot, FaultClockJump:
		return true
	}
	return false
}

// Faults is what shall go wrong in one sandbox, and the clock that it goes by.
// It is safe for concurrent use; a nil *Faults has none.
type Faults struct {
	mu    sync.Mutex
	rules []Fault
	ahead atomic.Int64 // of the true time, in nanoseconds
}

// Now is the time by the sandbox's clock.
func (f *Faults) Now() time.Time {
	if f == nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(f.ahead.Load()))
}

// Jump sets the clock forward, or back.
func (f *Faults) Jump(d time.Duration) { f.ahead.Add(int64(d)) }

// NewFaults returns a set of faults.
func NewFaults(fs ...Fault) *Faults {
	f := &Faults{}
	for _, x := range fs {
		f.Add(x)
	}
	return f
}

// Add asks for another fault.
func (f *Faults) Add(x Fault) {
	if x.Count == 0 && once(x.Name) {
		x.Count = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, x)
}

// Clear takes every fault of that name back, or of that NAME=VALUE; all of them for "".
func (f *Faults) Clear(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = slices.DeleteFunc(f.rules, func(r Fault) bool {
		return name == "" || r.Name == name || r.Name+"="+r.Value == name
	})
}

// Take reports whether the named fault shall happen now, and uses up one of its
// counts.
func (f *Faults) Take(name string) (value string, ok bool) {
	return f.TakeIf(name, func(string) bool { return true })
}

// TakeIf is Take for faults whose value applies.
func (f *Faults) TakeIf(name string, applies func(value string) bool) (string, bool) {
	if f == nil {
		return "", false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.rules {
		if r.Name != name || !applies(r.Value) {
			continue
		}
		if r.Count == 1 {
			f.rules = slices.Delete(f.rules, i, i+1)
		} else if r.Count > 1 {
			f.rules[i].Count--
		}
		return r.Value, true
	}
	return "", false
}

// All are the faults that are asked for now.
func (f *Faults) All() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rules)
}

// Values are the values of all faults of that name.
func (f *Faults) Values(name string) []string {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.rules {
		if r.Name == name {
			out = append(out, r.Value)
		}
	}
	return out
}

// Has reports whether the named fault is asked for, and uses up nothing.
func (f *Faults) Has(name string) (value string, ok bool) {
	return f.HasIf(name, func(string) bool { return true })
}

// HasIf is Has for faults whose value applies.
func (f *Faults) HasIf(name string, applies func(value string) bool) (string, bool) {
	if f == nil {
		return "", false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Name == name && applies(r.Value) {
			return r.Value, true
		}
	}
	return "", false
}
