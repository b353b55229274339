package kernel

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// hook answers for /proc, /dev and /sys as this process sees them.
func (p *Proc) hook(name string) (*fsys.Node, bool) {
	switch {
	case name == "/dev" || strings.HasPrefix(name, "/dev/"):
		return p.dev(strings.TrimPrefix(strings.TrimPrefix(name, "/dev"), "/")), true
	case name == "/proc" || strings.HasPrefix(name, "/proc/"):
		return p.procfs(strings.TrimPrefix(strings.TrimPrefix(name, "/proc"), "/")), true
	case name == "/sys" || strings.HasPrefix(name, "/sys/"):
		return sysfs(strings.TrimPrefix(strings.TrimPrefix(name, "/sys"), "/")), true
	}
	return nil, false
}

func dirNode(names ...string) *fsys.Node { return &fsys.Node{Mode: fs.ModeDir | 0o755, Names: names} }

func textNode(f func() string) *fsys.Node {
	return &fsys.Node{Mode: 0o444, Content: func() []byte { return []byte(f()) }}
}

func linkNode(target string) *fsys.Node {
	return &fsys.Node{Mode: fs.ModeSymlink | 0o777, Target: target}
}

const charDevice = fs.ModeDevice | fs.ModeCharDevice | 0o666

type funcDevice func([]byte) (int, error)

func (f funcDevice) Read(b []byte) (int, error)  { return f(b) }
func (f funcDevice) Write(b []byte) (int, error) { return len(b), nil }
func (f funcDevice) Close() error                { return nil }

func device(read func([]byte) (int, error)) *fsys.Node {
	return &fsys.Node{Mode: charDevice, Open: func(int) (io.ReadWriteCloser, error) { return funcDevice(read), nil }}
}

