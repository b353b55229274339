package discover

import (
	"fmt"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

const wgUnits = "Id=wg-quick@wg0.service\nNames=wg-quick@wg0.service\nType=oneshot\nLoadState=loaded\nActiveState=active\nSubState=exited\nMainPID=0\n\n" +
	"Id=nfs-server.service\nNames=nfs-server.service nfs-kernel-server.service\nType=oneshot\nLoadState=loaded\nActiveState=active\nSubState=exited\n\n" +
	"Id=once.service\nType=oneshot\nLoadState=loaded\nActiveState=active\nSubState=exited\n"

// ss prints no process for sockets of the kernel itself.
const kernelSockets = "udp UNCONN 0 0 0.0.0.0:49999 0.0.0.0:*\nudp UNCONN 0 0 [::]:49999 [::]:*\nudp UNCONN 0 0 0.0.0.0:45555 0.0.0.0:*\n" +
	"udp UNCONN 0 0 0.0.0.0:500 0.0.0.0:*\ntcp LISTEN 0 64 0.0.0.0:2049 0.0.0.0:*\ntcp LISTEN 0 64 0.0.0.0:3260 0.0.0.0:*\n"

func TestKernelListeners(t *testing.T) {
	r := parse(t, "units", wgUnits, "ss", kernelSockets, "wireguard", "wg0\t49999\nwg1\t45555\n")
	compare(t, r.Services("10.0.0.1", []Declared{{Name: "wireguard", Port: 49999, Protocol: "udp"}}),
		"wireguard systemd running udp/0.0.0.0:49999 udp/[::]:49999 declared",
		"iscsi-target process running tcp/0.0.0.0:3260",
		"nfs-server systemd running tcp/0.0.0.0:2049",
		"port-500 process running udp/0.0.0.0:500",
		"wireguard@wg1 process running udp/0.0.0.0:45555",
	)
	// Without wg, the port belongs to the only WireGuard unit. A port that the kernel
	// assigns, and that no tunnel explains, belongs to a client.
	compare(t, parse(t, "units", wgUnits, "ss", "udp UNCONN 0 0 0.0.0.0:49999 0.0.0.0:*\n").Services("", nil),
		"nfs-server systemd running", "wg-quick@wg0 systemd running udp/0.0.0.0:49999")
	compare(t, parse(t, "ss", kernelSockets).Services("", nil),
		"iscsi-target process running tcp/0.0.0.0:3260", "nfs process running tcp/0.0.0.0:2049", "port-500 process running udp/0.0.0.0:500")
}

func TestSnapsAreApplications(t *testing.T) {
	r := parse(t, "units", "Id=snap.nextcloud.apache.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\n\n"+
		"Id=snapd.service\nLoadState=loaded\nActiveState=active\nSubState=running\n\nId=snapd.seeded.service\nLoadState=loaded\nActiveState=active\nSubState=running\n",
		"ss", "tcp LISTEN 0 1 *:80 *:* users:((\"httpd\",pid=7,fd=4))\n", "cred nextcloud", "PASSWORD=abcdef\n")
	compare(t, r.Services("10.0.0.1", nil),
		"snap.nextcloud.apache systemd running tcp/[::]:80 http://10.0.0.1 keys=PASSWORD",
		"snapd systemd running system", "snapd.seeded systemd running system")
}

// A container made by Proxmox boots with ssh.socket beside ssh.service. The port is the
// socket's, whichever of the two holds it, and MainPID=0 means nothing.
func TestSocketsBesideServices(t *testing.T) {
	units := func(pid int) string {
		return fmt.Sprintf("Id=ssh.service\nNames=ssh.service sshd.service\nType=notify\nLoadState=loaded\nActiveState=%s\nSubState=%s\nMainPID=%d\n\n",
			map[bool]string{true: "active", false: "inactive"}[pid != 0], map[bool]string{true: "running", false: "dead"}[pid != 0], pid) +
			"Id=ssh.socket\nLoadState=loaded\nActiveState=active\nSubState=listening\nTriggers=ssh.service\nListen=[::]:2222 (Stream)\n\n" +
			"Id=web-front.socket\nLoadState=loaded\nActiveState=active\nSubState=listening\nTriggers=web.service\nListen=[::]:81 (Stream)\n\n" +
			"Id=web.service\nType=simple\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n"
	}
	for how, r := range map[string]*Report{
		"both hold it": parse(t, "units", units(50), "procs", "50 (sshd) S 1 1\n",
			"ss", "tcp LISTEN 0 1 *:2222 *:* users:((\"sshd\",pid=50,fd=3),(\"systemd\",pid=1,fd=60))\ntcp LISTEN 0 1 *:81 *:* users:((\"systemd\",pid=1,fd=61))\n"),
		"systemd alone": parse(t, "units", units(0),
			"ss", "tcp LISTEN 0 1 *:2222 *:* users:((\"systemd\",pid=1,fd=60))\ntcp LISTEN 0 1 *:81 *:* users:((\"systemd\",pid=1,fd=61))\n"),
	} {
		t.Run(how, func(t *testing.T) {
			compare(t, r.Services("10.0.0.1", nil), "web systemd running tcp/[::]:81 http://10.0.0.1:81", "ssh systemd running tcp/[::]:2222 system")
		})
	}
}

func TestManyPorts(t *testing.T) {
	var ss strings.Builder
	for i := range 200 {
		fmt.Fprintf(&ss, "tcp LISTEN 0 1 0.0.0.0:%d *:* users:((\"many\",pid=7,fd=4))\ntcp LISTEN 0 1 [::]:%d *:* users:((\"many\",pid=7,fd=4))\n", 1000+i, 1000+i)
	}
	r := parse(t, "procs", "7 (many) S 1 1\n", "ss", ss.String(),
		"docker docker", dockerID+"\trtp\tr\tUp 1 hour\t0.0.0.0:10000-20000->10000-20000/udp, :::10000-20000->10000-20000/udp\n")
	got := r.Services("", []Declared{{Name: "many", Port: 1199}})
	for i, want := range []struct{ ports, more int }{{64 + 1, 200 - 65}, {64, 10001 - 64}} {
		distinct := map[int]bool{}
		for _, p := range got[i].Ports {
			distinct[p.Port] = true
		}
		if len(distinct) != want.ports || got[i].MorePorts != want.more {
			t.Errorf("%s: %d ports and %d more", got[i].Name, len(distinct), got[i].MorePorts)
		}
	}
}

// The scripts in the runlevels of Debian 12's OpenRC 0.45, with initscripts 3.06. Scripts
// of the system are shown as such, even if only a boot runlevel names them.
func TestOpenRCBootScripts(t *testing.T) {
	names := strings.Fields(`agetty.tty1 tmpfiles.dev udev-settle udev-trigger bootlogs bootmisc.sh brightness checkfs.sh checkroot-bootclean.sh checkroot.sh hostname.sh
		killprocs mount-configfs mountall-bootclean.sh mountall.sh mountdevsubfs.sh mountkernfs.sh mountnfs-bootclean.sh
		mountnfs.sh rc.local rmnologin sendsigs umountfs umountnfs.sh umountroot urandom agetty cgroups savecache
		hwclock.sh procps kmod udev networking dbus cron x11-common console-setup.sh net.lo net.eth0
		devfs dmesg localmount loopback swclock seedrng syslog crond acpid machine-id sysctl`)
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "started %s\nenabled %s default\n", n, n)
	}
	b.WriteString("started my-firewall\nenabled my-firewall boot\nstarted app\nenabled app boot\nenabled app default\nstarted early\nenabled early boot\nenabled halfway shutdown\n")
	r := parse(t, "openrc", b.String(), "procs", "9 (early) S 1 1\n", "cgroups", "/proc/9/cgroup:0::/openrc.early\n",
		"ss", "tcp LISTEN 0 1 *:81 *:* users:((\"early\",pid=9,fd=4))\n")
	var own []string
	for _, s := range r.Services("", nil) {
		if s.Type != lxc.OpenRC {
			t.Errorf("%+v", s)
		}
		if !s.System {
			own = append(own, s.Name)
		}
	}
	if strings.Join(own, " ") != "app early" {
		t.Errorf("not the system's: %q", own)
	}
}
