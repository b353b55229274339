package cli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// specOptions are the flags that change what a template asks of Proxmox.
type specOptions struct {
	flags *pflag.FlagSet

	ctid, vlan, cores, memory, swap, disk int
	node, storage, bridge, ip, ip6        string
	tags, sshKeys, nameservers            []string
	unprivileged, privileged              bool
	nesting, onboot                       bool
	console                               string
}

func (o *specOptions) register(f *pflag.FlagSet) {
	o.flags = f
	f.IntVar(&o.ctid, "ctid", 0, "the container's `id` on Proxmox (default: the next free one)")
	f.StringVar(&o.node, "node", "", "the Proxmox node of this `name`")
	f.StringVar(&o.storage, "storage", "", "the storage of the root disk, by `name`")
	f.StringVar(&o.bridge, "bridge", "", "the bridge of eth0, by `name`")
	f.IntVar(&o.vlan, "vlan", 0, "the VLAN `tag` of eth0, 1 to 4094")
	f.StringVar(&o.ip, "ip", "", "IPv4: dhcp, none, or `CIDR[,gateway]`")
	f.StringVar(&o.ip6, "ip6", "", "IPv6: auto, dhcp, none, or `CIDR[,gateway]`")
	f.IntVar(&o.cores, "cores", 0, "`number` of CPU cores")
	f.IntVar(&o.memory, "memory", 0, "memory in `MiB`")
	f.IntVar(&o.swap, "swap", 0, "swap in `MiB`")
	f.IntVar(&o.disk, "disk", 0, "root disk in `GiB`")
	f.StringArrayVar(&o.tags, "tag", nil, "a `tag`; may be repeated")
	f.StringArrayVar(&o.sshKeys, "ssh-key", nil, "a public `key` to let in, as text or as a file's path; may be repeated")
	f.StringArrayVar(&o.nameservers, "nameserver", nil, "a DNS server's `address`; may be repeated")
	f.BoolVar(&o.unprivileged, "unprivileged", false, "an unprivileged container")
	f.BoolVar(&o.privileged, "privileged", false, "a privileged container: its root is the node's root")
	f.BoolVar(&o.nesting, "nesting", false, "allow containers inside (feature nesting)")
	f.StringVar(&o.console, "console", "tty", "what its console asks: tty (a login) or shell (nothing: whoever has VM.Console on it is root in it), by `name`")
	f.BoolVar(&o.onboot, "onboot", false, "start it when the node starts")
}

// apply puts the flags that were given on top of a template's wishes.
func (o *specOptions) apply(s lxc.Spec) (lxc.Spec, error) {
	if err := o.checkNumbers(); err != nil {
		return s, err
	}
	given := o.flags.Changed
	for flag, set := range map[string]func(){
		"ctid":    func() { s.CTID = o.ctid },
		"node":    func() { s.Node = o.node },
		"storage": func() { s.Storage = o.storage },
		"bridge":  func() { s.Network.Bridge = o.bridge },
		"vlan":    func() { s.Network.VLAN = o.vlan },
		"cores":   func() { s.Cores = o.cores },
		"memory":  func() { s.MemoryMiB = o.memory },
		"swap":    func() { s.SwapMiB = o.swap },
		"disk":    func() { s.DiskGiB = o.disk },
		"nesting": func() { s.Features.Nesting = o.nesting },
		"onboot":  func() { s.OnBoot = o.onboot },
		"console": func() { s.Console = o.console },
	} {
		if given(flag) {
			set()
		}
	}
	switch {
	case given("unprivileged") && given("privileged") && o.unprivileged == o.privileged:
		return s, usagef("--unprivileged and --privileged exclude each other")
	case given("unprivileged"):
		s.Unprivileged = o.unprivileged
	case given("privileged"):
		s.Unprivileged = !o.privileged
	}
	s.Tags = append(s.Tags, o.tags...)
	if err := o.applyNetwork(&s.Network); err != nil {
		return s, err
	}
	keys, err := readKeys(o.sshKeys)
	s.SSHKeys = append(s.SSHKeys, keys...)
	return s, err
}

// checkNumbers holds the flags against Proxmox's limits and the original
// system's.
func (o *specOptions) checkNumbers() error {
	for _, l := range []struct {
		flag             string
		value, low, high int
	}{
		{"ctid", o.ctid, 100, 999999999},
		{"vlan", o.vlan, 1, 4094},
		{"cores", o.cores, 1, 8192},
		{"memory", o.memory, 16, 16 << 20},
		{"swap", o.swap, 0, 16 << 20},
		{"disk", o.disk, 1, 131072},
	} {
		if o.flags.Changed(l.flag) && (l.value < l.low || l.value > l.high) {
			return usagef("--%s must be from %d to %d, not %d", l.flag, l.low, l.high, l.value)
		}
	}
	return nil
}

