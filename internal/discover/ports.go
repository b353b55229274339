package discover

import (
	"cmp"
	"slices"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// The first maxPorts ports of a service are listed; the others are only counted. The
// listed ports may have up to maxBound sockets, because a port can be bound to several
// addresses.
const (
	maxPorts = 64
	maxBound = 4 * maxPorts
)

// add gives the service a port. A port that is bound to several addresses is kept once
// for each address.
func (e *entry) add(p endpoint) {
	if e.ports == nil {
		e.ports = map[endpoint]bool{}
	}
	e.ports[p] = true
	if e.boot && !isSystem(e.Name) { // a service that listens was not only started for the boot itself
		e.System = false
	}
}

func (e *entry) has(proto string, port int) bool {
	for p := range e.ports {
		if p.port == port && p.proto == proto {
			return true
		}
	}
	return false
}

// settlePorts sorts the ports and lists the first maxPorts of them. A declared port is
// always listed.
func (e *entry) settlePorts() {
	all := make([]lxc.Port, 0, len(e.ports))
	for p := range e.ports {
		all = append(all, lxc.Port{Protocol: p.proto, Address: p.addr, Port: p.port})
	}
	slices.SortFunc(all, func(x, y lxc.Port) int {
		return cmp.Or(cmp.Compare(x.Protocol, y.Protocol), cmp.Compare(x.Port, y.Port), cmp.Compare(x.Address, y.Address))
	})
	named, last := 0, endpoint{}
	for _, p := range all {
		now := endpoint{p.Protocol, "", p.Port}
		first := now != last
		if last = now; first {
			named++
		}
		switch {
		case (named <= maxPorts || p.Port == e.port) && (len(e.Ports) < maxBound || first && p.Port == e.port):
			e.Ports = append(e.Ports, p)
		case first: // another address of a listed port does not count as a port
			e.MorePorts++
		}
	}
}
