package discover

import (
	"strconv"
	"strings"
)

// proc is a line of the process table.
type proc struct {
	ppid int
	comm string
}

// procTable reads /proc/PID/stat lines: pid (name) state ppid … The name may
// hold anything, blanks, parentheses and newlines too, so the last parenthesis
// ends it.
func (p *parser) procTable(body string) {
	lines(body, func(l string) bool {
		num, rest, ok := strings.Cut(l, " (")
		if !ok {
			return true
		}
		comm, rest, ok := cutLast(rest, ") ")
		f := strings.Fields(rest)
		pid, err := strconv.Atoi(num)
		if !ok || err != nil || pid <= 0 || len(f) < 2 {
			return true
		}
		ppid, err := strconv.Atoi(f[1])
		if err != nil {
			return true
		}
		p.procs[pid] = &proc{ppid: ppid, comm: clean(comm)}
		return len(p.procs) < maxProcs
	})
}

// cgroups reads `grep -H /proc/*/cgroup`: /proc/12/cgroup:0::/system.slice/nginx.service
// and keeps the unit, container or OpenRC service that a process belongs to.
func (p *parser) cgroups(body string) {
	lines(body, func(l string) bool {
		rest, ok := strings.CutPrefix(l, "/proc/")
		if !ok {
			return true
		}
		num, line, _ := strings.Cut(rest, "/cgroup:")
		pid, err := strconv.Atoi(num)
		f := strings.SplitN(line, ":", 3)
		if err != nil || pid <= 0 || len(f) != 3 {
			return true
		}
		if o := cgroupOwner(f[1], f[2]); o != "" && p.owned[pid] == "" {
			p.owned[pid] = o
		}
		return len(p.owned) < maxProcs
	})
}

// cgroupOwner makes an owner of a cgroup path: "nginx.service",
// "docker:<id>", "openrc:<name>", or "". The innermost one wins: a container of
// docker has its own path below, or beside, docker.service.
func cgroupOwner(controller, path string) string {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		part := parts[i]
		if id := containerID(part); id != "" {
			return "docker:" + id
		}
		if strings.HasSuffix(part, ".service") && validName(part) {
			return part
		}
		if name, ok := strings.CutPrefix(part, "openrc."); ok && validName(name) {
			return "openrc:" + name
		}
		if (controller == "name=openrc" || i > 0 && parts[i-1] == "openrc") && validName(part) {
			return "openrc:" + part
		}
	}
	return ""
}

// containerID is the 64 hex digits of docker-<id>.scope, libpod-<id>.scope or
// <id> alone.
func containerID(part string) string {
	s := strings.TrimSuffix(part, ".scope")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "docker-"), "libpod-")
	if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}
