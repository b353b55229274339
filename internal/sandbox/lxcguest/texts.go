package lxcguest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

const pveBegin, pveEnd = "# --- BEGIN PVE ---\n", "# --- END PVE ---\n"

func hostsFile(c driver.Config) string {
	own := "127.0.1.1"
	for _, i := range c.Interfaces {
		if i.Addr.IsValid() && !i.DHCP {
			own = i.Addr.Addr().String()
			break
		}
	}
	return "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" + pveBegin + own + " " + c.Hostname + "\n" + pveEnd
}

func resolvConf(ns []string) string {
	var b strings.Builder
	b.WriteString(pveBegin)
	for _, n := range ns {
		b.WriteString("nameserver " + n + "\n")
	}
	b.WriteString(pveEnd)
	return b.String()
}

// interfacesFile is Debian's /etc/network/interfaces as Proxmox writes it.
func interfacesFile(ifs []driver.Interface) string {
	var b strings.Builder
	b.WriteString("auto lo\niface lo inet loopback\n")
	for _, i := range ifs {
		fmt.Fprintf(&b, "\nauto %s\n", i.Name)
		switch {
		case i.DHCP:
			fmt.Fprintf(&b, "iface %s inet dhcp\n", i.Name)
		case i.Addr.IsValid():
			stanza(&b, i.Name, "inet", i.Addr, i.Gateway)
		default:
			fmt.Fprintf(&b, "iface %s inet manual\n", i.Name)
		}
		if i.Addr6.IsValid() {
			b.WriteString("\n")
			stanza(&b, i.Name, "inet6", i.Addr6, i.Gateway6)
		}
	}
	return b.String()
}

func stanza(b *strings.Builder, name, family string, a netip.Prefix, gw netip.Addr) {
	fmt.Fprintf(b, "iface %s %s static\n\taddress %s\n", name, family, a)
	if gw.IsValid() {
		fmt.Fprintf(b, "\tgateway %s\n", gw)
	}
}
