package discover

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// entry is an unfinished service.
type entry struct {
	lxc.Service
	names []string // its other names: aliases, an instance's template, an image
	path  string   // path of the HTTP request to port, if declared
	port  int
	tls   bool
	order int // of a declared one, from 1

	ports  map[endpoint]bool
	boot   bool // started by OpenRC only during boot
	unwell bool // its engine reports a fault, which counts more than an answer
	told   bool // the engine's status is already in the note
}

func (e *entry) goesBy(name string) bool {
	return e.Name == name || slices.Contains(e.names, name)
}

// remark adds text to the note of the service.
func (e *entry) remark(text string) {
	if e.Note != "" && text != "" {
		text = e.Note + "; " + text
	}
	if text != "" {
		e.Note = text
	}
}

// builder combines the parts of a report.
type builder struct {
	*Report
	units     map[string]*unit       // by id
	main      map[int]*unit          // by MainPID
	published map[string][]portRange // by protocol
	quadlets  map[string]string      // unit → the container that it runs
	waking    map[endpoint][]*unit   // socket units by the ports on which they listen, without addresses
	entries   map[string]*entry
	keys      []string
	limit     int // of keys; 0: none
	more      bool
}

// Services combines the report: what runs, with its ports, a URL for a browser and its
// credentials. address is the guest's, "" if it is not known. Declared services come
// first in their order, then the others by name, then credentials without a service, then
// services of the system.
func (r *Report) Services(address string, declared []Declared) []lxc.Service {
	b := builder{Report: r, units: map[string]*unit{}, main: map[int]*unit{}, published: map[string][]portRange{}, quadlets: map[string]string{},
		waking: map[endpoint][]*unit{}, entries: map[string]*entry{}, limit: maxShown}
	b.index()
	b.fromUnits()
	b.fromOpenRC()
	b.fromContainers()
	b.fromSockets()
	if b.more {
		r.note("more than %d services run in the guest; the rest is not shown", maxShown)
	}
	b.limit = 0 // declared services are shown even beyond the limit
	b.declare(declared)
	b.giveCredentials()
	return b.finish(address)
}

// index builds the tables for the lookups of sockets.
func (b *builder) index() {
	for i := range b.Report.units {
		u := &b.Report.units[i]
		b.units[u.id] = u
		if u.pid > 1 {
			b.main[u.pid] = u
		}
		if !u.isSocket() || u.active != "active" {
			continue
		}
		for _, l := range u.listens {
			l.addr = ""
			if len(b.waking[l]) < 16 {
				b.waking[l] = append(b.waking[l], u)
			}
		}
	}
	for _, c := range b.containers {
		for _, p := range c.ports {
			b.published[p.proto] = append(b.published[p.proto], p)
		}
		if c.unit != "" {
			b.quadlets[c.unit+".service"] = c.id
		}
	}
}

// entry finds or makes the entry for key. An entry over the limit is made but never
// shown.
func (b *builder) entry(key string, make func() *entry) *entry {
	if e := b.entries[key]; e != nil {
		return e
	}
	e := make()
	if b.limit > 0 && len(b.keys) >= b.limit {
		b.more = true
		return e
	}
	b.entries[key] = e
	b.keys = append(b.keys, key)
	return e
}

// fromUnits adds units that run, restart again and again, or have failed, and enabled
// units that should run and do not.
func (b *builder) fromUnits() {
	for i := range b.Report.units {
		u := &b.Report.units[i]
		if u.isSocket() || u.load == "masked" || b.oneConnection(u) || b.quadlets[u.id] != "" {
			continue
		}
		switch {
		case u.active == "active" && (u.sub == "running" || u.runsOn()), u.active == "failed",
			u.active == "activating" && u.kind != "oneshot", u.active == "reloading":
			b.unit(u)
		case u.active == "inactive" && u.wanted() && u.kind != "oneshot" && !isSystem(u.name()):
			b.unit(u)
		}
	}
}

// oneConnection reports whether a unit serves one connection of a socket unit
// (hello@3-10.0.0.2:80-….service). Such a unit comes and goes and is not a service.
func (b *builder) oneConnection(u *unit) bool {
	base, instance, ok := strings.Cut(u.id, "@")
	if !ok || b.units[base+".socket"] == nil || instance == "" {
		return false
	}
	count, _, dashed := strings.Cut(instance, "-")
	return dashed && strings.Trim(count, "0123456789") == ""
}

func (b *builder) unit(u *unit) *entry {
	if e := b.contained(u.id); e != nil {
		return e
	}
	return b.entry(u.id, func() *entry {
		e := &entry{Service: lxc.Service{Name: u.name(), Type: lxc.Systemd, Status: unitStatus(u), System: isSystem(u.name())}}
		e.names = append(append(e.names, u.names...), u.aliases()...)
		e.remark(u.madeFrom())
		for _, n := range append([]string{u.name()}, u.names...) {
			if base, _, ok := strings.Cut(n, "@"); ok && base != "" {
				e.names = append(e.names, base)
			}
		}
		return e
	})
}

func unitStatus(u *unit) lxc.ServiceStatus {
	switch {
	case u.active == "failed", u.sub == "auto-restart":
		return lxc.Errored
	case u.active == "active", u.active == "reloading":
		return lxc.Running
	case u.active == "activating":
		return lxc.Unready
	}
	return lxc.Stopped
}

