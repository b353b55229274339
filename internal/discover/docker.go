package discover

import (
	"strconv"
	"strings"
)

// dockerContainer is a line of `docker ps -a` (or podman's).
type dockerContainer struct {
	id     string
	name   string
	image  string
	status string // Up 3 minutes; Exited (0) 2 hours ago
	ports  []endpoint
}

// dockerPS reads ID, names, image, status and ports, tab-separated.
func (p *parser) dockerPS(body string) {
	lines(body, func(l string) bool {
		f := strings.Split(l, "\t")
		if len(f) < 5 {
			return true
		}
		name, _, _ := strings.Cut(f[1], ",")
		if !validName(name) {
			return true
		}
		c := dockerContainer{id: f[0], name: name, image: clean(f[2]), status: f[3]}
		for _, s := range strings.Split(f[4], ",") {
			if c.ports = append(c.ports, published(strings.TrimSpace(s))...); len(c.ports) >= maxPublished {
				c.ports = c.ports[:maxPublished]
				break
			}
		}
		p.containers = append(p.containers, c)
		return len(p.containers) < maxServices
	})
}

// published reads 0.0.0.0:8080->80/tcp, :::8080->80/tcp, [::]:7000-7002->7000-7002/tcp.
// A port that is only exposed (443/tcp) is no port of the guest.
func published(s string) []endpoint {
	outer, inner, ok := strings.Cut(s, "->")
	if !ok {
		return nil
	}
	_, proto, _ := cutLast(inner, "/")
	if proto != "tcp" && proto != "udp" {
		return nil
	}
	host, ports, _ := cutLast(outer, ":")
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	a, err1 := strconv.Atoi(first)
	b, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || b < a || b-a > 1000 {
		return nil
	}
	var out []endpoint
	for n := a; n <= b; n++ {
		if addr, port, ok := splitAddr(host + ":" + strconv.Itoa(n)); ok {
			out = append(out, endpoint{proto, addr, port})
		}
	}
	return out
}
