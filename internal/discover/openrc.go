package discover

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// openrcState holds the state from /run/openrc and the runlevels.
type openrcState struct {
	state   map[string]string // service → started, failed, inactive
	enabled map[string]bool
	boot    map[string]bool // enabled only in runlevels for boot or shutdown
}

// bootLevels are the runlevels that every OpenRC passes through or ends with.
var bootLevels = names(`sysinit boot shutdown off recovery single`)

// daemon is a process that a service started: /run/openrc/daemons/SERVICE/001.
type daemon struct{ exec, pidfile string }

func (p *parser) openrcServices(body string) {
	p.openrc = openrcState{state: map[string]string{}, enabled: map[string]bool{}, boot: map[string]bool{}}
	lines(body, func(l string) bool {
		state, name, ok := strings.Cut(l, " ")
		name, level, _ := strings.Cut(name, " ")
		if !ok || !validName(name) {
			return true
		}
		if state == "enabled" {
			first := !p.openrc.enabled[name]
			p.openrc.enabled[name] = true
			p.openrc.boot[name] = bootLevels[level] && (first || p.openrc.boot[name])
		} else if p.openrc.state[name] == "" {
			p.openrc.state[name] = state
		}
		return len(p.openrc.state)+len(p.openrc.enabled) < maxServices
	})
}

// openrcDaemons reads /run/openrc/daemons/nginx/001:pidfile=/run/nginx.pid.
func (p *parser) openrcDaemons(body string) {
	p.daemons = map[string][]daemon{}
	last := ""
	lines(body, func(l string) bool {
		rest, ok := strings.CutPrefix(l, "/run/openrc/daemons/")
		file, kv, ok2 := strings.Cut(rest, ":")
		k, v, ok3 := strings.Cut(kv, "=")
		name, _, ok4 := strings.Cut(file, "/")
		if !ok || !ok2 || !ok3 || !ok4 || !validName(name) {
			return true
		}
		if file != last && len(p.daemons[name]) < 50 {
			p.daemons[name] = append(p.daemons[name], daemon{})
			last = file
		}
		if d := p.daemons[name]; len(d) > 0 {
			if k == "pidfile" {
				d[len(d)-1].pidfile = v
			} else {
				d[len(d)-1].exec = v
			}
		}
		return len(p.daemons) < maxServices
	})
}

// openrcPidfiles reads /run/nginx.pid:123.
func (p *parser) openrcPidfiles(body string) {
	p.pidfiles = map[string]int{}
	lines(body, func(l string) bool {
		file, num, ok := cutLast(l, ":")
		pid, err := strconv.Atoi(strings.TrimSpace(num))
		if ok && err == nil && pid > 1 {
			p.pidfiles[file] = pid
		}
		return len(p.pidfiles) < maxServices
	})
}

func (b *builder) fromOpenRC() {
	for _, name := range slices.Sorted(maps.Keys(b.openrc.state)) {
		status := lxc.Running
		switch b.openrc.state[name] {
		case "failed", "crashed":
			status = lxc.Errored
		case "inactive":
			status = lxc.Stopped
		}
		b.openrcEntry(name, status)
	}
	for _, name := range slices.Sorted(maps.Keys(b.openrc.enabled)) {
		if b.openrc.state[name] == "" && !isSystem(name) && !b.openrc.boot[name] {
			b.openrcEntry(name, lxc.Stopped)
		}
	}
}

func (b *builder) openrcEntry(name string, s lxc.ServiceStatus) *entry {
	return b.entry("openrc:"+name, func() *entry {
		base := strings.TrimSuffix(name, ".sh")
		e := &entry{Service: lxc.Service{Name: name, Type: lxc.OpenRC, Status: s, System: isSystem(base)}, boot: b.openrc.boot[name]}
		e.System = e.System || e.boot || strings.HasPrefix(name, "net.")
		if base, _, ok := strings.Cut(name, "."); ok {
			e.names = append(e.names, base)
		}
		return e
	})
}

// own assigns processes to OpenRC's services that no cgroup identifies: by the service's
// pid file, by a process of its name, and by the name of the program that it started.
func (o *openrcState) own(p *parser) {
	byName := map[string][]int{}
	if len(p.daemons) > 0 {
		for pid, pr := range p.procs {
			byName[pr.comm] = append(byName[pr.comm], pid)
		}
	}
	held := map[string]bool{} // services with processes, known by their cgroups
	for _, owner := range p.owned {
		held[owner] = true
	}
	for name, state := range o.state {
		if state != "started" {
			continue
		}
		dead, alive := false, held["openrc:"+name]
		claim := func(pid int) {
			if pid > 1 && p.owned[pid] == "" {
				p.owned[pid] = "openrc:" + name
			}
			dead = dead || pid > 1 && p.procs[pid] == nil
			alive = alive || p.procs[pid] != nil
		}
		claim(p.pidfiles["/run/"+name+".pid"])
		claim(p.pidfiles["/run/"+name+"/"+name+".pid"])
		for _, d := range p.daemons[name] {
			file := strings.Replace(d.pidfile, "/var/run/", "/run/", 1)
			if pid := p.pidfiles[file]; pid != 0 {
				claim(pid)
				continue
			}
			if b := path.Base(d.exec); d.exec != "" {
				b = b[:min(len(b), 15)]
				for _, pid := range byName[b] {
					claim(pid)
				}
				delete(byName, b) // these processes are taken now
			}
		}
		if dead && !alive && len(p.procs) > 0 {
			o.state[name] = "crashed" // the word that rc-status uses
		}
	}
}
