package discover

import (
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// kernelServers are services that the kernel itself provides on a port, and the units
// that switch them on. No process holds such a socket.
var kernelServers = map[endpoint]struct{ name, unit string }{
	{"tcp", "", 2049}:  {"nfs", "nfs-server.service"},
	{"udp", "", 2049}:  {"nfs", "nfs-server.service"},
	{"tcp", "", 445}:   {"ksmbd", "ksmbd.service"},
	{"tcp", "", 3260}:  {"iscsi-target", "rtslib-fb-targetctl.service"},
	{"udp", "", 1701}:  {"l2tp", ""},
	{"udp", "", 4789}:  {"vxlan", ""},
	{"udp", "", 51820}: {"wireguard", ""},
}

// wireguardPorts reads `wg show all listen-port`: an interface and its port on each line.
func (p *parser) wireguardPorts(body string) {
	lines(body, func(l string) bool {
		f := strings.Fields(l)
		if len(f) != 2 || !validName(f[0]) {
			return true
		}
		if port, err := strconv.Atoi(f[1]); err == nil && port > 0 && port < 65536 {
			p.wireguard[port] = f[0]
		}
		return len(p.wireguard) < maxServices
	})
}

// kernel returns the service of a socket that no process holds. It returns nil for a UDP
// port of the ephemeral range, which belongs to a client.
func (b *builder) kernel(s *socket) *entry {
	if s.proto == "udp" {
		if e := b.tunnel(s.port); e != nil {
			return e
		}
	}
	k := kernelServers[endpoint{s.proto, "", s.port}]
	if u := b.units[k.unit]; u != nil && u.active == "active" {
		return b.unit(u)
	}
	name := k.name
	if name == "" {
		if s.ephemeral() {
			return nil
		}
		name = "port-" + strconv.Itoa(s.port)
	}
	return b.named(name)
}

// tunnel returns the WireGuard interface with that port, as wg reports it. Without wg, it
// returns the interface that a unit has set up, if there is only one.
func (b *builder) tunnel(port int) *entry {
	if iface := b.wireguard[port]; iface != "" {
		if u := b.units["wg-quick@"+iface+".service"]; u != nil && u.active == "active" {
			return b.unit(u)
		}
		e := b.named("wireguard@" + iface)
		e.names = append(e.names, "wireguard", iface)
		return e
	}
	if _, known := kernelServers[endpoint{"udp", "", port}]; len(b.wireguard) > 0 || known && port != 51820 {
		return nil
	}
	var only *unit
	for _, u := range b.units {
		if strings.HasPrefix(u.id, "wg-quick@") && u.active == "active" {
			if only != nil {
				return nil
			}
			only = u
		}
	}
	if only == nil {
		return nil
	}
	return b.unit(only)
}

// named returns a service of which only the socket is known.
func (b *builder) named(name string) *entry {
	return b.entry("process:"+name, func() *entry {
		return &entry{Service: lxc.Service{Name: name, Type: lxc.Process, Status: lxc.Running, System: isSystem(name)}}
	})
}

// ephemeral reports whether a UDP socket has a port that the kernel assigns to clients.
func (s *socket) ephemeral() bool { return s.proto == "udp" && s.port >= 32768 }
