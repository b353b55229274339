package node

import (
	"fmt"
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// A host-managed interface gets its address from the node: LXC sets a static one, and for
// DHCP the node runs dhclient in the container's network at the end of the start task.

// managed reports whether the node sets an interface's address.
func managed(p map[string]string) bool { return p["host-managed"] == "1" && p["link_down"] != "1" }

// slaac reports an interface that the node cannot manage: nobody there takes router
// advertisements.
func slaac(net string) bool {
	p := properties(net, "")
	return managed(p) && p["ip6"] == "auto"
}

// checkManaged refuses to start what the node cannot manage.
func (c *container) checkManaged() error {
	for _, key := range sortedKeys(c.Conf) {
		if numbered(key, "net") && slaac(c.Conf[key]) {
			return fail("%s: SLAAC is not supported for host-managed network configuration", key)
		}
	}
	return nil
}

// request is one that no DHCP server answers.
type request struct {
	version int // of IP
	name    string
}

// dhcp takes from a config the addresses that the node will not get by DHCP, and says which.
// There is no server for IPv6, and with the fault no-address none at all.
func (n *Node) dhcp(c *container, cfg *driver.Config) (unanswered []request) {
	_, none := n.faults.Has(driver.FaultNoAddress)
	for i, x := range cfg.Interfaces {
		if x.Managed && x.DHCP && none {
			cfg.Interfaces[i].Addr = netip.Prefix{}
			unanswered = append(unanswered, request{4, x.Name})
		}
	}
	for _, key := range sortedKeys(c.Conf) {
		if p := properties(c.Conf[key], ""); numbered(key, "net") && managed(p) && p["ip6"] == "dhcp" {
			unanswered = append(unanswered, request{6, p["name"]})
		}
	}
	return unanswered
}

// command is how the failed dhclient is reported.
func (r request) command(vmid, pid int) string {
	hook := fmt.Sprintf("/var/lib/lxc/%d/hook/dhclient%d-%s", vmid, r.version, r.name)
	return "command '" + commandString([]string{
		"lxc-attach", "-n", fmt.Sprint(vmid), "-s", "NETWORK|UTSNAME", "--", "aa-exec", "-p", "unconfined", "/sbin/dhclient", "-1",
		fmt.Sprintf("-%d", r.version), "-pf", hook + ".pid", "-lf", hook + ".leases", "-e", fmt.Sprintf("ROOTFS=/proc/%d/root", pid),
		"-sf", "/usr/share/lxc/hooks/dhclient-script", r.name,
	}) + "' failed: exit code 2"
}
