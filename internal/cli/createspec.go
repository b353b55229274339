package cli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// specOptions are the flags that change what a template asks of Proxmox.
type specOptions struct {
	flags *pflag.FlagSet

	ctid, vlan, cores, memory, swap, disk int
	mtu                                   int
	rate                                  float64
	node, storage, bridge, ip, ip6        string
	tags, sshKeys, nameservers            []string
	unprivileged, privileged              bool
	nesting, onboot, firewall             bool
	console                               string
	parts                                 partOptions
}

func (o *specOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	o.flags = f
	f.IntVar(&o.ctid, "ctid", 0, "the container's `id` on Proxmox (default: the next free one)")
	f.StringVar(&o.node, "node", "", "the Proxmox node of this `name`; of several with commas, or of all with auto, the one with the most free memory that fits")
	f.StringVar(&o.storage, "storage", "", "the storage of the root disk, by `name`")
	f.StringVar(&o.ip, "ip", "", "IPv4: dhcp, none, or `CIDR[,gateway]`")
	f.StringVar(&o.ip6, "ip6", "", "IPv6: auto, dhcp, none, or `CIDR[,gateway]`")
	f.IntVar(&o.cores, "cores", 0, "`number` of CPU cores")
	f.IntVar(&o.memory, "memory", 0, "memory in `MiB`")
	f.IntVar(&o.swap, "swap", 0, "swap in `MiB`")
	f.IntVar(&o.disk, "disk", 0, "root disk in `GiB`")
	f.StringArrayVar(&o.sshKeys, "ssh-key", nil, "a public `key` to let in, as text or as a file's path; may be repeated")
	f.BoolVar(&o.unprivileged, "unprivileged", false, "an unprivileged container")
	f.BoolVar(&o.privileged, "privileged", false, "a privileged container: its root is the node's root")
	choose(cmd, &o.console, "console", "tty", "what its console asks: tty (a login) or shell (nothing: whoever has VM.Console on it is root in it), by `name`", "tty", "shell")
	f.StringVar(&o.parts.os, "os", "", "the OS `template`, instead of the template's: a prefix such as debian-13, a volume or oci:IMAGE; several by preference with commas")
	f.StringVar(&o.parts.image, "image", "", "the OCI `image` of a registry, such as nginx:1.29: --os oci:IMAGE (Proxmox VE 9.1 and later)")
	f.StringVar(&o.parts.ostype, "ostype", "", "the `distribution` where Proxmox cannot recognise it; unmanaged: Proxmox sets up neither password nor keys in it")
	_ = cmd.RegisterFlagCompletionFunc("ostype", cobra.FixedCompletions(lxc.OSTypes, cobra.ShellCompDirectiveNoFileComp))
	o.registerLater(cmd)
}

// registerLater adds the flags that a sync takes in the same words.
func (o *specOptions) registerLater(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.bridge, "bridge", "", "the bridge of eth0, by `name`")
	f.IntVar(&o.vlan, "vlan", 0, "the VLAN `tag` of eth0, 1 to 4094")
	f.IntVar(&o.mtu, "mtu", 0, "the largest packet of eth0 in `bytes`, 64 to 65535")
	f.Float64Var(&o.rate, "rate", 0, "the most that eth0 sends, in `MB/s`")
	f.BoolVar(&o.firewall, "firewall", false, "Proxmox's firewall filters eth0")
	f.StringArrayVar(&o.tags, "tag", nil, "a `tag`; may be repeated")
	f.StringArrayVar(&o.nameservers, "nameserver", nil, "a DNS server's `address`, or several with commas; may be repeated")
	f.BoolVar(&o.nesting, "nesting", false, "allow containers inside (feature nesting)")
	f.BoolVar(&o.onboot, "onboot", false, "start it when the node starts")
	o.parts.register(cmd)
}

