package cli

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// FuzzIP: what --ip and --ip6 take goes into Proxmox's property string of eth0: it
// is an address, in one form, and no more.
func FuzzIP(f *testing.F) {
	for _, s := range []string{"dhcp", "auto", "192.0.2.10/24,192.0.2.1", "192.0.2.10/24,gw=192.0.2.1", "2001:db8::10/64,fe80::1", "2001:db8::10/64,fe80::1%x,firewall=0",
		"::ffff:192.0.2.1/96", "192.0.2.10/024", "0.0.0.0/0", "192.0.2.1/33", "fe80::1%eth0/64", "192.0.2.10/24,", ",", "10.0.0.1/8,10.0.0.2,tag=5", "", "\u0661.0.0.1/8"} {
		f.Add(s, strings.Contains(s, ":"))
	}
	f.Fuzz(func(t *testing.T, text string, six bool) {
		addr, gw, err := parseIP("ip", text, six)
		if err != nil {
			if addr+gw != "" || !strings.HasPrefix(err.Error(), "--ip") {
				t.Fatalf("%q: %q, %q and %v", text, addr, gw, err)
			}
			return
		}
		if addr == "dhcp" || six && addr == "auto" {
			if gw != "" {
				t.Fatalf("%q has a gateway %q", text, gw)
			}
			return
		}
		p, err := netip.ParsePrefix(addr)
		if err != nil || p.String() != addr || p.Addr().Is6() != six || strings.ContainsAny(addr+gw, ", =%;\n") {
			t.Fatalf("%q became %q and %q", text, addr, gw)
		}
		if g, err := netip.ParseAddr(gw); gw != "" && (err != nil || g.Is6() != six || g.String() != gw) {
			t.Fatalf("%q became the gateway %q", text, gw)
		}
	})
}

// FuzzNames checks that `create` turns any template name into a single DNS label.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"web-01", "-x", "x-", "a.b", "../../x", "$(reboot)", "a\nb", "web\n", "", strings.Repeat("a", 63), strings.Repeat("a", 64), "é", "./templates/my app/", "--", ".", "/", "\u212a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if made := (&createOptions{}).hostname(&template.Template{Name: name}); lxc.WrongHostname(made) != "" || strings.Contains(made, ".") {
			t.Fatalf("of the template %q comes the hostname %q", name, made)
		}
	})
}

// FuzzNumbers: a number that a flag takes is within its limits.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"100", "99", "-1", "999999999", "1000000000", "0x64", "1e3", "100 ", "9223372036854775808", "1_00", ""} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, ctid, vlan string) {
		var o specOptions
		cmd := &cobra.Command{}
		o.register(cmd)
		if cmd.Flags().Parse([]string{"--ctid=" + ctid, "--vlan=" + vlan}) != nil {
			return
		}
		s, err := o.apply(lxc.Spec{})
		if err == nil && (s.CTID < 100 || s.CTID > 999999999 || s.Network.VLAN < 1 || s.Network.VLAN > 4094) {
			t.Fatalf("%q, %q: %d, %d", ctid, vlan, s.CTID, s.Network.VLAN)
		}
		if n, e := strconv.Atoi(ctid); e == nil && err == nil && strconv.Itoa(n) == ctid && s.CTID != n {
			t.Fatalf("%q became %d", ctid, s.CTID)
		}
	})
}

// A command that a hint names can be pasted into a shell, whatever a container is
// called.
func TestHintsArePasted(t *testing.T) {
	a := &app{}
	if got := a.command("show", "x; reboot"); got != "infrahaus show 'x; reboot'" {
		t.Errorf("%s", got)
	}
	a.global.host = "$(reboot)"
	if got := a.command("create", "web", "--template", "hello"); got != "infrahaus --host '$(reboot)' create web --template hello" {
		t.Errorf("%s", got)
	}
}
