package template

import (
	"net/netip"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// network checks the addresses, which tags cannot.
func network(doc networkDoc, d *decoder) lxc.Network {
	n := lxc.Network{
		Bridge: doc.Bridge, VLAN: doc.VLAN, Firewall: doc.Firewall, Nameservers: doc.Nameservers,
		IPv4: doc.IP, Gateway4: doc.Gateway, IPv6: doc.IP6, Gateway6: doc.Gateway6,
	}
	if n.IPv4 == "none" {
		n.IPv4 = ""
	}
	if n.IPv6 == "none" {
		n.IPv6 = ""
	}
	address(d, "network.ip", n.IPv4, netip.Addr.Is4, "192.168.1.20/24", "dhcp")
	address(d, "network.ip6", n.IPv6, netip.Addr.Is6, "2001:db8::20/64", "dhcp", "auto")
	gateway(d, "network.gateway", n.Gateway4, n.IPv4, netip.Addr.Is4)
	gateway(d, "network.gateway6", n.Gateway6, n.IPv6, netip.Addr.Is6)
	for i, s := range n.Nameservers {
		if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
			d.bad(index("network.nameservers", i), "", "%q is not an IP address", s)
		}
	}
	return n
}

func address(d *decoder, path, text string, family func(netip.Addr) bool, example string, words ...string) {
	if text == "" || contains(words, text) {
		return
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err == nil && family(p.Addr()):
		return
	case err == nil:
		d.bad(path, "such as "+example, "%q is of the other family", text)
	case strings.Contains(text, ","):
		d.bad(path, "the gateway is a key of its own", "%q is not an address", text)
	default:
		if a, err := netip.ParseAddr(text); err == nil && family(a) {
			d.bad(path, "such as "+text+example[strings.IndexByte(example, '/'):], "%q lacks its prefix length", text)
			return
		}
		d.bad(path, "one of "+strings.Join(words, ", ")+", none or an address such as "+example, "%q is not an address", text)
	}
}

func gateway(d *decoder, path, text, addr string, family func(netip.Addr) bool) {
	if text == "" {
		return
	}
	g, err := netip.ParseAddr(text)
	if err != nil || !family(g) || g.Zone() != "" { // a zone may hold anything
		d.bad(path, "an address without prefix length", "%q is not an address of that family", text)
		return
	}
	if !strings.Contains(addr, "/") {
		d.bad(path, "remove it, or give the address itself", "a gateway goes with a fixed address")
	}
}
