package lxcguest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// idBase and idCount map an unprivileged guest's users, as on Proxmox.
const (
	idBase  = 100000
	idCount = 65536
)

// place is the part of the machine's state that the config depends on.
type place struct {
	RootFS   string
	Bridge   string
	Log      string
	OpenRC   bool   // busybox's init: no systemd
	UnifiedV bool   // cgroup v2 only
	Limit    string // the cgroup's key of the limit of memory; "": memory cannot be limited
}

// lxcConfig is LXC's config file for a guest. It is a pure function.
func lxcConfig(c driver.Config, p place) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("lxc.include = /usr/share/lxc/config/common.conf")
	if c.Unprivileged {
		line("lxc.include = /usr/share/lxc/config/userns.conf")
		line("lxc.idmap = u 0 %d %d", idBase, idCount)
		line("lxc.idmap = g 0 %d %d", idBase, idCount)
	}
	// These hooks belong to lxcfs, which is not needed, and require a PATH.
	line("lxc.hook.mount =")
	line("lxc.hook.post-stop =")
	line("lxc.tty.dir =")
	line("lxc.arch = linux64")
	line("lxc.uts.name = %s", c.Hostname)
	line("lxc.rootfs.path = dir:%s", p.RootFS)
	for i, n := range c.Interfaces {
		line("lxc.net.%d.type = veth", i)
		line("lxc.net.%d.link = %s", i, p.Bridge)
		line("lxc.net.%d.flags = up", i)
		line("lxc.net.%d.name = %s", i, n.Name)
		if n.MAC != "" {
			line("lxc.net.%d.hwaddr = %s", i, n.MAC)
		}
		if n.Managed { // a lease, too: the bridge's DHCP server keeps it for this interface
			managedNet(line, i, n)
		}
	}
	if len(c.Interfaces) == 0 {
		line("lxc.net.0.type = empty")
	}
	if c.Nesting { // as Proxmox does for such a guest: its own writable /proc and /sys
		line("lxc.mount.auto = proc:rw sys:rw cgroup:rw:force")
		line("lxc.mount.entry = proc dev/.lxc/proc proc create=dir,optional 0 0")
		line("lxc.mount.entry = sys dev/.lxc/sys sysfs create=dir,optional 0 0")
	} else {
		line("lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed")
	}
	line("lxc.apparmor.profile = unconfined")
	if p.Limit != "" && c.MemoryMiB > 0 {
		line("lxc.%s.%s = %dM", map[bool]string{true: "cgroup2", false: "cgroup"}[p.UnifiedV], p.Limit, c.MemoryMiB)
	}
	switch {
	case c.Init.Cmd != "":
		// lxc-start gets the command as arguments: LXC 5 splits it at every blank, quoted or not.
		line("lxc.mount.entry = shm dev/shm tmpfs rw,nosuid,nodev,create=dir 0 0")
	case p.OpenRC: // busybox's init knows other signals than systemd
		line("lxc.init.cmd = /sbin/init")
		line("lxc.signal.halt = SIGUSR2")
		line("lxc.signal.reboot = SIGTERM")
	case p.UnifiedV:
		line("lxc.init.cmd = /sbin/init")
	default:
		line("lxc.init.cmd = /sbin/init systemd.unified_cgroup_hierarchy=0")
	}
	initLines(line, c.Init)
	line("lxc.tty.max = %d", c.TTYs)
	line("lxc.environment = TERM=linux")
	if c.NoConsole {
		line("lxc.console.path = none")
	}
	line("lxc.log.file = %s", p.Log)
	line("lxc.log.level = WARN")
	return b.String()
}

func managedNet(line func(string, ...any), i int, n driver.Interface) {
	for _, a := range []struct {
		version int
		addr    netip.Prefix
		gateway netip.Addr
	}{{4, n.Addr, n.Gateway}, {6, n.Addr6, n.Gateway6}} {
		if a.addr.IsValid() {
			line("lxc.net.%d.ipv%d.address = %s", i, a.version, a.addr)
		}
		if a.addr.IsValid() && a.gateway.IsValid() {
			line("lxc.net.%d.ipv%d.gateway = %s", i, a.version, a.gateway)
		}
	}
}

// initLines are what Proxmox passes on to LXC of the first process.
func initLines(line func(string, ...any), i driver.Init) {
	if i.UID != 0 {
		line("lxc.init.uid = %d", i.UID)
	}
	if i.GID != 0 {
		line("lxc.init.gid = %d", i.GID)
	}
	if len(i.Groups) > 0 {
		line("lxc.init.groups = %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(i.Groups), " ", ","), "[]"))
	}
	if i.Cwd != "" {
		line("lxc.init.cwd = %s", i.Cwd)
	}
	if i.Halt != "" {
		line("lxc.signal.halt = %s", i.Halt)
	}
	for _, v := range i.Env { // Debian's LXC has no lxc.environment.runtime
		line("lxc.environment = %s", v)
	}
}