func (o *specOptions) applyNetwork(n *lxc.Network) error {
	var err error
	if o.flags.Changed("ip") {
		if n.IPv4, n.Gateway4, err = parseIP("ip", o.ip, false); err != nil {
			return err
		}
	}
	if o.flags.Changed("ip6") {
		if n.IPv6, n.Gateway6, err = parseIP("ip6", o.ip6, true); err != nil {
			return err
		}
	}
	for _, ns := range o.nameservers {
		if a, err := netip.ParseAddr(ns); err != nil || a.Zone() != "" {
			return usagef("--nameserver takes an IP address, not %q", ns)
		}
	}
	if len(o.nameservers) > 0 {
		n.Nameservers = o.nameservers
	}
	return nil
}

// parseIP reads dhcp, auto (IPv6), none ("") or CIDR[,gateway].
func parseIP(flag, text string, six bool) (address, gateway string, err error) {
	switch {
	case text == "none":
		return "", "", nil
	case text == "dhcp", six && text == "auto":
		return text, "", nil
	}
	cidr, gw, hasGW := strings.Cut(text, ",")
	gw = strings.TrimPrefix(gw, "gw=")
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is6() != six {
		return "", "", usagef("--%s takes dhcp, none or an address with its prefix length, such as %s, not %q", flag, ipExample(six), text)
	}
	if !hasGW {
		return p.String(), "", nil
	}
	g, err := netip.ParseAddr(gw)
	if err != nil || g.Is6() != six || g.Zone() != "" { // a zone may hold anything, commas too
		return "", "", usagef("--%s: %q is no gateway address", flag, gw)
	}
	if !p.Contains(g) && !g.IsLinkLocalUnicast() {
		return "", "", usagef("--%s: the gateway %s is outside of %s", flag, g, p.Masked())
	}
	return p.String(), g.String(), nil
}

func ipExample(six bool) string {
	if six {
		return "2001:db8::10/64,2001:db8::1"
	}
	return "192.0.2.10/24,192.0.2.1"
}

// readKeys takes public keys as text or as paths, and refuses what is none:
// Proxmox would only say "SSH public key validation error".
func readKeys(given []string) ([]string, error) {
	var keys []string
	for _, k := range given {
		text := k
		if !strings.Contains(k, " ") {
			raw, err := os.ReadFile(k)
			if err != nil {
				return nil, usagef("--ssh-key: %q is neither a public key nor a file that can be read", k)
			}
			text = string(raw)
		}
		if strings.Contains(text, "PRIVATE KEY") {
			return nil, usagef("--ssh-key takes a public key, and this is a private one").hint("its public half is usually in the same place, ending in .pub")
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
				return nil, usagef("--ssh-key: not a public key: %.40q", line)
			}
			keys = append(keys, line)
		}
	}
	return keys, nil
}

// hostnameRule is the original system's: one DNS label.
var hostnameRule = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

func checkHostname(name string) error {
	if hostnameRule.MatchString(name) {
		return nil
	}
	return usagef("%q is no hostname: letters, digits and inner hyphens, 63 at most", name)
}

// hostname is NAME, or the template's name and a short suffix.
func (o *createOptions) hostname(templateName string) string {
	if o.name != "" {
		return o.name
	}
	label := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9-]+`).ReplaceAllString(filepath.Base(templateName), "-"), "-")
	return fmt.Sprintf("%.50s-%s", orElse(label, "ct"), strings.ToLower(vault.Random(4)))
}

// randomText makes generated variables.
func randomText(n int, hex bool) string {
	if !hex {
		return vault.Random(n)
	}
	return randomHex(n)
}

// variableOptions are the flags that set a template's variables.
type variableOptions struct{ set, setFile []string }

func (o *variableOptions) register(f *pflag.FlagSet) {
	f.StringArrayVar(&o.set, "set", nil, "a template variable, `name=value`; may be repeated")
	f.StringArrayVar(&o.setFile, "set-file", nil, "a template variable from a file, `name=path` (- is stdin); for secrets")
}

// read is --set and --set-file together.
func (o *variableOptions) read(stdin io.Reader) (map[string]string, error) {
	set := map[string]string{}
	for _, kv := range o.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, usagef("--set takes name=value, not %q", k)
		}
		set[k] = v
	}
	for _, kv := range o.setFile {
		k, path, ok := strings.Cut(kv, "=")
		if !ok || k == "" || path == "" {
			return nil, usagef("--set-file takes name=path, not %q", kv)
		}
		raw, err := readSmall(path, stdin)
		if err != nil {
			return nil, usagef("--set-file %s: %w", k, err)
		}
		set[k] = strings.TrimSuffix(string(raw), "\n")
	}
	return set, nil
}

// maxVariable is the most that a variable's file may hold.
const maxVariable = 1 << 20

func readSmall(path string, stdin io.Reader) ([]byte, error) {
	r := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxVariable+1))
	if err == nil && len(raw) > maxVariable {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxVariable)
	}
	return raw, err
}
