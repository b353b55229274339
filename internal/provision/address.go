package provision

import (
	"net/netip"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// staticAddress is the address that the spec itself gives, IPv4 first.
func staticAddress(n lxc.Network) (netip.Addr, bool) {
	for _, s := range []string{n.IPv4, n.IPv6} {
		if p, err := netip.ParsePrefix(s); err == nil {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}

func at(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return " at " + a.String()
}
