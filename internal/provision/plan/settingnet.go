package plan

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// netParts are the properties of an interface that a spec can ask for, each with its word for people.
var netParts = []struct{ key, word string }{
	{"bridge", "bridge"}, {"tag", "VLAN"}, {"ip", "IPv4"}, {"gw", "gateway"}, {"ip6", "IPv6"}, {"gw6", "IPv6 gateway"}, {"firewall", "firewall"},
	{"mtu", "MTU"}, {"rate", "rate"},
}

func netProperties(n lxc.Network) map[string]string {
	p := map[string]string{"bridge": n.Bridge, "ip": n.IPv4, "gw": n.Gateway4, "ip6": n.IPv6, "gw6": n.Gateway6}
	if n.VLAN > 0 {
		p["tag"] = strconv.Itoa(n.VLAN)
	}
	if n.MTU > 0 {
		p["mtu"] = strconv.Itoa(n.MTU)
	}
	if n.RateMBs > 0 {
		p["rate"] = decimal(n.RateMBs)
	}
	if n.Firewall {
		p["firewall"] = "1"
	}
	return p
}

func compareNetwork(s sides) compared {
	want, was := s.want.Network, s.was.Network
	if s.anyAddress {
		want.IPv4, was.IPv4 = "", ""
	}
	return compareInterface(s.have.All["net0"], want, was)
}

// compareInterface names only the parts that differ.
func compareInterface(text string, wanted, asWas lxc.Network) compared {
	have := pve.Properties(text)
	for _, key := range []string{"ip", "ip6"} {
		if have[key] == "manual" { // Proxmox's other word for none
			delete(have, key)
		}
	}
	if have["firewall"] == "0" {
		delete(have, "firewall")
	}
	want, was := netProperties(wanted), netProperties(asWas)
	set := map[string]string{}
	var haves, wants []string
	for _, part := range netParts {
		old := have[part.key]
		now := asked(want[part.key], was[part.key], old)
		if sameAddress(now, old) || part.key == "bridge" && now == "" {
			continue // a bridge that is not named any more stays: any will do
		}
		set[part.key] = now
		haves = append(haves, part.word+" "+orNone(old))
		wants = append(wants, part.word+" "+orNone(now))
	}
	if len(set) == 0 {
		return compared{}
	}
	return compared{have: strings.Join(haves, ", "), want: strings.Join(wants, ", "), value: pve.WithProperties(text, set), restart: guestActs(set)}
}

// guestActs reports whether a change takes effect only when the guest sets up its network:
// Proxmox changes bridge, VLAN, rate, firewall and static addresses of a running container
// itself, and of the rest the configuration alone (update_net of pve-container 6.1.10).
func guestActs(set map[string]string) bool {
	_, mtu := set["mtu"]
	return mtu || set["ip"] == "dhcp" || set["ip6"] == "dhcp" || set["ip6"] == "auto"
}

// sameAddress compares two values, and addresses whatever their spelling.
func sameAddress(a, b string) bool {
	if p, err := netip.ParsePrefix(a); err == nil {
		a = p.String()
	}
	if p, err := netip.ParsePrefix(b); err == nil {
		b = p.String()
	}
	return a == b
}

// interfaceRows are the interfaces after the first. One is known by its name in the guest,
// because its number on Proxmox depends on what else there is.
func interfaceRows(s sides) (rows []settingRow) {
	used := map[string]bool{}
	for i, n := range s.want.Networks() {
		if i == 0 {
			continue
		}
		key := partKey(s.have, "net", "name", n.Name)
		compare := func(s sides) compared {
			return compareInterface(s.have.All[key], n, networkNamed(s.was, n.Name))
		}
		added := key == ""
		if added {
			key = freeKey(s.have, "net", used)
			compare = func(s sides) compared { return addedInterface(s, key, n) }
		}
		rows = append(rows, settingRow{name: "network " + n.Name, part: n.Name, flags: []string{"net"}, key: key, privilege: "VM.Config.Network", compare: compare, add: added})
	}
	for i, n := range s.was.Networks() {
		key := partKey(s.have, "net", "name", n.Name)
		if i == 0 || key == "" || key == "net0" || networkNamed(s.want, n.Name).Name != "" {
			continue
		}
		rows = append(rows, settingRow{name: "network " + n.Name, part: n.Name, flags: []string{"net"}, compare: removedPart(key)})
	}
	return rows
}

// networkNamed is an interface of a spec; one without a name if there is none.
func networkNamed(s lxc.Spec, name string) lxc.Network {
	for _, n := range s.Networks() {
		if n.Name == name {
			return n
		}
	}
	return lxc.Network{}
}

// addedInterface is one that Proxmox does not have. Where no bridge is named it goes to the
// bridge of the first.
func addedInterface(s sides, key string, n lxc.Network) compared {
	if n.Bridge == "" {
		n.Bridge = s.have.Net0.Bridge
	}
	if text := s.have.All[key]; text != "" { // it is there already, as of a running container
		return compareInterface(text, n, n)
	}
	p := netProperties(n)
	var words []string
	for _, part := range netParts {
		if p[part.key] != "" {
			words = append(words, part.word+" "+p[part.key])
		}
	}
	return compared{want: strings.Join(words, ", "), value: pve.WithProperties("name="+n.Name, p), restart: guestActs(p)}
}

// partKey is the key of Proxmox's (net1, mp0, dev0) whose property has a value; "" for none.
func partKey(have pve.Config, kind, property, value string) string {
	for i := range maxParts {
		key := kind + strconv.Itoa(i)
		if text := have.All[key]; text != "" && pve.Properties(text)[property] == value {
			return key
		}
	}
	return ""
}

// maxParts is more than Proxmox has of any kind: 256 mount points and devices, 32 interfaces.
const maxParts = 256

// freeKey is the first key that is not taken, which it then takes.
func freeKey(have pve.Config, kind string, used map[string]bool) string {
	for i := 0; ; i++ {
		key := kind + strconv.Itoa(i)
		if have.All[key] == "" && !used[key] {
			used[key] = true
			return key
		}
	}
}

// removedPart is what nobody asks for any more. A sync leaves it: it may hold data, or be the
// way in.
func removedPart(key string) func(sides) compared {
	return func(s sides) compared {
		have := pve.WithProperties(s.have.All[key], map[string]string{"hwaddr": "", "type": ""})
		return compared{have: have, stays: fmt.Sprintf("left; to remove it, on the node: pct set %d --delete %s", s.ctid, key)}
	}
}
