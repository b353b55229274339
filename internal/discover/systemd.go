package discover

import (
	"path"
	"strconv"
	"strings"
)

// unit is a block of `systemctl show`.
type unit struct {
	id       string // with its suffix: nginx.service
	names    []string
	kind     string // Type=
	load     string
	active   string
	sub      string
	result   string
	pid      int
	cgroup   string
	fragment string
	enabled  string
	source   string     // the file from which a unit was generated
	triggers string     // the service that a socket unit starts
	listens  []endpoint // of a socket unit
}

// endpoint is an address and a port, as text.
type endpoint struct {
	proto string
	addr  string
	port  int
}

// name is the unit without its suffix.
func (u *unit) name() string {
	n, _, _ := cutLast(u.id, ".")
	return n
}

func (u *unit) isSocket() bool { return strings.HasSuffix(u.id, ".socket") }

// quadletKinds are the endings of the files from which podman generates units.
var quadletKinds = names(".container .pod .kube .volume .network .image .build")

// madeFrom returns the quadlet from which a unit was generated; "" for any other unit.
func (u *unit) madeFrom() string {
	if !quadletKinds[path.Ext(u.source)] {
		return ""
	}
	return "quadlet " + clean(u.source)
}

// wanted reports whether a unit should run after boot, as far as is known. A unit that
// was generated from a file is enabled by that file.
func (u *unit) wanted() bool {
	return u.enabled == "enabled" || u.enabled == "generated" && u.madeFrom() != ""
}

// aliases are shorter names that people use for a service: for WireGuard (wg-quick@wg0)
// and for a snap (snap.nextcloud.apache).
func (u *unit) aliases() []string {
	if iface, ok := strings.CutPrefix(u.name(), "wg-quick@"); ok {
		return []string{"wireguard", iface}
	}
	if f := strings.SplitN(u.name(), ".", 3); len(f) == 3 && f[0] == "snap" {
		return []string{f[1], f[2], f[1] + "." + f[2]}
	}
	return nil
}

// runsOn reports whether a unit stands for something that runs without a process of its
// own: an interface of the kernel, or a server in it.
func (u *unit) runsOn() bool {
	base, _, _ := strings.Cut(u.name(), "@")
	return base == "wg-quick" || base == "nfs-server"
}

// unitBlocks reads blocks of KEY=VALUE lines, separated by an empty line.
func (p *parser) unitBlocks(body string) {
	var u unit
	flush := func() {
		if u.id != "" && u.load != "not-found" && len(p.units) < maxServices {
			p.units = append(p.units, u)
		}
		u = unit{}
	}
	lines(body, func(l string) bool {
		if strings.TrimSpace(l) == "" {
			flush()
			return true
		}
		if k, v, ok := strings.Cut(l, "="); ok {
			if k == "Id" && u.id != "" {
				flush()
			}
			u.set(k, v)
		}
		return true
	})
	flush()
}

func (u *unit) set(key, v string) {
	v = strings.TrimSpace(v)
	switch key {
	case "Id":
		if validName(v) && (strings.HasSuffix(v, ".service") || strings.HasSuffix(v, ".socket")) {
			u.id = v
		}
	case "Names":
		for _, n := range strings.Fields(v) {
			if validName(n) && len(u.names) < 20 {
				n, _, _ = cutLast(n, ".")
				u.names = append(u.names, n)
			}
		}
	case "Type":
		u.kind = v
	case "LoadState":
		u.load = v
	case "ActiveState":
		u.active = v
	case "SubState":
		u.sub = v
	case "Result":
		u.result = v
	case "MainPID":
		u.pid, _ = strconv.Atoi(v)
	case "ControlGroup":
		u.cgroup = v
	case "FragmentPath":
		u.fragment = v
	case "UnitFileState":
		u.enabled = v
	case "SourcePath":
		u.source = v
	case "Triggers":
		// A socket that accepts connections starts one service for each; none of them is
		// the service itself.
		if validName(v) && strings.HasSuffix(v, ".service") && !strings.ContainsAny(v, "@ ") {
			u.triggers = v
		}
	case "Listen":
		if e, ok := listenStream(v); ok && len(u.listens) < 64 {
			u.listens = append(u.listens, e)
		}
	}
}

// listenStream reads `0.0.0.0:80 (Stream)`, `[::]:53 (Datagram)`.
func listenStream(v string) (endpoint, bool) {
	addr, kind, _ := strings.Cut(v, " ")
	proto := "tcp"
	switch kind {
	case "(Stream)":
	case "(Datagram)":
		proto = "udp"
	default:
		return endpoint{}, false
	}
	a, port, ok := splitAddr(addr)
	return endpoint{proto, a, port}, ok
}

// validName reports whether a service can have this name: printable ASCII without blanks,
// slashes or quotes. Systemd's escapes (\x2d) and instances (@) are valid.
func validName(s string) bool {
	if s == "" || len(s) > maxText || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("/'\"`$;&|<>*?", c) >= 0 {
			return false
		}
	}
	return true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
