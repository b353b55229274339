package discover

import (
	"strconv"
	"strings"
)

// unit is a block of `systemctl show`.
type unit struct {
	id       string // with its ending: nginx.service
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
	listens  []endpoint // of a socket unit
}

// endpoint is an address and port as text gave them.
type endpoint struct {
	proto string
	addr  string
	port  int
}

// name is the unit without its ending.
func (u *unit) name() string {
	n, _, _ := cutLast(u.id, ".")
	return n
}

func (u *unit) isSocket() bool { return strings.HasSuffix(u.id, ".socket") }

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

// validName is what a service may be called: printable ASCII without blanks,
// slashes or quotes; systemd's own escapes (\x2d) and instances (@) are in it.
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
