package discover

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// dockerContainer is a line of `docker ps -a` (or podman's).
type dockerContainer struct {
	id      string
	name    string
	image   string
	status  string // Up 3 minutes; Exited (0) 2 hours ago
	ports   []portRange
	project string // of compose, or a pod
	service string // its name in the compose file
	unit    string // the unit that was generated from a quadlet, without .service
}

// portRange is a published port, or several in a row.
type portRange struct {
	endpoint
	last int
}

// engineSaid reads the output of `docker ps`: ID, names, image, status and ports,
// separated by tabs. If the engine knows labels, the compose project, the service in it
// and the unit follow. If a line looks different, the containers are reported as unknown,
// and not as none: docker 20.10 answers `--format json` with the word json.
func (p *parser) engineSaid(engine, body string) {
	lines(body, func(l string) bool {
		if strings.TrimSpace(l) == "" {
			return true
		}
		f := strings.Split(l, "\t")
		if len(f) < 5 || f[0] == "" || strings.Trim(f[0], "0123456789abcdef") != "" {
			p.note("the list of containers from %s cannot be read; some may be missing here", clean(engine))
			return true
		}
		f = append(f, "", "", "", "")
		name, _, _ := strings.Cut(f[1], ",")
		if !validName(name) || isPause(f[2]) {
			return true
		}
		c := dockerContainer{id: f[0], name: name, image: clean(f[2]), status: clean(f[3])}
		for s := range strings.SplitSeq(f[4], ",") {
			if r, ok := published(strings.TrimSpace(s)); ok && len(c.ports) < maxPublished {
				c.ports = append(c.ports, r)
			}
		}
		for _, project := range []string{f[8], f[5]} { // the label is more precise than the pod
			if validName(project) {
				c.project = project
			}
		}
		if validName(f[6]) {
			c.service = f[6]
		}
		if u := strings.TrimSuffix(f[7], ".service"); validName(u) && u != f[7] {
			c.unit = u
		}
		p.containers = append(p.containers, c)
		return len(p.containers) < maxServices
	})
}

// isPause reports whether an image is that of a pod's first process, which only holds the
// pod's network and is not a service.
func isPause(image string) bool {
	base := imageBase(image)
	return base == "podman-pause" || base == "pause"
}

// imageBase is an image's name without registry, path, tag and digest.
func imageBase(image string) string {
	_, base, _ := cutLast("/"+image, "/")
	base, _, _ = strings.Cut(base, ":")
	base, _, _ = strings.Cut(base, "@")
	return base
}

// published reads 0.0.0.0:8080->80/tcp, :::8080->80/tcp, [::]:7000-7002->7000-7002/tcp. A
// port that is only exposed (443/tcp) is not a port of the guest.
func published(s string) (portRange, bool) {
	outer, inner, ok := strings.Cut(s, "->")
	if !ok {
		return portRange{}, false
	}
	_, proto, _ := cutLast(inner, "/")
	if proto != "tcp" && proto != "udp" {
		return portRange{}, false
	}
	host, ports, _ := cutLast(outer, ":")
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	addr, port, ok := splitAddr(host + ":" + first)
	end, err := strconv.Atoi(last)
	if !ok || err != nil || end < port || end > 65535 {
		return portRange{}, false
	}
	return portRange{endpoint{proto, addr, port}, end}, true
}

// aside matches a remark that an engine appends to a status in parentheses: (healthy).
var aside = lazy.Regexp(`\(([^()]*)\)`)

// containerStatus reads the status that docker and podman print for a container: "Up 2
// hours (unhealthy)", "Up 3 seconds (health: starting)", "Up 1 second (Paused)",
// "Restarting (1) 5 seconds ago", "Exited (0) 2 hours ago", "Created", "Dead", "Removal
// In Progress", podman's "Paused" and "Initialized". A container that does not run well
// gets a note.
func containerStatus(said string) (status lxc.ServiceStatus, note string) {
	word, rest, _ := strings.Cut(strings.ToLower(said), " ")
	inside := ""
	if m := aside().FindAllStringSubmatch(rest, 4); len(m) > 0 {
		inside = m[len(m)-1][1]
	}
	switch word {
	case "up":
		return upStatus(inside)
	case "exited":
		if inside != "" && inside != "0" {
			note = "exited with status " + inside
		}
		return lxc.Stopped, note
	case "created", "initialized", "configured", "paused", "stopped", "stopping", "removal", "removing":
		return lxc.Stopped, strings.ToLower(said)
	case "restarting", "dead":
		return lxc.Errored, word
	}
	return lxc.Unready, "its state is not known: " + said
}

func upStatus(inside string) (lxc.ServiceStatus, string) {
	switch strings.TrimPrefix(inside, "health: ") {
	case "", "healthy":
		return lxc.Running, ""
	case "paused":
		return lxc.Stopped, "paused"
	}
	return lxc.Unready, strings.TrimPrefix(inside, "health: ")
}

// starting is the note of a container whose first health check has not finished. If a
// declared service answers, its answer counts more.
const starting = "starting"

func (b *builder) fromContainers() {
	left := maxPublishedPorts
	for _, c := range b.containers {
		e := b.entry("docker:"+c.id, func() *entry {
			s := lxc.Service{Name: c.name, Type: lxc.Docker, Image: c.image, Project: c.project}
			s.Status, s.Note = containerStatus(c.status)
			e := &entry{Service: s, names: []string{imageBase(c.image)}}
			e.told = s.Note != ""
			e.unwell = s.Note != "" && s.Note != starting && !strings.HasPrefix(s.Note, "exited")
			if c.service != "" {
				e.names = append(e.names, c.service)
			}
			if u := b.units[c.unit+".service"]; u != nil {
				e.names = append(e.names, c.unit)
				e.remark(u.madeFrom())
			}
			return e
		})
		for _, p := range c.ports {
			for n := p.port; n <= p.last && left > 0; n++ {
				left--
				e.add(endpoint{p.proto, p.addr, n})
			}
		}
	}
}

// contained returns the container that a unit runs, as the unit of a quadlet does: both
// are one service. It returns nil if the engine knows no such container.
func (b *builder) contained(id string) *entry {
	if c, ok := b.quadlets[id]; ok {
		return b.entries["docker:"+c]
	}
	return nil
}

// quadletsIgnored notes that podman is too old to read the quadlets in the guest. Nothing
// else in the guest reports this.
func (p *parser) quadletsIgnored(podman, body string) {
	var files []string
	lines(body, func(l string) bool {
		if quadletKinds[path.Ext(l)] && len(files) < 20 {
			files = append(files, clean(l))
		}
		return true
	})
	if len(files) > 0 {
		p.note("%s ignores %s: quadlets need podman 4.4 or newer, as in Debian 13", cmp.Or(clean(podman), "this podman"), clean(strings.Join(files, ", ")))
	}
}
