package system

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

func networkCommands() map[string]kernel.Command {
	return map[string]kernel.Command{"ss": ss, "netstat": ss, "ip": ip, "curl": curl, "wget": wget, "nc": nc, "getent": getent, "ping": ping}
}

func nothing(*proc, []string) int { return 0 }

func prefixOf(p *proc) (netip.Prefix, bool) {
	a := p.M.Address()
	s := of(p)
	if !a.IsValid() || s == nil {
		return netip.Prefix{}, false
	}
	return s.o.Addr, true
}

func ip(p *proc, args []string) int {
	var words []string
	opts := map[string]bool{}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			opts[strings.TrimLeft(a, "-")] = true
		} else {
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		p.Errorf("sandbox: ip without an object" + kernel.NotHere)
		return 255
	}
	pre, up := prefixOf(p)
	switch {
	case strings.HasPrefix("address", words[0]) && opts["json"] || opts["j"]:
		out := `[{"ifindex":1,"ifname":"lo","operstate":"UNKNOWN","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},{"ifindex":2,"ifname":"eth0","operstate":"UP","addr_info":[`
		if up {
			out += fmt.Sprintf(`{"family":"inet","local":"%s","prefixlen":%d,"scope":"global"}`, pre.Addr(), pre.Bits())
		}
		p.Printf("%s]}]\n", out+"")
	case strings.HasPrefix("address", words[0]):
		global := strings.Contains(strings.Join(words, " "), "scope global")
		if opts["o"] || opts["oneline"] || opts["br"] {
			if !global && !opts["6"] {
				p.Printf("1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n")
			}
			if up && !opts["6"] {
				p.Printf("2: eth0    inet %s brd %s scope global eth0\\       valid_lft forever preferred_lft forever\n", pre, broadcast(pre))
			}
			return 0
		}
		if !global {
			p.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n")
		}
		p.Printf("2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n")
		if up {
			p.Printf("    inet %s brd %s scope global eth0\n       valid_lft forever preferred_lft forever\n", pre, broadcast(pre))
		}
	case strings.HasPrefix("route", words[0]):
		if up {
			if len(words) > 1 && words[1] == "get" {
				p.Printf("%s via %s dev eth0 src %s uid 0\n", words[2], pre.Masked().Addr().Next(), pre.Addr())
				return 0
			}
			p.Printf("default via %s dev eth0\n", pre.Masked().Addr().Next())
			if len(words) < 3 || words[2] != "default" {
				p.Printf("%s dev eth0 proto kernel scope link src %s\n", pre.Masked(), pre.Addr())
			}
		}
	case strings.HasPrefix("link", words[0]):
		p.Printf("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN\n2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n")
	default:
		p.Errorf("sandbox: ip %s"+kernel.NotHere, words[0])
		return 255
	}
	return 0
}

func broadcast(p netip.Prefix) netip.Addr {
	if !p.Addr().Is4() {
		return p.Addr()
	}
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b)
}
