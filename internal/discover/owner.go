package discover

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// owner finds the service of a socket; nil if the socket is not worth showing. If several
// processes hold it, one other than init decides.
func (b *builder) owner(s *socket) *entry {
	pid, comm := 0, ""
	for i, p := range s.pids {
		if pid == 0 || pid == 1 {
			pid = p
			if pr := b.procs[p]; pr != nil {
				comm = pr.called()
			} else if i < len(s.comms) {
				comm = s.comms[i]
			}
		}
	}
	if b.forwarder(comm) && b.publishes(s.endpoint) || streams(comm, s) {
		return nil
	}
	if pid > 1 {
		if e := b.ownerOf(pid, comm); e != nil {
			return e
		}
		return b.process(s, comm)
	}
	if e := b.socketUnit(s.endpoint); e != nil {
		return e
	}
	if pid == 1 {
		return b.process(s, "init")
	}
	return b.kernel(s)
}

// ownerOf goes from a process up through its ancestors to the first that belongs to a
// service, by its cgroup or as the main process of a unit.
func (b *builder) ownerOf(pid int, comm string) *entry {
	for p, steps := pid, 0; p > 1 && steps < 64; steps++ {
		if o := b.owned[p]; o != "" {
			return b.owning(o, comm)
		}
		if u := b.main[p]; u != nil {
			return b.owning(u.id, comm)
		}
		pr := b.procs[p]
		if pr == nil {
			return nil
		}
		p = pr.ppid
	}
	return nil
}

func (b *builder) owning(o, comm string) *entry {
	if id, ok := strings.CutPrefix(o, "docker:"); ok {
		return b.entries["docker:"+id]
	}
	if name, ok := strings.CutPrefix(o, "openrc:"); ok {
		if launches(name) && !strings.HasPrefix(comm, strings.TrimSuffix(name, "d")) {
			return nil
		}
		return b.openrcEntry(name, lxc.Running)
	}
	u := b.units[o]
	if u == nil {
		u = &unit{id: o, active: "active", sub: "running"}
	}
	if b.oneConnection(u) {
		base, _, _ := strings.Cut(u.id, "@")
		u = &unit{id: base + ".service", active: "active"}
	}
	// A process that was started from a login or a script is not part of sshd or cron,
	// although it is in their cgroup where no session manager runs.
	if launches(u.name()) {
		main := b.procs[u.pid]
		if main == nil || !strings.HasPrefix(comm, main.comm) {
			return nil
		}
	}
	return b.unit(u)
}

// launches reports whether a unit's cgroup may contain processes of others.
func launches(name string) bool {
	base, _, _ := strings.Cut(name, "@")
	switch base {
	case "ssh", "sshd", "dropbear", "cron", "crond", "atd", "anacron", "rc-local", "local", "config-manager",
		"getty", "console-getty", "container-getty", "serial-getty", "user", "cloud-final", "cloud-init":
		return true
	}
	return false
}

// socketUnit finds the socket unit for a port on which init itself listens, and names it
// after the service that it starts.
func (b *builder) socketUnit(p endpoint) *entry {
	for _, u := range b.waking[endpoint{p.proto, "", p.port}] {
		for _, l := range u.listens {
			if l.port != p.port || l.proto != p.proto || l.addr != p.addr && !wild(l.addr) && !wild(p.addr) {
				continue
			}
			e := b.unit(&unit{id: cmp.Or(u.triggers, u.name()+".service"), active: "active"})
			e.Status = lxc.Running
			return e
		}
	}
	return nil
}

func wild(a string) bool { return a == "::" || a == "0.0.0.0" }

// process returns a listening process that no service owns. A UDP port of the ephemeral
// range alone belongs to a client.
func (b *builder) process(s *socket, comm string) *entry {
	if comm == "" {
		comm = "unknown"
	}
	key := "process:" + comm
	if s.ephemeral() && b.entries[key] == nil {
		return nil
	}
	return b.named(comm)
}

// forwarder reports whether a process only holds a container's published port open.
// Without docker's proxy that is the daemon itself. The engine knows which container has
// the port.
func (b *builder) forwarder(comm string) bool {
	switch comm {
	case "docker-proxy", "dockerd", "rootlessport", "conmon", "containers-rootlessport", "containers-root",
		"slirp4netns", "pasta", "pasta.avx2":
		return true
	}
	return false
}

func (b *builder) publishes(p endpoint) bool {
	return slices.ContainsFunc(b.published[p.proto], func(r portRange) bool { return r.port <= p.port && p.port <= r.last })
}

// streams reports whether a socket is the port of containerd for its own clients: on
// loopback, another port at each start, and not a service.
func streams(comm string, s *socket) bool {
	a, err := netip.ParseAddr(s.addr)
	return comm == "containerd" && s.proto == "tcp" && err == nil && a.IsLoopback() && s.port >= 32768
}
