package discover

import (
	"cmp"
	"slices"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// maxPorts is how many ports of one service are named; the rest is counted.
// maxBound is how many sockets that may be, for a port can be bound many times.
const (
	maxPorts = 64
	maxBound = 4 * maxPorts
)

// add gives the service a port. One that is bound to several addresses is kept
// with each of them.
func (e *entry) add(p endpoint) {
	if e.ports == nil {
		e.ports = map[endpoint]bool{}
	}
	e.ports[p] = true
	if e.boot && !isSystem(e.Name) { // what listens was not started for the boot's sake
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

// settlePorts sorts the ports and names the first maxPorts of them; a declared one
// is always named.
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
		case first: // further addresses of a port that is named are no ports
			e.MorePorts++
		}
	}
}
