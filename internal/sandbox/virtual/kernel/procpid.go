package kernel

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// procPid is /proc/<pid>/… of process p, seen by by.
func (p *Proc) procPid(by *Proc, name string) *fsys.Node {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case "":
		n := dirNode("cgroup", "cmdline", "comm", "cwd", "environ", "exe", "fd", "root", "stat", "status")
		n.UID, n.GID = p.UID(), p.GID()
		return n
	case "root":
		return linkNode("/")
	case "cwd":
		return linkNode(p.Cwd())
	case "exe":
		return linkNode("/usr/bin/" + p.Comm())
	case "comm":
		return textNode(func() string { return p.Comm() + "\n" })
	case "cmdline":
		return textNode(func() string {
			args := p.Args()
			if len(args) == 0 {
				return ""
			}
			return strings.Join(args, "\x00") + "\x00"
		})
	case "environ":
		n := textNode(func() string { return strings.Join(p.Env(), "\x00") + "\x00" })
		n.Mode, n.UID = 0o400, p.UID()
		return n
	case "cgroup":
		return textNode(func() string { return "0::/" + p.Cgroup() + "\n" })
	case "stat":
		return textNode(p.statLine)
	case "status":
		return textNode(p.statusText)
	case "fd":
		return p.procFd(by, rest)
	}
	return nil
}

// Cgroup is the path of the process's control group, without the leading slash.
func (p *Proc) Cgroup() string {
	unit := p.Unit()
	switch {
	case p.Pid == 1 || unit == "init.scope":
		return "init.scope"
	case strings.HasSuffix(unit, ".service"), strings.HasSuffix(unit, ".socket"):
		return "system.slice/" + unit
	case strings.HasPrefix(unit, "docker-"):
		return "system.slice/" + unit + ".scope"
	case unit != "":
		return "user.slice/user-0.slice/" + unit
	}
	return ""
}

func (p *Proc) statLine() string {
	ticks := int64(p.started.Sub(p.M.booted).Seconds() * 100)
	return fmt.Sprintf("%d (%s) S %d %d %d 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.Pid, p.Comm(), p.PPID(), p.PGID(), p.SID(), max(0, ticks))
}

func (p *Proc) statusText() string {
	uid, gid := p.UID(), p.GID()
	return fmt.Sprintf("Name:\t%s\nUmask:\t%04o\nState:\tS (sleeping)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nThreads:\t1\nVmRSS:\t    2048 kB\n",
		p.Comm(), p.Umask(), p.Pid, p.Pid, p.PPID(), uid, uid, uid, uid, gid, gid, gid, gid)
}

func (p *Proc) procFd(by *Proc, name string) *fsys.Node {
	if name == "" {
		n := dirNode("0", "1", "2")
		p.mu.Lock()
		for k := range p.fds {
			n.Names = append(n.Names, strconv.Itoa(k))
		}
		p.mu.Unlock()
		for i, s := range p.M.Sockets() {
			if s.Pid == p.Pid {
				n.Names = append(n.Names, strconv.Itoa(100+i))
			}
		}
		return n
	}
	k, err := strconv.Atoi(name)
	if err != nil {
		return nil
	}
	if socks := p.M.Sockets(); k >= 100 && k-100 < len(socks) && socks[k-100].Pid == p.Pid {
		return linkNode(fmt.Sprintf("socket:[%d]", socketInode(socks[k-100])))
	}
	if p != by {
		return linkNode("pipe:[" + strconv.Itoa(p.Pid*10+k) + "]")
	}
	var x any
	switch k {
	case 0:
		x = raw(p.Stdin)
	case 1:
		x = rawW(p.Stdout)
	case 2:
		x = rawW(p.Stderr)
	default:
		p.mu.Lock()
		x = p.fds[k]
		p.mu.Unlock()
	}
	if x == nil {
		return nil
	}
	return &fsys.Node{Mode: 0o600, Open: func(int) (io.ReadWriteCloser, error) {
		if p.M.foreign(x) {
			return nil, syscall.EACCES
		}
		if r, ok := x.(io.Reader); ok && k == 0 {
			return keepOpen{&reader{p, r}}, nil
		}
		return keepOpen{x}, nil
	}}
}
