package lxcguest

import (
	"fmt"
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
	if p.UnifiedV {
		line("lxc.init.cmd = /sbin/init")
	} else {
		line("lxc.init.cmd = /sbin/init systemd.unified_cgroup_hierarchy=0")
	}
	line("lxc.tty.max = %d", c.TTYs)
	line("lxc.environment = TERM=linux")
	if c.NoConsole {
		line("lxc.console.path = none")
	}
	line("lxc.log.file = %s", p.Log)
	line("lxc.log.level = WARN")
	return b.String()
}