// fromSockets assigns every listening socket to its owner.
func (b *builder) fromSockets() {
	for i := range b.sockets {
		s := &b.sockets[i]
		if e := b.owner(s); e != nil {
			e.add(s.endpoint)
		}
	}
}

// declare marks the declared services and judges each.
func (b *builder) declare(declared []Declared) {
	for i, d := range declared {
		if d.Name == "" || i >= maxServices {
			continue
		}
		proto := cmp.Or(d.Protocol, "tcp")
		e := b.promised(d, proto)
		if e.order != 0 { // two declarations of one service: keep them apart
			e = b.entry("declared:"+strconv.Itoa(i), func() *entry {
				return &entry{Service: lxc.Service{Type: e.Type, Status: e.Status}}
			})
		}
		if e.Name != d.Name && e.Name != "" {
			e.names = append(e.names, e.Name)
		}
		e.Name, e.Declared, e.System, e.order = d.Name, true, false, i+1
		e.path, e.port, e.tls = d.HTTP, d.Port, d.TLS
		if !d.asked() {
			continue
		}
		listens := d.Port == 0 && e.Status == lxc.Running
		for _, port := range append([]int{d.Port}, d.Also...) {
			if port > 0 && !e.has(proto, port) {
				b.lend(e, proto, port)
			}
			listens = listens || port > 0 && e.has(proto, port)
		}
		b.judge(e, i, listens)
	}
}

// judge decides from the answer whether declared service i works.
func (b *builder) judge(e *entry, i int, listens bool) {
	got, asked := b.Ready[i]
	switch {
	case e.unwell && e.Status == lxc.Errored:
	case e.unwell:
		e.Status = lxc.Unready
	case asked && got.OK, !asked && listens:
		e.Status = lxc.Running
		if e.Note == starting {
			e.Note = ""
		}
	case e.Status != lxc.Errored:
		e.Status = lxc.Unready
	}
	if asked && !got.OK {
		note := e.Note
		e.Note = got.How
		e.remark(note)
	}
}

// explain notes the cause if a declared service does not run.
func (b *builder) explain(e *entry) {
	if e.order == 0 || e.Status == lxc.Running {
		return
	}
	why := b.Why[e.order-1]
	if !e.told {
		e.remark(why.State)
	}
	e.Log = why.Log
}

// lend shows the sockets of a declared port at the declaring service even if another
// service holds them.
func (b *builder) lend(e *entry, proto string, port int) {
	for i := range b.sockets {
		if s := &b.sockets[i]; s.proto == proto && s.port == port {
			e.add(s.endpoint)
		}
	}
}

// promised finds the service that a declaration means: by name and port, by an alias or
// template unit and port, by the port, or by the name.
func (b *builder) promised(d Declared, proto string) *entry {
	byPort := func(e *entry) bool { return d.Port == 0 || e.has(proto, d.Port) }
	tests := []func(*entry) bool{
		func(e *entry) bool { return d.Unit != "" && (e.Name == d.Unit || e.goesBy(d.Unit)) },
		func(e *entry) bool { return e.Name == d.Name && byPort(e) },
		func(e *entry) bool { return e.goesBy(d.Name) && byPort(e) },
		func(e *entry) bool { return d.Port != 0 && e.has(proto, d.Port) && !e.System },
		func(e *entry) bool { return d.Port != 0 && e.has(proto, d.Port) },
		func(e *entry) bool { return e.Name == d.Name },
		func(e *entry) bool { return e.goesBy(d.Name) },
	}
	for _, ok := range tests {
		for _, k := range b.keys {
			if e := b.entries[k]; e.order == 0 && ok(e) {
				return e
			}
		}
	}
	if u := b.units[cmp.Or(d.Unit, d.Name)+".service"]; u != nil {
		return b.unit(u)
	}
	return b.entry("declared:"+d.Name, func() *entry {
		kind := lxc.Process
		switch {
		case len(b.units) > 0:
			kind = lxc.Systemd
		case len(b.openrc.state) > 0:
			kind = lxc.OpenRC
		}
		return &entry{Service: lxc.Service{Type: kind, Status: lxc.Stopped}}
	})
}

// finish sorts the services and makes their URLs.
func (b *builder) finish(address string) []lxc.Service {
	list := make([]*entry, 0, len(b.keys))
	for _, k := range b.keys {
		list = append(list, b.entries[k])
	}
	rank := func(e *entry) int {
		switch {
		case e.order != 0:
			return 0
		case e.System:
			return 3
		case e.Type == lxc.Credential:
			return 2
		}
		return 1
	}
	sort.SliceStable(list, func(i, j int) bool {
		x, y := list[i], list[j]
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.order, y.order),
			cmp.Compare(x.Name, y.Name), cmp.Compare(x.Type, y.Type)) < 0
	})
	out := make([]lxc.Service, 0, len(list))
	for _, e := range list[:min(len(list), maxServices)] {
		b.explain(e)
		e.settlePorts()
		if e.Status == lxc.Running || e.Status == lxc.Unready {
			e.URL = e.url(address)
		}
		out = append(out, e.Service)
	}
	return out
}
