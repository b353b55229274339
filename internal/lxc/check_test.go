package lxc

import (
	"strings"
	"testing"
)

func TestNetworkFaults(t *testing.T) {
	for _, c := range []struct{ ip, gateway, want string }{
		{"", "", ""},
		{"dhcp", "", ""},
		{"dhcp", "10.0.0.1", "gateway needs a fixed address"},
		{"", "10.0.0.1", "gateway needs a fixed address"},
		{"10.0.0.5/24", "", ""},
		{"10.0.0.5/24", "10.0.0.1", ""},
		{"10.0.0.5/24", "10.9.0.1", ""},
		{"192.0.2.10/32", "198.51.100.1", ""},
		{"192.0.2.10/32", "192.0.2.10", "gateway is the container's own address"},
		{"10.0.0.4/31", "10.0.0.5", ""},
		{"10.0.0.5/31", "10.0.0.4", ""},
		{"10.0.0.0/24", "", "ip is the network's own address"},
		{"10.0.0.255/24", "", "ip is the network's broadcast address"},
		{"255.255.255.255/8", "", "ip is the network's broadcast address"},
		{"10.0.0.255/23", "", ""},
		{"10.0.0.4/30", "", "ip is the network's own address"},
		{"10.0.0.7/30", "", "ip is the network's broadcast address"},
		{"10.0.0.5/24", "10.0.0.5", "gateway is the container's own address"},
		{"10.0.0.5/24", "10.0.0.0", "gateway is the network's own address"},
		{"10.0.0.5/24", "10.0.0.255", "gateway is the network's broadcast address"},
		{"10.0.0.5/24", "0.0.0.0", "gateway is no router's address"},
		{"10.0.0.5/24", "10.0.0.1/24", "gateway is not an address of that family"},
		{"10.0.0.5/24", "fd00::1", "gateway is not an address of that family"},
		{"10.0.0.5/0", "", "ip has a prefix length of 0"},
		{"10.0.0.5/33", "", "ip is not an address"},
		{"10.0.0.5", "", "ip lacks its prefix length"},
		{"10.0.0.5/24,10.0.0.1", "", "ip is not an address"},
		{"010.0.0.5/24", "", "ip is not an address"},
		{"127.0.0.5/8", "", "ip is a loopback address"},
		{"224.0.0.5/24", "", "ip is no host's address"},
		{"0.0.0.0/24", "", "ip is no host's address"},
		{"255.255.255.255/32", "", "ip is no host's address"},
		{"fd00::5/64", "", "ip is of the other family"},
		{"auto", "", "ip is not an address"},
	} {
		check(t, Network{IPv4: c.ip, Gateway4: c.gateway}, c.want)
	}
	for _, c := range []struct{ ip, gateway, want string }{
		{"auto", "", ""},
		{"dhcp", "", ""},
		{"auto", "fe80::1", "gateway6 needs a fixed address"},
		{"fd00::5/64", "fe80::1", ""},
		{"fd00::5/64", "fd00::", ""},
		{"fd00::5/64", "fe80::1%eth0", "gateway6 is not an address of that family"},
		{"fd00::/64", "", "ip6 is the network's own address"},
		{"fd00::/127", "fd00::1", ""},
		{"fd00::5/128", "fe80::1", ""},
		{"fd00::5/128", "fd00::5", "gateway6 is the container's own address"},
		{"fd00::5", "", "ip6 lacks its prefix length"},
		{"fe80::5%eth0/64", "", "ip6 is not an address"},
		{"10.0.0.5/24", "", "ip6 is of the other family"},
		{"::ffff:10.0.0.5/120", "", "ip6 is of the other family"},
		{"::1/64", "", "ip6 is a loopback address"},
	} {
		check(t, Network{IPv6: c.ip, Gateway6: c.gateway}, c.want)
	}
	check(t, Network{Nameservers: []string{"9.9.9.9", "2620:fe::fe"}}, "")
	check(t, Network{Nameservers: []string{"dns.example"}}, "nameserver is not an IP address")
	check(t, Network{VLAN: 4095}, "vlan is not from 1 to 4094")
}

func check(t *testing.T, n Network, want string) {
	t.Helper()
	got := ""
	for _, f := range n.Faults() {
		got += f.Field + " " + f.Reason
	}
	if want == "" && got != "" || !strings.HasPrefix(got, want) {
		t.Errorf("%+v: %q, wanted %q", n, got, want)
	}
}

func TestWrongHostname(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, good := range []string{"web", "web.lab.example.org", "WEB-01", "1", "101", long, long + "." + long} {
		if why := WrongHostname(good); why != "" {
			t.Errorf("%s %s", good, why)
		}
	}
	for _, bad := range []string{"", "bad_host", "-web", "web-", "web.", ".web", "a..b", "web.-lab", "wéb", "a b", long + "a", strings.Repeat("a.", 127) + "a"} {
		if WrongHostname(bad) == "" {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzHostname checks that an accepted hostname has only DNS labels and dots.
func FuzzHostname(f *testing.F) {
	for _, s := range []string{"web-01", "-x", "x-", "a.b", "../../x", "$(reboot)", "a\nb", "web\n", "", strings.Repeat("a", 63), strings.Repeat("a", 64), "é", "--", ".", "/", "\u212a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if WrongHostname(name) != "" {
			return
		}
		for label := range strings.SplitSeq(name, ".") {
			if len(name) > 253 || len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
				strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
				t.Fatalf("%q passes for a hostname", name)
			}
		}
	})
}
