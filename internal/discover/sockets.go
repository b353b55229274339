package discover

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// socket is one listening TCP or bound UDP socket.
type socket struct {
	endpoint
	pids  []int
	comms []string // process names from ss, beside pids
	inode uint64
}

// users:(("nginx",pid=12,fd=6),("nginx",pid=11,fd=6)); a name may contain anything, but
// it is quoted and followed by pid=.
var ssUser = lazy.Regexp(`\("(.{0,64}?)",pid=(\d{1,9}),`)

// ssTable reads `ss -tulnp` with or without its header line.
func (p *parser) ssTable(body string) {
	lines(body, func(l string) bool {
		f := strings.Fields(l)
		if len(f) < 5 || f[0] != "tcp" && f[0] != "udp" {
			return true
		}
		if f[0] == "tcp" && f[1] != "LISTEN" || f[0] == "udp" && f[1] != "UNCONN" {
			return true
		}
		addr, port, ok := splitAddr(f[4])
		if !ok {
			return true
		}
		s := socket{endpoint: endpoint{f[0], addr, port}}
		for _, m := range ssUser().FindAllStringSubmatch(l, 256) {
			if pid, err := strconv.Atoi(m[2]); err == nil {
				s.pids = append(s.pids, pid)
				s.comms = append(s.comms, clean(m[1]))
			}
		}
		p.sockets = append(p.sockets, s)
		return len(p.sockets) < maxSockets
	})
}

// splitAddr reads all written forms of a bound address: 0.0.0.0:80, *:80, [::]:80, :::80,
// 127.0.0.53%lo:53, [fe80::1]%eth0:546, [fe80::1%eth0]:546, and a bare port. It returns
// the address without brackets, and "*" as "::".
func splitAddr(s string) (addr string, port int, ok bool) {
	host, ports, found := cutLast(s, ":")
	if !found {
		host, ports = "*", s
	}
	port, err := strconv.Atoi(ports)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, false
	}
	// The zone is the interface that the socket is bound to.
	zone := ""
	if h, z, found := strings.Cut(host, "%"); found {
		z = strings.TrimSuffix(z, "]")
		if strings.HasPrefix(h, "[") && !strings.HasSuffix(h, "]") {
			h += "]"
		}
		host, zone = h, z
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "*" || host == "" {
		return "::", port, true
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return "", 0, false
	}
	a = a.Unmap() // an IPv4 address in the form that IPv6 programs show
	if a.Is6() && a.IsLinkLocalUnicast() && validName(zone) {
		a = a.WithZone(zone)
	}
	return a.String(), port, true
}

// procNet reads /proc/net/{tcp,tcp6,udp,udp6}.
func (p *parser) procNet(name, body string) {
	proto, want := strings.TrimSuffix(name, "6"), "0A"
	switch proto {
	case "tcp":
	case "udp":
		want = "07"
	default:
		return
	}
	lines(body, func(l string) bool {
		f := strings.Fields(l)
		if len(f) < 10 || f[3] != want {
			return true
		}
		addr, port, ok := hexAddr(f[1])
		if !ok {
			return true
		}
		inode, _ := strconv.ParseUint(f[9], 10, 64)
		p.sockets = append(p.sockets, socket{endpoint: endpoint{proto, addr, port}, inode: inode})
		return len(p.sockets) < maxSockets
	})
}

// hexAddr reads 0100007F:0050. The kernel prints every 32-bit word of an address in host
// order, which is little-endian in Proxmox's guests.
func hexAddr(s string) (string, int, bool) {
	h, ports, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(h)
	if !ok || err != nil || len(b) != 4 && len(b) != 16 {
		return "", 0, false
	}
	port, err := strconv.ParseUint(ports, 16, 16)
	if err != nil || port == 0 {
		return "", 0, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	a, _ := netip.AddrFromSlice(b)
	return a.Unmap().String(), int(port), true
}

// fdTable reads `ls -l /proc/*/fd`: a folder's name with a colon, then links. Only links
// to socket:[INODE] matter.
func (p *parser) fdTable(body string) {
	pid := 0
	lines(body, func(l string) bool {
		if rest, ok := strings.CutPrefix(l, "/proc/"); ok {
			num, _, _ := strings.Cut(rest, "/")
			pid, _ = strconv.Atoi(num)
			return true
		}
		_, rest, ok := cutLast(l, "socket:[")
		if !ok || pid == 0 {
			return true
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(rest, "]"), 10, 64)
		if err == nil && inode != 0 && len(p.inodes[inode]) < 256 {
			p.inodes[inode] = append(p.inodes[inode], pid)
		}
		return true
	})
}
