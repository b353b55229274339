package lxcguest

import (
	"context"
	"errors"
	"os"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Reconfigure changes the memory limit of a running guest, where the machine can limit it.
// The other numbers are no limits here: a guest has the machine's processors and disk. A
// network that changes under a running guest is not simulated.
func (d *Driver) Reconfigure(ctx context.Context, c driver.Config) error {
	if len(c.Interfaces) > 0 && d.Pid(c.VMID) != 0 {
		have, err := d.Interfaces(ctx, c.VMID)
		if err != nil {
			return err
		}
		for _, want := range c.Interfaces {
			for _, i := range have {
				// The guest's own DHCP client may have another lease than the one on record.
				if i.Name == want.Name && !want.DHCP && want.Addr.IsValid() && i.Addr.IsValid() && i.Addr != want.Addr {
					return errors.New("the sandbox cannot change the address of an LXC guest that runs")
				}
			}
		}
	}
	root, err := os.OpenRoot(d.path(c.VMID, "rootfs"))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := mountFolders(rootfs{root, rootOf(c.Unprivileged)}, c); err != nil {
		return err
	}
	key, _ := memoryLimit()
	if key == "" || c.MemoryMiB == 0 {
		return nil
	}
	return run(ctx, "lxc-cgroup", "-n", strconv.Itoa(c.VMID), "-P", d.guestsDir(), key, strconv.Itoa(c.MemoryMiB)+"M")
}

// memoryLimit is the key by which the machine's cgroups limit memory, "" if they cannot, and
// whether they are of version 2.
func memoryLimit() (key string, unified bool) {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "memory.max", true
	}
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil {
		return "memory.limit_in_bytes", false
	}
	return "", false
}
