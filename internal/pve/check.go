package pve

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The bounds that Proxmox's own schema sets.
const (
	minCTID, maxCTID = 100, 999999999
	maxCores         = 8192
	minMemory        = 16 // MiB
	maxHostname      = 255
	maxLabel         = 63
)

var (
	labelForm = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	tagForm   = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*$`)
	nameForm  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`) // nodes, storages, bridges
)

// CheckSpec finds what is wrong with a spec in itself, without asking Proxmox.
// Its errors are of the kind Invalid.
func CheckSpec(s lxc.Spec) error {
	for _, check := range []func(lxc.Spec) error{checkHostname, checkNumbers, checkNames, checkNetwork} {
		if err := check(s); err != nil {
			return err
		}
	}
	return CheckKeys(s.SSHKeys)
}

func invalid(field, value, reason string) error {
	return &Error{Kind: Invalid, Op: fmt.Sprintf("use %s %q", field, value), Field: field, Reason: reason}
}

func checkHostname(s lxc.Spec) error {
	h := s.Hostname
	if h == "" || len(h) > maxHostname {
		return invalid("hostname", h, fmt.Sprintf("it must have 1 to %d characters", maxHostname))
	}
	for label := range strings.SplitSeq(h, ".") {
		if len(label) > maxLabel || !labelForm.MatchString(label) {
			return invalid("hostname", h, "letters, digits and hyphens only, in parts of up to 63 between dots, none beginning or ending with a hyphen")
		}
	}
	return nil
}

func checkNumbers(s lxc.Spec) error {
	switch {
	case s.CTID != 0 && (s.CTID < minCTID || s.CTID > maxCTID):
		return invalid("ctid", fmt.Sprint(s.CTID), fmt.Sprintf("ids go from %d to %d", minCTID, maxCTID))
	case s.Cores < 0 || s.Cores > maxCores:
		return invalid("cores", fmt.Sprint(s.Cores), fmt.Sprintf("it must be 1 to %d", maxCores))
	case s.MemoryMiB != 0 && s.MemoryMiB < minMemory:
		return invalid("memory", fmt.Sprint(s.MemoryMiB), fmt.Sprintf("the least is %d MiB", minMemory))
	case s.SwapMiB < 0:
		return invalid("swap", fmt.Sprint(s.SwapMiB), "it must be 0 or more, in MiB")
	case s.DiskGiB < 0:
		return invalid("disk", fmt.Sprint(s.DiskGiB), "it must be 1 or more, in GiB")
	}
	return nil
}

func checkNames(s lxc.Spec) error {
	for _, n := range []struct{ field, value string }{{"node", s.Node}, {"storage", s.Storage}, {"bridge", s.Network.Bridge}} {
		if n.value != "" && !nameForm.MatchString(n.value) {
			return invalid(n.field, n.value, "it is no name that Proxmox knows")
		}
	}
	for _, t := range s.Tags {
		if !tagForm.MatchString(t) {
			return invalid("tag", t, "letters, digits and _ - + . only, beginning with a letter, digit or _")
		}
	}
	if s.OSTemplate == "" || strings.ContainsAny(s.OSTemplate, " \t\n,") {
		return invalid("os", s.OSTemplate, "it must be a prefix such as debian-12, or a volume such as local:vztmpl/FILE")
	}
	return nil
}

func checkNetwork(s lxc.Spec) error {
	n := s.Network
	if n.VLAN < 0 || n.VLAN > 4094 {
		return invalid("vlan", fmt.Sprint(n.VLAN), "it must be 1 to 4094")
	}
	if n.IPv4 != "dhcp" {
		if err := checkAddress("ip", n.IPv4, n.Gateway4, true); err != nil {
			return err
		}
	} else if n.Gateway4 != "" {
		return invalid("ip", n.Gateway4, "a gateway goes with a static address only")
	}
	if n.IPv6 != "dhcp" && n.IPv6 != "auto" {
		if err := checkAddress("ip6", n.IPv6, n.Gateway6, false); err != nil {
			return err
		}
	} else if n.Gateway6 != "" {
		return invalid("ip6", n.Gateway6, "a gateway goes with a static address only")
	}
	for _, ns := range n.Nameservers {
		if a, err := netip.ParseAddr(ns); err != nil || a.Zone() != "" {
			return invalid("nameserver", ns, "it is no IP address")
		}
	}
	return nil
}

// checkAddress checks a static address with its gateway; both may be empty.
func checkAddress(field, cidr, gateway string, v4 bool) error {
	form := map[bool]string{true: "dhcp or an address with its prefix length, such as 192.168.1.50/24",
		false: "dhcp, auto or an address with its prefix length, such as fd00::50/64"}[v4]
	if cidr == "" {
		if gateway != "" {
			return invalid(field, gateway, "a gateway goes with a static address only")
		}
		return nil
	}
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is4() != v4 {
		return invalid(field, cidr, "it must be "+form)
	}
	if bad := unusable(p); bad != "" {
		return invalid(field, cidr, bad)
	}
	if gateway == "" {
		return nil
	}
	gw, err := netip.ParseAddr(gateway)
	switch {
	case err != nil || gw.Is4() != v4 || gw.Zone() != "": // a zone may hold anything, and net0 is a list
		return invalid(field, gateway, "the gateway is no address of the same family")
	case gw == p.Addr():
		return invalid(field, gateway, "the gateway is the container's own address")
	}
	return nil
}

// unusable says why an address cannot be a host's.
func unusable(p netip.Prefix) string {
	a := p.Addr()
	hostBits := a.BitLen() - p.Bits()
	switch {
	case a.IsUnspecified() || a.IsMulticast():
		return "it is no host's address"
	case p.Bits() == 0:
		return "a prefix length of 0 is no network"
	case hostBits > 1 && a == p.Masked().Addr():
		return "it is the network's own address"
	case a.Is4() && hostBits > 1 && isBroadcast(p):
		return "it is the network's broadcast address"
	}
	return ""
}

func isBroadcast(p netip.Prefix) bool {
	return !p.Contains(p.Addr().Next()) || !p.Addr().Next().IsValid()
}

// gatewayOutside reports whether a gateway lies outside the address's network.
// Proxmox copes by a host route, but it is seldom meant.
func gatewayOutside(cidr, gateway string) bool {
	p, err := netip.ParsePrefix(cidr)
	gw, err2 := netip.ParseAddr(gateway)
	return err == nil && err2 == nil && !p.Contains(gw) && !gw.IsLinkLocalUnicast()
}

// CheckKeys checks public keys as authorized_keys lines: Proxmox's own message
// for a bad one does not say which.
func CheckKeys(keys []string) error {
	for _, text := range keys {
		if strings.Contains(text, "PRIVATE KEY") {
			return &Error{Kind: Invalid, Op: "use the SSH key", Field: "ssh-key", Reason: "it is a private key; give the public one (.pub)"}
		}
	}
	for _, line := range keyLines(keys) {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
			short := line
			if len(short) > 40 {
				short = short[:40] + "…"
			}
			return invalid("ssh-key", short, "it is no SSH public key: "+strings.TrimPrefix(err.Error(), "ssh: "))
		}
	}
	return nil
}
