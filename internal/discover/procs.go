package discover

import (
	"path"
	"strconv"
	"strings"
)

// proc is a line of the process table.
type proc struct {
	ppid int
	comm string
	exe  string // the program's file, without its folder
}

// called returns the name of a process. If the kernel's name for it is that of a thread,
// as Node.js 24 sets it, or was cut off after 15 bytes, it returns the program's name.
func (p *proc) called() string {
	cut := len(p.comm) == 15 && strings.HasPrefix(p.exe, p.comm)
	if p.exe != "" && (p.comm == "MainThread" || cut) {
		return p.exe
	}
	return p.comm
}

// exeTable reads `ls -l /proc/PID/exe`: … /proc/12/exe -> /usr/bin/node
func (p *parser) exeTable(body string) {
	lines(body, func(l string) bool {
		_, rest, ok := strings.Cut(l, " /proc/")
		num, file, ok2 := strings.Cut(rest, "/exe -> ")
		pid, err := strconv.Atoi(num)
		if pr := p.procs[pid]; ok && ok2 && err == nil && pr != nil {
			file = strings.TrimSuffix(file, " (deleted)")
			if name := path.Base(file); validName(name) {
				pr.exe = name
			}
		}
		return true
	})
}

// procTable reads /proc/PID/stat lines: pid (name) state ppid … The last parenthesis ends
// the name, because the name may contain anything, even blanks, parentheses and newlines.
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

// cgroups reads `grep -H /proc/*/cgroup`: /proc/12/cgroup:0::/system.slice/nginx.service,
// and keeps the unit, container or OpenRC service of each process.
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

// cgroupOwner returns the owner in a cgroup path: "nginx.service", "docker:<id>",
// "openrc:<name>", or "". The innermost one counts, because the path of a docker
// container is below or beside docker.service.
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

// containerID returns the 64 hex digits in docker-<id>.scope, libpod-<id>.scope, a
// quadlet's libpod-payload-<id>, or <id> alone.
func containerID(part string) string {
	s := strings.TrimSuffix(part, ".scope")
	for _, prefix := range []string{"docker-", "libpod-payload-", "libpod-"} {
		s = strings.TrimPrefix(s, prefix)
	}
	if len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}
