package lxcguest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

var static = driver.Interface{Name: "eth0", MAC: "BC:24:11:00:00:01", Addr: netip.MustParsePrefix("10.77.0.50/24"), Gateway: netip.MustParseAddr("10.77.0.1")}

func TestInterfacesFile(t *testing.T) {
	for _, tt := range []struct {
		name string
		ifs  []driver.Interface
		want string
	}{
		{"none", nil, "auto lo\niface lo inet loopback\n"},
		{"static", []driver.Interface{static}, "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n\taddress 10.77.0.50/24\n\tgateway 10.77.0.1\n"},
		{"leased", []driver.Interface{{Name: "eth0", DHCP: true, Addr: static.Addr}}, "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n"},
		{"manual", []driver.Interface{{Name: "eth1"}}, "auto lo\niface lo inet loopback\n\nauto eth1\niface eth1 inet manual\n"},
	} {
		if got := interfacesFile(tt.ifs); got != tt.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tt.name, got, tt.want)
		}
	}
}

func TestLXCConfig(t *testing.T) {
	c := driver.Config{VMID: 100, Hostname: "web-01", MemoryMiB: 512, Interfaces: []driver.Interface{static}}
	p := place{RootFS: "/r", Bridge: "ihbr1", Log: "/l", Limit: "memory.limit_in_bytes"}
	has := func(c driver.Config, p place, line string) bool {
		return strings.Contains("\n"+lxcConfig(c, p), "\n"+line+"\n")
	}
	if has(c, p, "lxc.idmap = u 0 100000 65536") {
		t.Error("a privileged guest has its users mapped")
	}
	c.Unprivileged = true
	for _, line := range []string{"lxc.idmap = u 0 100000 65536", "lxc.idmap = g 0 100000 65536", "lxc.net.0.hwaddr = BC:24:11:00:00:01", "lxc.cgroup.memory.limit_in_bytes = 512M", "lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed"} {
		if !has(c, p, line) {
			t.Errorf("no %q in\n%s", line, lxcConfig(c, p))
		}
	}
	c.Nesting, p.UnifiedV, p.Limit = true, true, "memory.max"
	for _, line := range []string{"lxc.mount.auto = proc:rw sys:rw cgroup:rw:force", "lxc.cgroup2.memory.max = 512M", "lxc.init.cmd = /sbin/init"} {
		if !has(c, p, line) {
			t.Errorf("no %q in\n%s", line, lxcConfig(c, p))
		}
	}
	p.UnifiedV, p.OpenRC = false, true
	for _, line := range []string{"lxc.init.cmd = /sbin/init", "lxc.signal.halt = SIGUSR2", "lxc.signal.reboot = SIGTERM"} {
		if !has(c, p, line) {
			t.Errorf("no %q in\n%s", line, lxcConfig(c, p))
		}
	}
}

func TestResolvConf(t *testing.T) {
	want := "# --- BEGIN PVE ---\nnameserver 9.9.9.9\n# --- END PVE ---\n"
	if got := resolvConf([]string{"9.9.9.9"}); got != want {
		t.Errorf("got %q", got)
	}
}
