package lxc

import (
	"net/netip"
	"slices"
	"strings"
)

// family is the address and the gateway of IPv4 or of IPv6, as they are written.
type family struct {
	field, gatewayField string
	address, gateway    string
	member              func(netip.Addr) bool
	words               []string // words that may replace the address
	example             string
}

func (f family) faults() []Fault {
	p, fault := f.prefix()
	if fault != nil {
		return []Fault{*fault}
	}
	if g := f.gatewayFault(p); g != nil {
		return []Fault{*g}
	}
	return nil
}

// prefix returns the address, or the zero Prefix if no address is fixed.
func (f family) prefix() (netip.Prefix, *Fault) {
	var none netip.Prefix
	if f.address == "" || slices.Contains(f.words, f.address) {
		return none, nil
	}
	wrong := func(reason, better string) (netip.Prefix, *Fault) {
		return none, &Fault{Field: f.field, Value: f.address, Reason: reason, Better: better}
	}
	p, err := netip.ParsePrefix(f.address)
	switch {
	case err == nil && !f.member(p.Addr()):
		return wrong("is of the other family", "such as "+f.example)
	case err == nil:
		if why := unusable(p); why != "" {
			return wrong(why, "")
		}
		return p, nil
	case strings.Contains(f.address, ","):
		return wrong("is not an address", "the gateway is given apart")
	}
	if a, err := netip.ParseAddr(f.address); err == nil && f.member(a) && a.Zone() == "" {
		return wrong("lacks its prefix length", "such as "+f.address+f.example[strings.IndexByte(f.example, '/'):])
	}
	return wrong("is not an address", "one of "+strings.Join(f.words, ", ")+", none or an address such as "+f.example)
}

// gatewayFault returns the fault of the gateway. A gateway outside of the address's
// network is legal: Proxmox sets a route to it on the link.
func (f family) gatewayFault(p netip.Prefix) *Fault {
	if f.gateway == "" {
		return nil
	}
	wrong := func(reason, better string) *Fault {
		return &Fault{Field: f.gatewayField, Value: f.gateway, Reason: reason, Better: better}
	}
	g, err := netip.ParseAddr(f.gateway)
	switch {
	case err != nil || !f.member(g) || g.Zone() != "": // a zone may contain commas, which separate the fields of net0
		return wrong("is not an address of that family", "an address without prefix length")
	case !p.IsValid():
		return wrong("needs a fixed address", "remove it, or give the address itself")
	case g == p.Addr():
		return wrong("is the container's own address", "")
	case g.IsUnspecified() || g.IsMulticast() || g.IsLoopback():
		return wrong("is no router's address", "")
	case p.Contains(g):
		if why := unusable(netip.PrefixFrom(g, p.Bits())); why != "" && (g.Is4() || g != p.Masked().Addr()) {
			return wrong(why, "") // in IPv6 the network's own address means "any router"
		}
	}
	return nil
}

// unusable returns the reason why a host cannot have an address, or "". Networks of two
// addresses (/31, /127) and of one (/32, /128) have no network address and no broadcast
// address.
func unusable(p netip.Prefix) string {
	a := p.Addr()
	hostBits := a.BitLen() - p.Bits()
	switch {
	case a.IsUnspecified() || a.IsMulticast():
		return "is no host's address"
	case a.IsLoopback():
		return "is a loopback address"
	case p.Bits() == 0:
		return "has a prefix length of 0, which is no network"
	case hostBits > 1 && a == p.Masked().Addr():
		return "is the network's own address"
	case a.Is4() && hostBits > 1 && !p.Contains(a.Next()):
		return "is the network's broadcast address"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "is no host's address"
	}
	return ""
}
