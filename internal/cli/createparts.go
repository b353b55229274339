package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
)

// partOptions are the flags for what a container has besides its resources. --net, --mount
// and --device add to the template's, and the others replace them.
type partOptions struct {
	os, image, ostype     string
	pool, startup         string
	cpulimit              float64
	cpuunits              int
	nets, mounts, devices []string

	named bool     // an interface needs its name
	lists lxc.Spec // the interfaces, mount points and devices that the flags gave; set by apply
}

func (o *partOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&o.cpulimit, "cpulimit", 0, "the most CPU time in `cores`, such as 0.5")
	f.IntVar(&o.cpuunits, "cpuunits", 0, "the `weight` against other guests when CPU time is short")
	f.StringVar(&o.pool, "pool", "", "the resource pool, by `name`, or none")
	f.StringVar(&o.startup, "startup", "", "the `order` of starts with the node, such as 3 or order=3,up=30,down=60")
	f.StringArrayVar(&o.nets, "net", nil, "a further interface, such as `name=eth1,bridge=vmbr1,vlan=20,ip=dhcp`; may be repeated")
	f.StringArrayVar(&o.mounts, "mount", nil, "a mount point, such as `path=/srv/data,size=20` (GiB), or source=/srv/media,path=/media,readonly=1; may be repeated")
	f.StringArrayVar(&o.devices, "device", nil, "a device of the node, such as `/dev/dri/renderD128`, or PATH,mode=0660,gid=104; may be repeated")
	for flag, keys := range map[string][]string{"net": netKeys.names(), "mount": mountKeys.names(), "startup": {"order", "up", "down"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeKeys(keys))
	}
}

// apply puts the flags on top of a spec.
func (o *partOptions) apply(s *lxc.Spec, given func(flag string) bool) error {
	if given("os") {
		all := strings.FieldsFunc(o.os, func(r rune) bool { return r == ',' || r == ' ' })
		if len(all) == 0 {
			return usagef("--os takes a prefix such as debian-13, not %q", o.os)
		}
		s.OSTemplate, s.OSElse = all[0], all[1:len(all):len(all)]
		if len(s.OSElse) == 0 {
			s.OSElse = nil
		}
	}
	switch {
	case given("image") && given("os"):
		return usagef("--image and --os exclude each other")
	case given("image"):
		s.OSTemplate, s.OSElse = oci.Prefix+strings.TrimPrefix(o.image, oci.Prefix), nil
	}
	if given("ostype") {
		s.OSType = o.ostype
	}
	if given("cpulimit") {
		s.CPULimit = o.cpulimit
	}
	if given("cpuunits") {
		s.CPUUnits = o.cpuunits
	}
	if given("pool") {
		s.Pool = o.pool
	}
	if given("startup") {
		s.Startup = startupOf(o.startup)
	}
	return o.applyLists(s)
}

// applyLists adds what the flags gave to the template's. One of the same name or path
// replaces the template's; two flags for the same one are a fault of the spec.
func (o *partOptions) applyLists(s *lxc.Spec) error {
	o.lists = lxc.Spec{}
	for _, text := range o.nets {
		n := lxc.Network{}
		if err := netKeys.read("net", text, "", &n); err != nil {
			return err
		}
		if n.Name == "" && o.named {
			return usagef("--net %q does not say which interface it is", text).hint("name=eth1 is the first one after eth0")
		}
		n.Name = orElse(n.Name, n.InGuest(len(s.Interfaces)+1))
		if twice := slices.ContainsFunc(o.lists.Interfaces, func(l lxc.Network) bool { return l.Name == n.Name }); twice || n.Name == s.Network.InGuest(0) {
			s.Interfaces = append(slices.Clone(s.Interfaces), n)
		} else {
			s.SetInterface(n)
		}
		o.lists.Interfaces = append(o.lists.Interfaces, n)
	}
	for _, text := range o.mounts {
		m := lxc.Mount{}
		if err := mountKeys.read("mount", text, "path", &m); err != nil {
			return err
		}
		if slices.ContainsFunc(o.lists.Mounts, func(l lxc.Mount) bool { return l.Path == m.Path }) {
			s.Mounts = append(slices.Clone(s.Mounts), m)
		} else {
			s.SetMount(m)
		}
		o.lists.Mounts = append(o.lists.Mounts, m)
	}
	for _, text := range o.devices {
		d := lxc.Device{}
		if err := deviceKeys.read("device", text, "path", &d); err != nil {
			return err
		}
		if slices.ContainsFunc(o.lists.Devices, func(l lxc.Device) bool { return l.Path == d.Path }) {
			s.Devices = append(slices.Clone(s.Devices), d)
		} else {
			s.SetDevice(d)
		}
		o.lists.Devices = append(o.lists.Devices, d)
	}
	return nil
}

