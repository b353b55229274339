package fleet

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// File is a fleet: what its file asks for.
type File struct {
	Name       string
	Path       string // as the user named it
	Parallel   int    // 0: the file does not say
	PerNode    int
	Containers []Container // in the order of the file
}

// Container is one container of a fleet.
type Container struct {
	Name     string
	Where    string    // file:line:column of its entry
	Needs    []string  // names of containers of the fleet
	Settings []Setting // for create; without ip and ip6 if they are ranges
	IP, IP6  *Range    // nil: Settings have the address
}

// Error is a fleet file that cannot be used, with all its problems.
type Error struct {
	Path     string
	Problems []template.Problem
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot use fleet %s: %s", e.Path, template.Summary(e.Problems))
}

// ExitStatus is that of a wrong file.
func (e *Error) ExitStatus() int { return exit.Usage }

// NextSteps is empty: every problem says what to do.
func (e *Error) NextSteps() []string { return nil }

// Parse reads the text of a fleet file. The paths in it are relative to the folder of path.
// The error is an *Error with every problem.
func Parse(path string, data []byte) (*File, error) {
	var doc document
	r := &reader{path: path, read: template.ReadStrict(path, data, &doc), doc: &doc, of: map[string][]string{}, has: map[string]string{}}
	f := &File{Name: doc.Name, Path: path}
	if doc.Parallel != nil {
		f.Parallel = *doc.Parallel
	}
	if doc.PerNode != nil {
		f.PerNode = *doc.PerNode
	}
	if len(r.read.Problems()) == 0 {
		f.Containers = r.containers()
	}
	if problems := r.read.Problems(); len(problems) > 0 {
		return nil, &Error{Path: path, Problems: problems}
	}
	return f, nil
}

// reader turns a document into containers.
type reader struct {
	path string
	read *template.Strict
	doc  *document
	keys []string
	of   map[string][]string // the containers of each key
	has  map[string]string   // the key of each id and fixed address
}

func (r *reader) containers() []Container {
	for _, key := range []string{"count", "needs"} {
		if (key == "count" && r.doc.Defaults.Count != nil) || (key == "needs" && r.doc.Defaults.Needs != nil) {
			r.read.Bad("defaults."+key, "say it at each container", "it cannot be the same for all")
		}
	}
	r.keys = template.Ordered(r.read, "containers", r.doc.Containers)
	r.names()
	var out []Container
	for _, key := range r.keys {
		out = append(out, r.group(key)...)
	}
	if len(r.read.Problems()) == 0 {
		r.cycles()
	}
	return out
}

// names finds the names of all containers.
func (r *reader) names() {
	owner := map[string]string{}
	for _, key := range r.keys {
		at, names := "containers."+key, []string{key}
		if count := r.doc.Containers[key].Count; count != nil {
			var err error
			if names, err = Names(key, *count); err != nil {
				r.read.Bad(at, "", "%s", err)
				continue
			}
		}
		for _, name := range names {
			if why := lxc.WrongHostname(name); why != "" {
				r.read.Bad(at, "", "%q %s", name, why)
				break
			}
			if other, twice := owner[strings.ToLower(name)]; twice {
				r.read.Bad(at, "", "the name %s is that of %s, too", name, other)
				break
			}
			owner[strings.ToLower(name)] = key
		}
		r.of[key] = names
	}
	if len(owner) > MaxCount {
		r.read.Bad("containers", "", "%d containers are more than %d", len(owner), MaxCount)
	}
}

