package template

import "github.com/infrahaus/infrahaus/internal/lxc"

// network checks the addresses with the same rules as create. Struct tags cannot express
// these.
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
	for _, f := range n.Faults() {
		path := join("network", f.Field)
		switch f.Field {
		case "vlan":
			continue // the range in its struct tag is checked already
		case "nameserver":
			path = index("network.nameservers", f.Index)
		}
		d.bad(path, f.Better, "%q %s", f.Value, f.Reason)
	}
	return n
}
