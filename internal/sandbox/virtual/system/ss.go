package system

import (
	"fmt"
	"net/netip"
	"path"
	"strings"
)

func ss(p *proc, args []string) int {
	flags := ""
	for _, a := range args[1:] {
		switch {
		case strings.HasPrefix(a, "--"):
			flags += map[string]string{"--tcp": "t", "--udp": "u", "--listening": "l", "--numeric": "n", "--processes": "p", "--no-header": "H"}[a]
		case strings.HasPrefix(a, "-"):
			flags += a[1:]
		}
	}
	t, u := strings.Contains(flags, "t"), strings.Contains(flags, "u")
	if !t && !u {
		t, u = true, true
	}
	if path.Base(args[0]) == "netstat" {
		return netstat(p, t, u)
	}
	netid := t && u
	if !strings.Contains(flags, "H") {
		if netid {
			p.Printf("Netid ")
		}
		p.Printf("State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n")
	}
	for _, proto := range []string{"udp", "tcp"} {
		for _, s := range p.M.Sockets() {
			if s.Proto != proto || proto == "tcp" && !t || proto == "udp" && !u {
				continue
			}
			state, queue := "LISTEN", 4096
			if proto == "udp" {
				state, queue = "UNCONN", 0
			}
			if netid {
				p.Printf("%-5s ", proto)
			}
			peer := "0.0.0.0:*"
			if s.Addr.Is6() {
				peer = "[::]:*"
			}
			local := netip.AddrPortFrom(s.Addr, uint16(s.Port)).String()
			if s.Addr == netip.IPv6Unspecified() && !s.Only6 {
				local, peer = fmt.Sprintf("*:%d", s.Port), "*:*"
			}
			users := ""
			if q := p.M.Proc(s.Pid); q != nil && strings.Contains(flags, "p") {
				users = fmt.Sprintf(" users:((%q,pid=%d,fd=%d))", q.Comm(), q.Pid, 6)
			}
			p.Printf("%-6s 0      %-6d %s      %s%s\n", state, queue, local, peer, users)
		}
	}
	return 0
}

func netstat(p *proc, t, u bool) int {
	p.Printf("Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n")
	for _, s := range p.M.Sockets() {
		if s.Proto == "tcp" && !t || s.Proto == "udp" && !u {
			continue
		}
		name := "-"
		if q := p.M.Proc(s.Pid); q != nil {
			name = fmt.Sprintf("%d/%s", q.Pid, q.Comm())
		}
		p.Printf("%-5s      0      0 %-23s %-23s %-11s %s\n", s.Proto, fmt.Sprintf("%s:%d", s.Addr, s.Port), "0.0.0.0:*", "LISTEN", name)
	}
	return 0
}