// group are the containers of one key.
func (r *reader) group(key string) (out []Container) {
	at, own := "containers."+key, r.doc.Containers[key]
	e := own.over(r.doc.Defaults)
	if e.Template == nil && e.OS == nil && e.Image == nil {
		r.read.Bad(at, "such as template: nginx", "it has neither template, os nor image")
	}
	c := Container{Where: r.read.Where(at), Needs: r.needs(key, own.Needs)}
	for _, a := range []struct {
		key  string
		text **string
		to   **Range
	}{{"ip", &e.IP, &c.IP}, {"ip6", &e.IP6, &c.IP6}} {
		*a.to = r.addresses(at, key, a.key, a.text)
	}
	if e.CTID != nil {
		if own.Count != nil {
			r.read.Bad(at+".ctid", "leave one of them out", "one id is not for several containers")
		}
		r.alone(key, fmt.Sprint("id ", *e.CTID))
	}
	for _, ip := range []*string{e.IP, e.IP6} { // ranges are out of it already
		if ip != nil && *ip != "dhcp" && *ip != "auto" && *ip != "none" {
			// Two networks may have the same addresses.
			address, _, _ := strings.Cut(*ip, "/")
			r.alone(key, fmt.Sprintf("address %s of bridge %s, VLAN %d", address, value(e.Bridge), value(e.VLAN)))
		}
	}
	c.Settings = e.settings(filepath.Dir(r.path))
	for _, name := range r.of[key] {
		one := c
		one.Name = name
		out = append(out, one)
	}
	return out
}

// alone refuses an id or an address that another key of the file has already.
func (r *reader) alone(key, what string) {
	if other, twice := r.has[what]; twice {
		what, _, _ = strings.Cut(what, " of bridge")
		r.read.Bad("containers."+key, "", "it has the %s, and so has %s", what, other)
		return
	}
	r.has[what] = key
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// addresses takes a range out of the settings. The file may give it in the defaults.
func (r *reader) addresses(at, key, field string, text **string) *Range {
	if *text == nil {
		return nil
	}
	value := **text
	if r.given(key, field) {
		at += "." + field
	} else {
		at = "defaults." + field
	}
	span, ok, err := ParseRange(value)
	switch {
	case err != nil:
		r.read.Bad(at, "such as 192.0.2.10-192.0.2.60/24,192.0.2.1", "%s", err)
	case ok && span.First.Is6() != (field == "ip6"):
		r.read.Bad(at, "ip is for IPv4, ip6 for IPv6", "%q is of the other family", value)
	case ok:
		*text = nil
		return &span
	case len(r.of[key]) > 1 && value != "dhcp" && value != "auto" && value != "none":
		r.read.Bad(at, "such as 192.0.2.10-192.0.2.60/24,192.0.2.1", "one address is not for %d containers: write a range", len(r.of[key]))
	}
	return nil
}

func (r *reader) given(key, field string) bool {
	own := r.doc.Containers[key]
	return field == "ip" && own.IP != nil || field == "ip6" && own.IP6 != nil
}

// needs are the containers that the names stand for: those of a key, or one of several.
func (r *reader) needs(key string, names []string) (out []string) {
	for i, name := range names {
		at := fmt.Sprintf("containers.%s.needs[%d]", key, i)
		switch all, ok := r.of[name]; {
		case name == key:
			r.read.Bad(at, "", "%s needs itself", key)
		case ok:
			out = append(out, all...)
		case slices.ContainsFunc(r.keys, func(k string) bool { return k != key && slices.Contains(r.of[k], name) }):
			out = append(out, name)
		default:
			hint := "there are: " + strings.Join(r.keys, ", ")
			if near := template.Nearest(name, r.keys); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			r.read.Bad(at, hint, "the fleet has no container %q", name)
		}
	}
	return out
}

// cycles refuses containers that wait for each other.
func (r *reader) cycles() {
	state := map[string]int{} // 1: being visited, 2: done
	var path []string
	var visit func(key string) bool
	visit = func(key string) bool {
		state[key] = 1
		path = append(path, key)
		for i, name := range r.doc.Containers[key].Needs {
			next := r.keyOf(name)
			switch state[next] {
			case 1:
				from := slices.Index(path, next)
				r.read.Bad(fmt.Sprintf("containers.%s.needs[%d]", key, i), "take one of these needs out",
					"they wait for each other: %s", strings.Join(append(slices.Clone(path[from:]), next), " needs "))
				return false
			case 0:
				if !visit(next) {
					return false
				}
			}
		}
		path = path[:len(path)-1]
		state[key] = 2
		return true
	}
	for _, key := range r.keys {
		if state[key] == 0 && !visit(key) {
			return
		}
	}
}

// keyOf is the key of a name that needs may have.
func (r *reader) keyOf(name string) string {
	if _, ok := r.of[name]; ok {
		return name
	}
	return r.keys[slices.IndexFunc(r.keys, func(k string) bool { return slices.Contains(r.of[k], name) })]
}
