package fleet

import (
	"fmt"
	"net/netip"
	"strings"
)

// Range are the addresses of which containers get one each.
type Range struct {
	First, Last netip.Addr
	Bits        int
	Gateway     netip.Addr // invalid: none
}

// ParseRange reads FROM-TO/BITS[,gateway], or a network such as 192.0.2.0/24[,gateway]. ok is
// false for any other text: an address, dhcp, auto, none.
func ParseRange(text string) (r Range, ok bool, err error) {
	span, gateway, hasGateway := strings.Cut(strings.TrimSpace(text), ",")
	from, to, isSpan := strings.Cut(span, "-")
	if isSpan {
		r, err = spanOf(strings.TrimSpace(from), strings.TrimSpace(to))
	} else {
		p, perr := netip.ParsePrefix(strings.TrimSpace(span))
		if perr != nil || p != p.Masked() || p.Addr().BitLen()-p.Bits() < 2 {
			return r, false, nil //nolint:nilerr // no range: create's own check says what is wrong with it
		}
		r = Range{First: p.Addr().Next(), Last: lastOf(p), Bits: p.Bits()}
		if p.Addr().Is4() {
			r.Last = r.Last.Prev() // the broadcast address
		}
	}
	if err != nil {
		return r, true, err
	}
	if hasGateway {
		text := strings.TrimPrefix(strings.TrimSpace(gateway), "gw=")
		if r.Gateway, err = netip.ParseAddr(text); err != nil || r.Gateway.Is4() != r.First.Is4() {
			return r, true, fmt.Errorf("%q is no gateway address", text)
		}
	}
	return r, true, nil
}

func spanOf(from, to string) (r Range, err error) {
	p, err := netip.ParsePrefix(to)
	if err != nil {
		return r, fmt.Errorf("a range reads 192.0.2.10-192.0.2.60/24, with the network's prefix length")
	}
	if r.First, err = netip.ParseAddr(from); err != nil || r.First.Is4() != p.Addr().Is4() {
		return r, fmt.Errorf("%q is no address to begin a range with", from)
	}
	r.Last, r.Bits = p.Addr(), p.Bits()
	if r.Last.Less(r.First) {
		return r, fmt.Errorf("the range ends before it begins: %s-%s", r.First, r.Last)
	}
	if network, _ := r.First.Prefix(r.Bits); !network.Contains(r.Last) {
		return r, fmt.Errorf("%s and %s are not in one network of /%d", r.First, r.Last, r.Bits)
	}
	return r, nil
}

func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// Contains reports whether an address is of the range.
func (r Range) Contains(a netip.Addr) bool { return !a.Less(r.First) && !r.Last.Less(a) }

// pick is the first address that nobody has. It leaves out the gateway, and of IPv4 the
// network's own and its broadcast address.
func (r Range) pick(taken map[netip.Addr]string) (netip.Addr, bool) {
	const most = 1 << 16 // tries: a larger network is never full
	network, _ := r.First.Prefix(r.Bits)
	tries := 0
	for a := r.First; a.IsValid() && !r.Last.Less(a) && tries < most; a = a.Next() {
		tries++
		own := a.Is4() && r.Bits < 31 && (a == network.Masked().Addr() || a == lastOf(network))
		if _, held := taken[a]; !held && !own && a != r.Gateway {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// text is an address of the range as --ip takes it.
func (r Range) text(a netip.Addr) string {
	text := netip.PrefixFrom(a, r.Bits).String()
	if r.Gateway.IsValid() {
		text += "," + r.Gateway.String()
	}
	return text
}