func (p *Proc) dev(name string) *fsys.Node {
	switch name {
	case "":
		return dirNode("fd", "full", "null", "pts", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero")
	case "null":
		return device(func([]byte) (int, error) { return 0, io.EOF })
	case "zero", "full":
		return device(func(b []byte) (int, error) { clear(b); return len(b), nil })
	case "urandom", "random":
		return device(rand.Read)
	case "stdin":
		return linkNode("/proc/self/fd/0")
	case "stdout":
		return linkNode("/proc/self/fd/1")
	case "stderr":
		return linkNode("/proc/self/fd/2")
	case "fd":
		return linkNode("/proc/self/fd")
	case "pts", "shm":
		return dirNode()
	}
	return nil
}

func (p *Proc) procfs(name string) *fsys.Node {
	first, rest, _ := strings.Cut(name, "/")
	switch name {
	case "":
		n := dirNode("cmdline", "cpuinfo", "loadavg", "meminfo", "mounts", "net", "self", "stat", "sys", "uptime", "version")
		for _, q := range p.M.Procs() {
			n.Names = append(n.Names, strconv.Itoa(q.Pid))
		}
		return n
	case "self":
		return linkNode("/proc/" + strconv.Itoa(p.Pid))
	case "mounts":
		return textNode(mounts)
	case "net":
		return dirNode("tcp", "tcp6", "udp", "udp6", "route", "dev")
	case "uptime":
		return textNode(func() string {
			s := time.Since(p.M.booted).Seconds()
			return fmt.Sprintf("%.2f %.2f\n", s, s)
		})
	case "loadavg":
		return textNode(func() string { return fmt.Sprintf("0.00 0.00 0.00 1/%d %d\n", len(p.M.Procs()), p.Pid) })
	case "version":
		return textNode(func() string { return "Linux version 6.8.12-4-pve (virtual)\n" })
	case "cmdline":
		return textNode(func() string { return "\n" })
	case "cpuinfo":
		return textNode(func() string { return "processor\t: 0\nmodel name\t: virtual\n\n" })
	case "stat":
		return textNode(func() string { return fmt.Sprintf("cpu 0 0 0 0\nbtime %d\n", p.M.booted.Unix()) })
	case "meminfo":
		return textNode(func() string {
			return "MemTotal:         524288 kB\nMemFree:          480000 kB\nMemAvailable:     500000 kB\nSwapTotal:        524288 kB\nSwapFree:         524288 kB\n"
		})
	}
	switch first {
	case "net":
		return p.procNet(rest)
	case "sys":
		return p.procSys(rest)
	}
	if first == "thread-self" {
		first = strconv.Itoa(p.Pid)
	}
	pid, err := strconv.Atoi(first)
	if err != nil {
		return nil
	}
	if q := p.M.Proc(pid); q != nil {
		return q.procPid(p, rest)
	}
	return nil
}

func mounts() string {
	return "virtual / ext4 rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\nsysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0\ntmpfs /run tmpfs rw,nosuid,nodev 0 0\n"
}

func (p *Proc) procSys(name string) *fsys.Node {
	files := map[string]func() string{
		"kernel/hostname":              func() string { return p.M.Hostname() + "\n" },
		"kernel/random/boot_id":        func() string { return p.M.bootID + "\n" },
		"kernel/random/uuid":           func() string { return newUUID() + "\n" },
		"kernel/osrelease":             func() string { return "6.8.12-4-pve\n" },
		"kernel/ostype":                func() string { return "Linux\n" },
		"kernel/pid_max":               func() string { return "4194304\n" },
		"net/ipv4/ip_forward":          func() string { return "0\n" },
		"fs/file-max":                  func() string { return "1048576\n" },
		"vm/swappiness":                func() string { return "60\n" },
		"net/core/somaxconn":           func() string { return "4096\n" },
		"vm/overcommit_memory":         func() string { return "0\n" },
		"net/ipv6/conf/all/forwarding": func() string { return "0\n" },
	}
	if f, ok := files[name]; ok {
		return textNode(f)
	}
	return treeDir(name, files)
}

// treeDir is the folder name in a tree given by its files' paths.
func treeDir(name string, files map[string]func() string) *fsys.Node {
	prefix := name + "/"
	if name == "" {
		prefix = ""
	}
	seen := map[string]bool{}
	n := dirNode()
	for f := range files {
		if r, ok := strings.CutPrefix(f, prefix); ok {
			if s, _, _ := strings.Cut(r, "/"); !seen[s] {
				seen[s] = true
				n.Names = append(n.Names, s)
			}
		}
	}
	if len(n.Names) == 0 {
		return nil
	}
	return n
}

func newUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func sysfs(name string) *fsys.Node {
	return treeDir(name, map[string]func() string{"class/net/lo/mtu": nil, "class/net/eth0/mtu": nil, "fs/cgroup/cgroup.procs": nil})
}

// procPid is /proc/<pid>/… of process p, seen by by.
func (p *Proc) procPid(by *Proc, name string) *fsys.Node {
	first, rest, _ := strings.Cut(name, "/")
	switch first {
	case "":
		n := dirNode("cgroup", "cmdline", "comm", "cwd", "environ", "exe", "fd", "root", "stat", "status")
		n.UID, n.GID = p.uid, p.gid
		return n
	case "root":
		return linkNode("/")
	case "cwd":
		return linkNode(p.cwd)
	case "exe":
		return linkNode("/usr/bin/" + p.Comm())
	case "comm":
		return textNode(func() string { return p.Comm() + "\n" })
	case "cmdline":
		return textNode(func() string {
			if len(p.Args) == 0 {
				return ""
			}
			return strings.Join(p.Args, "\x00") + "\x00"
		})
	case "environ":
		n := textNode(func() string { return strings.Join(p.Env, "\x00") + "\x00" })
		n.Mode, n.UID = 0o400, p.uid
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
	switch {
	case p.Pid == 1 || p.Unit == "init.scope":
		return "init.scope"
	case strings.HasSuffix(p.Unit, ".service"), strings.HasSuffix(p.Unit, ".socket"):
		return "system.slice/" + p.Unit
	case strings.HasPrefix(p.Unit, "docker-"):
		return "system.slice/" + p.Unit + ".scope"
	case p.Unit != "":
		return "user.slice/user-0.slice/" + p.Unit
	}
	return ""
}

func (p *Proc) statLine() string {
	ticks := int64(p.started.Sub(p.M.booted).Seconds() * 100)
	return fmt.Sprintf("%d (%s) S %d %d %d 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.Pid, p.Comm(), p.PPID(), p.pgid, p.sid, max(0, ticks))
}

func (p *Proc) statusText() string {
	return fmt.Sprintf("Name:\t%s\nUmask:\t%04o\nState:\tS (sleeping)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nThreads:\t1\nVmRSS:\t    2048 kB\n",
		p.Comm(), p.umask, p.Pid, p.Pid, p.PPID(), p.uid, p.uid, p.uid, p.uid, p.gid, p.gid, p.gid, p.gid)
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
		if r, ok := x.(io.Reader); ok && k == 0 {
			return keepOpen{&reader{p, r}}, nil
		}
		return keepOpen{x}, nil
	}}
}

func socketInode(s SocketInfo) int { return 20000 + s.Pid*97 + s.Port }

// procNet is /proc/net/{tcp,tcp6,udp,udp6} in the kernel's format.
func (p *Proc) procNet(name string) *fsys.Node {
	switch name {
	case "dev":
		return textNode(func() string { return "Inter-|   Receive\n face |bytes\n    lo: 0\n  eth0: 0\n" })
	case "route":
		return textNode(func() string {
			s := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
			if a := p.M.Address(); a.Is4() {
				b := a.As4()
				s += fmt.Sprintf("eth0\t00000000\t%02X%02X%02X%02X\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", 1, b[2], b[1], b[0])
			}
			return s
		})
	case "tcp", "tcp6", "udp", "udp6":
		return textNode(func() string { return p.M.netTable(name) })
	}
	return nil
}

func (m *Machine) netTable(name string) string {
	var b strings.Builder
	proto, six := strings.TrimSuffix(name, "6"), strings.HasSuffix(name, "6")
	pad := ""
	if six {
		pad = strings.Repeat(" ", 24)
	}
	b.WriteString("  sl  local_address " + pad + "rem_address   " + pad + "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
	i := 0
	for _, s := range m.Sockets() {
		if s.Proto != proto || s.Addr.Is6() != six {
			continue
		}
		state := "0A"
		if proto == "udp" {
			state = "07"
		}
		fmt.Fprintf(&b, "%4d: %s:%04X %s:0000 %s 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0000000000000000 100 0 0 10 0\n",
			i, hexAddr(s.Addr.AsSlice()), s.Port, hexAddr(make([]byte, s.Addr.BitLen()/8)), state, 0, socketInode(s))
		i++
	}
	return b.String()
}

// hexAddr is an address as the kernel prints it: words of the host's byte order.
func hexAddr(a []byte) string {
	var b strings.Builder
	for i := 0; i < len(a); i += 4 {
		fmt.Fprintf(&b, "%02X%02X%02X%02X", a[i+3], a[i+2], a[i+1], a[i])
	}
	return b.String()
}
