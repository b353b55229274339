package lxcguest

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Console runs the program that Proxmox runs for each cmode, on a pty.
func (d *Driver) Console(vmid int, mode string) (driver.Terminal, error) {
	if d.Pid(vmid) == 0 {
		return nil, driver.ErrNotRunning
	}
	args := []string{"lxc-console", "-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "-e", "-1"}
	switch mode {
	case "shell":
		args = []string{"lxc-attach", "-n", strconv.Itoa(vmid), "-P", d.guestsDir(), "--clear-env"}
	case "console":
		args = append(args, "-t", "0")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: args, Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux"}}
	return startOnPty(cmd)
}

const gettyUnit = "etc/systemd/system/container-getty@.service"

// gettys gives the guest a login on each tty of its config, as Proxmox does before every
// start: systemd's own unit waits on /dev/pts/N, but LXC's ttys are /dev/ttyN.
func gettys(r rootfs, c driver.Config) error {
	raw, err := r.ReadFile("lib/systemd/system/container-getty@.service")
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = r.ReadFile("usr/lib/systemd/system/container-getty@.service")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no systemd
	}
	if err != nil {
		return err
	}
	if err := r.write(gettyUnit, strings.ReplaceAll(string(raw), "pts/%I", "tty%I"), 0o644); err != nil {
		return err
	}
	const wants = "etc/systemd/system/getty.target.wants"
	if err := r.mkdir(wants, 0o755); err != nil {
		return err
	}
	for i := 1; i <= 6; i++ {
		link := fmt.Sprintf("%s/container-getty@%d.service", wants, i)
		if err := r.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if i > c.TTYs {
			continue
		}
		if err := errors.Join(r.Symlink("/"+gettyUnit, link), r.Lchown(link, r.owner, r.owner)); err != nil {
			return err
		}
	}
	return nil
}

// consoleFaults sets the faults of the guest's login. The next start undoes their changes
// of the unit; a password stays changed.
func (d *Driver) consoleFaults(r rootfs) error {
	if _, ok := d.faults.Take(driver.FaultConsoleNoGetty); ok {
		for _, unit := range []string{gettyUnit, "etc/systemd/system/console-getty.service"} {
			if err := r.write(unit, "[Unit]\nDescription=No login here\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/true\n", 0o644); err != nil {
				return err
			}
		}
	} else if err := r.Remove("etc/systemd/system/console-getty.service"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, ok := d.faults.Take(driver.FaultConsolePassword); ok {
		if err := shadow(r, 1, "$6$changed$"+strings.Repeat("x", 86)); err != nil {
			return err
		}
	}
	if _, ok := d.faults.Take(driver.FaultConsoleExpired); ok {
		return shadow(r, 2, "0")
	}
	return nil
}

// shadow changes a field of root's line in place, so that owner and mode stay.
func shadow(r rootfs, field int, value string) error {
	b, err := r.ReadFile("etc/shadow")
	if err != nil {
		return err
	}
	return r.WriteFile("etc/shadow", driver.SetShadow(b, field, value), 0o640)
}
