package discover

import (
	"encoding/hex"
	"net/netip"
	"strings"
)

const maxAddresses = 256

// addresses reads `ip -o addr show`, or /proc/net/fib_trie.
func (p *parser) addresses(body string) {
	if strings.Contains(body, "Local:") {
		p.fibTrie(body)
		return
	}
	lines(body, func(l string) bool {
		f := strings.Fields(l)
		if len(f) < 4 || f[2] != "inet" && f[2] != "inet6" {
			return true
		}
		a, _, _ := strings.Cut(f[3], "/")
		name, _, _ := strings.Cut(f[1], "@")
		p.address(name, a)
		return true
	})
}

// fibTrie reads the addresses in front of `/32 host LOCAL`.
func (p *parser) fibTrie(body string) {
	last := ""
	lines(body, func(l string) bool {
		if a, ok := strings.CutPrefix(strings.TrimSpace(l), "|-- "); ok {
			last = a
		} else if strings.Contains(l, "/32 host LOCAL") {
			p.address("", last)
		}
		return true
	})
}

// ifInet6 reads /proc/net/if_inet6.
func (p *parser) ifInet6(body string) {
	lines(body, func(l string) bool {
		f := strings.Fields(l)
		if len(f) < 6 {
			return true
		}
		b, err := hex.DecodeString(f[0])
		if a, ok := netip.AddrFromSlice(b); err == nil && ok {
			p.address(f[5], a.String())
		}
		return true
	})
}

func (p *parser) address(iface, s string) {
	a, err := netip.ParseAddr(s)
	if err != nil || iface == "lo" || a.IsLoopback() && iface == "" || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return
	}
	if !validName(iface) {
		iface = ""
	}
	n := Address{iface, a}
	for _, have := range p.Addresses {
		if have == n {
			return
		}
	}
	if len(p.Addresses) < maxAddresses {
		p.Addresses = append(p.Addresses, n)
	}
}
