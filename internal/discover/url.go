package discover

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Ports that usually speak HTTP, and names of programs that speak it on any port.
var (
	httpPorts = ports(80, 81, 591, 3000, 3001, 4000, 4200, 5000, 5173, 5601, 7860, 8000, 8001, 8008, 8069, 8080, 8081,
		8082, 8083, 8086, 8088, 8090, 8096, 8123, 8181, 8200, 8880, 8888, 9000, 9001, 9090, 9091, 9093, 9100, 9200, 15672, 19999)
	httpsPorts = ports(443, 4443, 5001, 7443, 8006, 8007, 8443, 8834, 9443, 10443)
	// Ports that never speak HTTP, whatever the program's name.
	otherPorts = ports(21, 22, 23, 25, 53, 110, 111, 143, 389, 445, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2049,
		2181, 3306, 3389, 4222, 5432, 5433, 5672, 5900, 6379, 6380, 9042, 9092, 11211, 26379, 27017, 33060)
	webNames = names(`nginx apache2 httpd caddy lighttpd haproxy traefik grafana grafana-server gitea forgejo code-server
		openresty angie h2o uhttpd thttpd mini_httpd jenkins jellyfin vaultwarden prometheus nextcloud wordpress hello web`)
)

func ports(n ...int) map[int]bool {
	m := map[int]bool{}
	for _, p := range n {
		m[p] = true
	}
	return m
}

// url is the service's address for a browser: the first TCP port that can be reached from
// outside and is known, declared or likely to speak HTTP. Plain HTTP on port 80 comes
// first.
func (e *entry) url(address string) string {
	best, rank := "", 0
	for _, p := range e.Ports {
		host := outside(p.Address, address)
		if p.Protocol != "tcp" || host == "" {
			continue
		}
		scheme, r := e.scheme(p.Port)
		if scheme == "" || r <= rank {
			continue
		}
		path := ""
		if e.promises(p.Port) {
			path = safePath(e.path)
		}
		best, rank = link(scheme, host, p.Port, path), r
	}
	return best
}

// promises reports whether the template declares that this port speaks HTTP.
func (e *entry) promises(port int) bool { return e.path != "" && e.port == port }

// scheme guesses; a higher rank is more certain.
func (e *entry) scheme(port int) (string, int) {
	if e.promises(port) {
		if e.tls {
			return "https", 9
		}
		return "http", 9
	}
	name, _, _ := strings.Cut(e.Name, "@")
	web := webNames[name]
	for _, n := range e.names {
		web = web || webNames[n]
	}
	switch {
	case otherPorts[port]:
		return "", 0
	case port == 80:
		return "http", 5
	case port == 443:
		return "https", 4
	case httpsPorts[port]:
		return "https", 3
	case httpPorts[port]:
		return "http", 3
	case web:
		return "http", 2
	}
	return "", 0
}

// outside is the address at which a bound socket can be reached from outside, or "". A
// guest of the sandbox has an address in 127/8 and is reached there, but not at its own
// loopback address.
func outside(bound, address string) string {
	a, err := netip.ParseAddr(bound)
	if err != nil {
		return ""
	}
	switch {
	case a.IsUnspecified():
		guest, err := netip.ParseAddr(address)
		if err == nil && guest.Is6() && a.Is4() {
			return ""
		}
		return address
	case bound == address:
		return address
	case a.IsLoopback(), a.IsLinkLocalUnicast(), a.IsMulticast():
		return ""
	}
	return a.String()
}

func link(scheme, host string, port int, path string) string {
	s := scheme + "://"
	if scheme == "http" && port == 80 || scheme == "https" && port == 443 {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		s += host
	} else {
		s += net.JoinHostPort(host, strconv.Itoa(port))
	}
	if path == "/" {
		return s
	}
	return s + path
}