// apply puts the flags that were given on top of a template's wishes.
func (o *specOptions) apply(s lxc.Spec) (lxc.Spec, error) {
	if err := o.checkNumbers(); err != nil {
		return s, err
	}
	given := o.flags.Changed
	for flag, set := range map[string]func(){
		"ctid":     func() { s.CTID = o.ctid },
		"node":     func() { s.Node = o.node },
		"storage":  func() { s.Storage = o.storage },
		"bridge":   func() { s.Network.Bridge = o.bridge },
		"vlan":     func() { s.Network.VLAN = o.vlan },
		"mtu":      func() { s.Network.MTU = o.mtu },
		"rate":     func() { s.Network.RateMBs = o.rate },
		"firewall": func() { s.Network.Firewall = o.firewall },
		"cores":    func() { s.Cores = o.cores },
		"memory":   func() { s.MemoryMiB = o.memory },
		"swap":     func() { s.SwapMiB = o.swap },
		"disk":     func() { s.DiskGiB = o.disk },
		"nesting":  func() { s.Features.Nesting = o.nesting },
		"onboot":   func() { s.OnBoot = o.onboot },
		"console":  func() { s.Console = o.console },
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
	s.Tags = withTags(s.Tags, o.tags)
	if err := o.applyNetwork(&s.Network); err != nil {
		return s, err
	}
	if err := o.parts.apply(&s, given); err != nil {
		return s, err
	}
	keys, err := readKeys(o.sshKeys)
	s.SSHKeys = append(s.SSHKeys, keys...)
	return s, err
}

// withTags are tags with more of them, each once.
func withTags(tags, more []string) []string {
	tags = slices.Clone(tags)
	for _, t := range more {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	return tags
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
		{"mtu", o.mtu, 64, 65535},
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
	if len(o.nameservers) == 0 {
		return nil
	}
	n.Nameservers = nil
	for _, ns := range o.nameservers {
		for word := range strings.SplitSeq(ns, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			if a, err := netip.ParseAddr(word); err != nil || a.Zone() != "" {
				return usagef("--nameserver takes IP addresses, not %q", word)
			}
			n.Nameservers = append(n.Nameservers, word)
		}
	}
	return nil
}

// parseIP reads dhcp, auto (IPv6), none ("") or CIDR[,gateway]. lxc.Network.Faults checks
// later whether a host and its router can have these addresses.
func parseIP(flag, text string, six bool) (address, gateway string, err error) {
	text = strings.TrimSpace(text)
	words := "dhcp, none"
	if six {
		words = "dhcp, auto, none"
	}
	switch {
	case text == "none":
		return "", "", nil
	case text == "dhcp", six && text == "auto":
		return text, "", nil
	}
	cidr, gw, hasGW := strings.Cut(text, ",")
	cidr, gw = strings.TrimSpace(cidr), strings.TrimPrefix(strings.TrimSpace(gw), "gw=")
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is6() != six {
		return "", "", usagef("--%s takes %s or an address with its prefix length, such as %s, not %q", flag, words, ipExample(six), text)
	}
	if !hasGW {
		return p.String(), "", nil
	}
	g, err := netip.ParseAddr(gw)
	if err != nil || g.Is6() != six || g.Zone() != "" { // a zone may hold anything, commas too
		return "", "", usagef("--%s: %q is no gateway address", flag, gw)
	}
	// A host with a single address (/32) reaches any router on its link: hosting
	// providers do that. In other networks a gateway outside works, too, but is more
	// often a mistake. Only a template may set one.
	if !p.IsSingleIP() && !p.Contains(g) && !g.IsLinkLocalUnicast() {
		return "", "", usagef("--%s: the gateway %s is outside of %s", flag, g, p.Masked()).
			hint("a router outside is reached from a single address: %s", netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
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
		if !isKeyText(k) {
			raw, err := os.ReadFile(homePath(k))
			if err != nil {
				return nil, usagef("--ssh-key: %.80q is neither a public key nor a file that can be read", k)
			}
			text = string(raw)
		}
		if strings.Contains(text, "PRIVATE KEY") {
			return nil, usagef("--ssh-key takes a public key, and this is a private one").hint("its public half is usually in the same place, ending in .pub")
		}
		before := len(keys)
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
				return nil, usagef("--ssh-key: not a public key: %.40q", line)
			}
			keys = append(keys, line)
		}
		if len(keys) == before {
			return nil, usagef("--ssh-key: %.80q holds no public key", k)
		}
	}
	return keys, nil
}

// isKeyText distinguishes the text of a key from its path. Both may contain blanks, but
// in a key's text one of the words is a type of key. Options may precede it.
func isKeyText(s string) bool {
	if strings.ContainsAny(s, "\n\r") || strings.Contains(s, "PRIVATE KEY") {
		return true
	}
	words := strings.Fields(s)
	return len(words) > 1 && slices.ContainsFunc(words[:len(words)-1], func(w string) bool {
		return strings.HasPrefix(w, "ssh-") || strings.HasPrefix(w, "ecdsa-sha2-") || strings.HasPrefix(w, "sk-ssh-") || strings.HasPrefix(w, "sk-ecdsa-")
	})
}

// hostname is NAME, or the name of the template or else of the OS, and a short suffix.
func (o *createOptions) hostname(t *template.Template) string {
	if o.name != "" {
		return o.name
	}
	from := t.Name
	if t.IsNone() {
		from, _, _ = strings.Cut(o.spec.parts.os, ",")
	}
	label := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9-]+`).ReplaceAllString(filepath.Base(from), "-"), "-")
	return fmt.Sprintf("%.50s-%s", orElse(label, "ct"), strings.ToLower(vault.Random(4)))
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
		raw, err := readSmall(homePath(path), stdin)
		if err != nil {
			return nil, usagef("--set-file %s: %w", k, err)
		}
		set[k] = strings.TrimSuffix(string(raw), "\n")
	}
	return set, nil
}

// flagOf is the flag that sets a variable: set-file wins.
func (o *variableOptions) flagOf(name string) string {
	for _, kv := range o.setFile {
		if k, _, _ := strings.Cut(kv, "="); k == name {
			return "set-file"
		}
	}
	return "set"
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
