package kernel

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

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