// checkRequires refuses a template that requires another version of this tool than have. A
// version that is no release, such as that of a build from source, satisfies every template.
func checkRequires(t *template.Template, have string) error {
	want := t.Requires.Infrahaus
	if want == "" || !pve.Satisfies(have, ">0.0.0") || pve.Satisfies(have, want) {
		return nil
	}
	return usagef("cannot use template %s: it requires infrahaus %s, and this is %s", t.Name, want, have)
}

// startupOf reads a start order; order= may be left out, as for Proxmox. A faulty text stays
// as it is, and the check of the spec refuses it.
func startupOf(text string) string {
	if head, rest, _ := strings.Cut(text, ","); strings.Trim(head, "0123456789") == "" && head != "" {
		text = strings.TrimSuffix("order="+head+","+rest, ",")
	}
	return text
}

// keyTable are the keys of a flag such as --net, each with what sets it. A set func returns
// what the key takes if it does not take the text, else "".
type keyTable[T any] map[string]func(to *T, text string) (takes string)

func (k keyTable[T]) names() []string { return slices.Sorted(maps.Keys(k)) }

// read reads key=value,key=value into to. A first part without = is the value of bare.
func (k keyTable[T]) read(flag, text, bare string, to *T) error {
	seen := map[string]bool{}
	for i, part := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok && i == 0 && bare != "" {
			key, value, ok = bare, key, true
		}
		set := k[key]
		switch {
		case !ok || set == nil:
			return usagef("--%s %q: %q is no key of it", flag, text, key).hint("its keys are %s", strings.Join(k.names(), ", "))
		case seen[key]:
			return usagef("--%s %q: %s is given twice", flag, text, key)
		}
		seen[key] = true
		if takes := set(to, value); takes != "" {
			return usagef("--%s %q: %s takes %s, not %q", flag, text, key, takes, value)
		}
	}
	return nil
}

var netKeys = keyTable[lxc.Network]{
	"name":     func(n *lxc.Network, s string) string { return setText(&n.Name, s) },
	"bridge":   func(n *lxc.Network, s string) string { return setText(&n.Bridge, s) },
	"vlan":     func(n *lxc.Network, s string) string { return setWhole(&n.VLAN, s) },
	"mtu":      func(n *lxc.Network, s string) string { return setWhole(&n.MTU, s) },
	"rate":     func(n *lxc.Network, s string) string { return setFraction(&n.RateMBs, s) },
	"firewall": func(n *lxc.Network, s string) string { return setYes(&n.Firewall, s) },
	"ip":       func(n *lxc.Network, s string) string { return setAddress(&n.IPv4, s) },
	"gw":       func(n *lxc.Network, s string) string { return setText(&n.Gateway4, s) },
	"ip6":      func(n *lxc.Network, s string) string { return setAddress(&n.IPv6, s) },
	"gw6":      func(n *lxc.Network, s string) string { return setText(&n.Gateway6, s) },
}

