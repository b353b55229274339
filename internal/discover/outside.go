package discover

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Outside is what was seen of a container in which nobody can look: the answers of its
// declared services and of the ports that its image declares, over the network.
type Outside struct {
	Ready   map[int]Readiness // of declared services with a port, by index
	Open    []int             // TCP ports of the image that accept a connection
	Image   *lxc.Image        // nil: not known
	Program string            // PID 1's command line, "" if not known
}

// UnaskedUDP is the note of a UDP service, of which nothing can be learned from outside.
const UnaskedUDP = "a UDP port cannot be asked from outside"

// Services are the services as they are seen from outside: the declared ones in their order,
// then PID 1 with the ports that answer and that nobody declares. address is the container's.
func (o Outside) Services(address string, declared []Declared) []lxc.Service {
	var out []lxc.Service
	taken := map[int]bool{}
	for i, d := range declared {
		if d.Name == "" {
			continue
		}
		e := entry{Service: lxc.Service{Name: d.Name, Type: lxc.Process, Status: lxc.Running, Declared: true, Image: o.reference()}, path: d.HTTP, port: d.Port, tls: d.TLS}
		o.judge(&e, d, i)
		for _, port := range append([]int{d.Port}, d.Also...) {
			taken[port] = true
			if port > 0 && e.Status == lxc.Running {
				e.Ports = append(e.Ports, lxc.Port{Protocol: cmp.Or(d.Protocol, "tcp"), Address: address, Port: port})
			}
		}
		e.URL = e.urlFrom(address)
		out = append(out, e.Service)
	}
	e := entry{Service: lxc.Service{Name: o.name(), Type: lxc.Process, Status: lxc.Running, Image: o.reference()}}
	for _, port := range slices.Sorted(slices.Values(o.Open)) {
		if !taken[port] {
			e.Ports = append(e.Ports, lxc.Port{Protocol: "tcp", Address: address, Port: port})
		}
	}
	if len(e.Ports) == 0 && len(out) > 0 {
		return out
	}
	if v := o.Image.Version(); v != "" {
		e.Note = "version " + clean(v)
	}
	e.URL = e.urlFrom(address)
	return append(out, e.Service)
}

// judge decides by its answer whether a declared service works.
func (o Outside) judge(e *entry, d Declared, index int) {
	got, asked := o.Ready[index]
	switch {
	case d.Port == 0:
		e.Note = "it has no port that could be asked from outside"
	case asked && !got.OK:
		e.Status, e.Note = lxc.Unready, got.How
	case d.Protocol == "udp":
		e.Note = UnaskedUDP
	default:
		e.Note = "answers over the network"
	}
	if d.Command != "" {
		e.remark("its command was not run, because nobody can look inside")
	}
}

// urlFrom is the URL of what answered: only a port that is open counts.
func (e *entry) urlFrom(address string) string {
	if address == "" || e.Status != lxc.Running {
		return ""
	}
	return e.url(address)
}

func (o Outside) reference() string {
	if o.Image == nil {
		return ""
	}
	return clean(o.Image.Reference)
}

// name is PID 1's name: that of its program, or of the image if a wrapper starts it.
func (o Outside) name() string {
	program := o.Program
	if program == "" && o.Image != nil {
		program = o.Image.Entrypoint
	}
	first, _, _ := strings.Cut(strings.TrimSpace(program), " ")
	name := path.Base(strings.Trim(first, `'"`))
	image := ""
	if o.Image != nil {
		image, _, _ = strings.Cut(path.Base(o.Image.Reference), "@")
		image, _, _ = strings.Cut(image, ":")
	}
	if image != "" && (name == "." || name == "/" || strings.Contains(name, "entrypoint") || name == "tini" || name == "sh") {
		name = image
	}
	return cmp.Or(clean(strings.TrimPrefix(name, ".")), "application")
}
