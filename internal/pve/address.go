package pve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Address returns the container's address on eth0: at once if the network's configuration
// has it, otherwise as the node sees it inside the running container, for which Address
// waits until ctx ends. It prefers IPv4 if IPv4 is configured. Link-local addresses and
// other interfaces (docker0, …) do not count. mac may be "" for the interface called
// eth0. Proxmox before 8.1 has no such request; then the error is Refused, with other
// ways.
func (c *Client) Address(ctx context.Context, node string, ctid int, n lxc.Network, mac string, w Watch) (netip.Addr, error) {
	if a := StaticAddress(n); a.IsValid() {
		return a, nil
	}
	op := fmt.Sprintf("learn the address of container %d", ctid)
	family, by := wantedFamily(n)
	if family == "" {
		return netip.Addr{}, &Error{Kind: Refused, Op: op, Field: "ip", Reason: "its network has neither a static address nor DHCP",
			Hints: []string{"say --ip dhcp or --ip CIDR,gateway; or reach it through the node: ssh.transport: node"}}
	}
	w.waiting("waiting for an " + family + " address by " + by)
	var seen []netInterface
	began, nulls := time.Now(), 0
	for {
		list, err := c.interfaces(ctx, op, node, ctid)
		if err == nil {
			seen = list
			if a := pick(seen, family, mac); a.IsValid() {
				return a, nil
			}
		}
		if err == nil && list == nil {
			nulls++ // null for a container that is stopped or has just started
		}
		if nulls >= 3 {
			nulls = 0
			if err := c.stopped(ctx, op, node, ctid); err != nil {
				return netip.Addr{}, err
			}
		}
		if err != nil && ctx.Err() == nil && !bearable(err) {
			return netip.Addr{}, old(err, family)
		}
		pause := min(max(time.Since(began)/8, 100*time.Millisecond), time.Second)
		if sleep(ctx, pause) != nil {
			return netip.Addr{}, noAddress(ctx, op, family, by, n, mac, seen)
		}
	}
}

// stopped is the error for a container that no longer runs.
func (c *Client) stopped(ctx context.Context, op, node string, ctid int) error {
	if s, err := c.Status(ctx, node, ctid); err != nil || s.Running {
		return nil //nolint:nilerr // go on waiting if the state is not known
	}
	return &Error{Kind: Refused, Op: op, Reason: "the container has stopped",
		Hints: []string{"see why on the node: pct start " + strconv.Itoa(ctid) + " --debug"}}
}

const byAdvertisement = "router advertisement"

// wantedFamily returns the address family that the configuration asks for, and by which
// means (DHCP, SLAAC).
func wantedFamily(n lxc.Network) (family, by string) {
	switch {
	case n.IPv4 == "dhcp":
		return "IPv4", "DHCP"
	case n.IPv6 == "dhcp":
		return "IPv6", "DHCPv6"
	case n.IPv6 == "auto":
		return "IPv6", byAdvertisement
	}
	return "", ""
}

// netInterface is one interface as the node sees it inside the container. Before PVE 8.4
// it has only one address of each family, the last one in `ip a`.
type netInterface struct {
	Name      string `json:"name"`
	HWAddr    string `json:"hwaddr"`
	HWAddr2   string `json:"hardware-address"`
	Inet      string `json:"inet"`
	Inet6     string `json:"inet6"`
	Addresses []struct {
		IP string `json:"ip-address"`
	} `json:"ip-addresses"`
}

func (i netInterface) mac() string {
	if i.HWAddr != "" {
		return i.HWAddr
	}
	return i.HWAddr2
}

// addrs returns all of its addresses, in order.
func (i netInterface) addrs() []netip.Addr {
	texts := []string{i.Inet, i.Inet6}
	if len(i.Addresses) > 0 {
		texts = texts[:0]
		for _, a := range i.Addresses {
			texts = append(texts, a.IP)
		}
	}
	var out []netip.Addr
	for _, t := range texts {
		t, _, _ = strings.Cut(t, "/")
		if a, err := netip.ParseAddr(t); err == nil {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	return out
}

func (c *Client) interfaces(ctx context.Context, op, node string, ctid int) ([]netInterface, error) {
	var list []netInterface
	err := c.get(ctx, op, join("nodes", node, "lxc", strconv.Itoa(ctid), "interfaces"), &list)
	return list, err
}

// pick returns the first address of the family on the interface with that MAC, except
// link-local ones.
func pick(list []netInterface, family, mac string) netip.Addr {
	for _, i := range list {
		if mac != "" && !strings.EqualFold(i.mac(), mac) || mac == "" && i.Name != "eth0" {
			continue
		}
		for _, a := range i.addrs() {
			if a.Is4() == (family == "IPv4") && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && !a.IsMulticast() {
				return a
			}
		}
	}
	return netip.Addr{}
}

// TellsNoAddress reports whether the error of Address says that Proxmox is too old for it.
func TellsNoAddress(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotImplemented
}

// old explains the error of a Proxmox that does not have /interfaces.
func old(err error, family string) error {
	var e *Error
	if errors.As(err, &e) && TellsNoAddress(err) {
		out := *e
		out.Reason = "Proxmox VE before 8.1 cannot tell an address got by DHCP"
		out.Hints = []string{"give it a static one: " + staticFlag(family) + " CIDR,gateway", "or go through the node: INFRAHAUS_SSH_TRANSPORT=node"}
		return &out
	}
	return err
}

// noAddress is the error at the end of the wait. It lists what was seen instead.
func noAddress(ctx context.Context, op, family, by string, n lxc.Network, mac string, seen []netInterface) error {
	e := &Error{Kind: Timeout, Op: op, Reason: "no " + family + " address came by " + by, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.Canceled) {
		e.Kind, e.Reason = Interrupted, "interrupted"
		return e
	}
	var has []string
	found := false
	for _, i := range seen {
		if mac != "" && strings.EqualFold(i.mac(), mac) || mac == "" && i.Name == "eth0" {
			found = true
			for _, a := range i.addrs() {
				has = append(has, a.String())
			}
		}
	}
	switch {
	case len(seen) == 0:
		e.Reason += ": the node sees no interface in it"
	case !found:
		e.Reason += ": it has no interface with the address " + mac
	case len(has) > 0:
		e.Reason += ", only " + strings.Join(has, ", ")
	}
	on := "on the bridge"
	if n.Bridge != "" {
		on = "on " + n.Bridge
	}
	if n.VLAN > 0 {
		on += " with VLAN " + strconv.Itoa(n.VLAN)
	}
	source := "a " + by + " server"
	if by == byAdvertisement {
		source = "a router that sends advertisements"
	}
	e.Hints = []string{"is there " + source + " " + on + "? else give a static address: " + staticFlag(family) + " CIDR,gateway"}
	return e
}

// staticFlag is the flag of create that sets a static address of the family.
func staticFlag(family string) string {
	if family == "IPv6" {
		return "--ip6"
	}
	return "--ip"
}