var mountKeys = keyTable[lxc.Mount]{
	"path":     func(m *lxc.Mount, s string) string { return setText(&m.Path, s) },
	"size":     func(m *lxc.Mount, s string) string { return setWhole(&m.SizeGiB, strings.TrimSuffix(s, "G")) },
	"storage":  func(m *lxc.Mount, s string) string { return setText(&m.Storage, s) },
	"volume":   func(m *lxc.Mount, s string) string { return setText(&m.Volume, s) },
	"source":   func(m *lxc.Mount, s string) string { return setText(&m.Source, s) },
	"backup":   func(m *lxc.Mount, s string) string { return setYes(&m.Backup, s) },
	"readonly": func(m *lxc.Mount, s string) string { return setYes(&m.ReadOnly, s) },
	"idmap":    func(m *lxc.Mount, s string) string { return setText(&m.IDMap, s) },
	"options": func(m *lxc.Mount, s string) string {
		m.Options = strings.Split(s, ";")
		return ""
	},
}

var deviceKeys = keyTable[lxc.Device]{
	"path":       func(d *lxc.Device, s string) string { return setText(&d.Path, s) },
	"mode":       func(d *lxc.Device, s string) string { return setText(&d.Mode, s) },
	"uid":        func(d *lxc.Device, s string) string { return setWhole(&d.UID, s) },
	"gid":        func(d *lxc.Device, s string) string { return setWhole(&d.GID, s) },
	"deny-write": func(d *lxc.Device, s string) string { return setYes(&d.DenyWrite, s) },
}

func setText(to *string, s string) string {
	*to = s
	if s == "" {
		return "a text"
	}
	return ""
}

func setAddress(to *string, s string) string {
	if s == "none" {
		return ""
	}
	return setText(to, s)
}

func setWhole(to *int, s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		return "a whole number"
	}
	*to = n
	return ""
}

func setFraction(to *float64, s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "a number"
	}
	*to = f
	return ""
}

func setYes(to *bool, s string) string {
	switch s {
	case "1", "true", "yes":
		*to = true
	case "0", "false", "no":
		*to = false
	default:
		return "1 or 0"
	}
	return ""
}

// completeKeys completes the keys of a text such as bridge=vmbr1,vlan=20.
func completeKeys(keys []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var out []string
		for _, k := range keys {
			if !strings.Contains(","+before, ","+k+"=") {
				out = append(out, before+k+"=")
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// netWord, mountWord and deviceWord write what --net, --mount and --device read.
func netWord(n lxc.Network) string {
	w := words{}
	w.add("name", n.Name)
	w.add("bridge", n.Bridge)
	w.add("vlan", ctidText(n.VLAN))
	w.add("ip", n.IPv4)
	w.add("gw", n.Gateway4)
	w.add("ip6", n.IPv6)
	w.add("gw6", n.Gateway6)
	w.add("mtu", ctidText(n.MTU))
	w.add("rate", limitText(n.RateMBs))
	w.flag("firewall", n.Firewall)
	return orElse(strings.Join(w.list, ","), "ip=none")
}

func mountWord(m lxc.Mount) string {
	w := words{}
	w.add("path", m.Path)
	w.add("size", ctidText(m.SizeGiB))
	w.add("storage", m.Storage)
	w.add("volume", m.Volume)
	w.add("source", m.Source)
	w.flag("backup", m.Backup)
	w.flag("readonly", m.ReadOnly)
	w.add("options", strings.Join(m.Options, ";"))
	w.add("idmap", m.IDMap)
	return strings.Join(w.list, ",")
}

func deviceWord(d lxc.Device) string {
	w := words{list: []string{d.Path}}
	w.add("mode", d.Mode)
	w.add("uid", ctidText(d.UID))
	w.add("gid", ctidText(d.GID))
	w.flag("deny-write", d.DenyWrite)
	return strings.Join(w.list, ",")
}

// words are the parts of a text such as bridge=vmbr1,vlan=20.
type words struct{ list []string }

func (w *words) add(key, value string) {
	if value != "" {
		w.list = append(w.list, key+"="+value)
	}
}

func (w *words) flag(key string, on bool) {
	if on {
		w.list = append(w.list, key+"=1")
	}
}

// limitText is a number that may be a fraction, "" for 0.
func limitText(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
