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
	case p.M.files != nil:
		return p.M.files(name)
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

func (f funcDevice) Read(b []byte) (int, error) { return f(b) }

func (f funcDevice) Write(b []byte) (int, error) { return len(b), nil }

func (f funcDevice) Close() error { return nil }

func device(read func([]byte) (int, error)) *fsys.Node {
	return &fsys.Node{Mode: charDevice, Open: func(int) (io.ReadWriteCloser, error) { return funcDevice(read), nil }}
}

func (p *Proc) dev(name string) *fsys.Node {
	switch name {
	case "":
		n := dirNode("fd", "full", "null", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero")
		n.Names = append(n.Names, p.M.ttyNames(false)...)
		return n
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
	case "pts":
		return dirNode(p.M.ttyNames(true)...)
	case "shm":
		return dirNode()
	}
	return p.ttyNode(name)
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
		return textNode(p.M.cpuinfo)
	case "stat":
		return textNode(p.M.statText)
	case "meminfo":
		return textNode(p.M.meminfo)
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
