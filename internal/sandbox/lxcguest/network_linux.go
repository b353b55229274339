package lxcguest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// network is the bridge of one sandbox, with NAT to the outside and a DHCP server.
type network struct {
	bridge   string
	subnet   netip.Prefix
	gateway  netip.Addr
	hostsDir string
	dnsmasq  *exec.Cmd
	before   *forwarding // nil: the machine forwarded before any sandbox

	mu    sync.Mutex
	extra map[netip.Prefix]bool // addresses and routes added for static guests
}

const bridgePrefix = "ihbr"

// openNetwork makes a new bridge: no guests of an earlier owner are left.
func openNetwork(ctx context.Context, dir, tag string) (*network, error) {
	n := &network{bridge: bridgePrefix + tag, hostsDir: filepath.Join(dir, "dhcp-hosts"), extra: map[netip.Prefix]bool{}}
	endStray(dir)
	unlock, err := lockMachine(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if n.before, err = before(ctx); err != nil {
		return nil, err
	}
	n.drop(ctx)
	if n.subnet, err = keptSubnet(dir, tag); err != nil {
		return nil, err
	}
	n.gateway = n.subnet.Addr().Next()
	if err := n.up(ctx); err != nil {
		n.drop(context.Background())
		_ = n.putBack(context.Background())
		return nil, err
	}
	if err := n.serveDHCP(dir); err != nil {
		n.drop(context.Background())
		_ = n.putBack(context.Background())
		return nil, err
	}
	return n, nil
}

// keptSubnet is this sandbox's 10.x.y.0/24. It stays the same between owners, unless
// another interface of the machine has it by now.
func keptSubnet(dir, tag string) (netip.Prefix, error) {
	file := filepath.Join(dir, "subnet")
	if b, err := os.ReadFile(file); err == nil {
		if p, err := netip.ParsePrefix(strings.TrimSpace(string(b))); err == nil && free(p) {
			return p, nil
		}
	}
	h, _ := strconv.ParseUint(tag, 16, 32)
	for i := range uint64(1 << 14) {
		x := h + i*257
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(64 + x>>8%64), byte(x), 0}), 24)
		if free(p) {
			return p, os.WriteFile(file, []byte(p.String()+"\n"), 0o644)
		}
	}
	return netip.Prefix{}, errors.New("cannot find a free subnet for LXC guests")
}

// free reports whether no interface of this machine has an address in p.
func free(p netip.Prefix) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if have, err := netip.ParsePrefix(a.String()); err == nil && have.Overlaps(p) {
			return false
		}
	}
	return true
}

func (n *network) rules() [][]string {
	return [][]string{
		{"-t", "nat", "POSTROUTING", "-s", n.subnet.String(), "!", "-d", n.subnet.String(), "-j", "MASQUERADE"},
		{"-t", "filter", "FORWARD", "-i", n.bridge, "-j", "ACCEPT"},
		{"-t", "filter", "FORWARD", "-o", n.bridge, "-j", "ACCEPT"},
	}
}

func iptables(ctx context.Context, op string, rule []string) error {
	args := append([]string{"-w", rule[0], rule[1], op}, rule[2:]...)
	if op == "-I" {
		args = append([]string{"-w", rule[0], rule[1], op, rule[2], "1"}, rule[3:]...)
	}
	return run(ctx, "iptables", args...)
}

func (n *network) up(ctx context.Context) error {
	for _, args := range [][]string{
		{"link", "add", n.bridge, "type", "bridge"},
		{"addr", "add", netip.PrefixFrom(n.gateway, n.subnet.Bits()).String(), "dev", n.bridge},
		{"link", "set", n.bridge, "up"},
	} {
		if err := run(ctx, "ip", args...); err != nil {
			return err
		}
	}
	if n.before != nil {
		if err := run(ctx, "ip", "link", "set", n.bridge, "alias", n.before.alias()); err != nil {
			return err
		}
		if err := os.WriteFile(forwardFile, []byte("1"), 0o644); err != nil {
			return err
		}
	}
	for _, r := range n.rules() {
		_ = iptables(ctx, "-D", r) // left by an owner that was killed
		if err := iptables(ctx, "-I", r); err != nil {
			return err
		}
	}
	return nil
}

// serveDHCP starts dnsmasq. It resolves names only if guests cannot reach the machine's
// own resolver.
func (n *network) serveDHCP(dir string) error {
	if err := os.RemoveAll(n.hostsDir); err != nil {
		return err
	}
	if err := os.MkdirAll(n.hostsDir, 0o755); err != nil {
		return err
	}
	args := []string{"--conf-file=/dev/null", "--keep-in-foreground", "--bind-interfaces", "--interface=" + n.bridge, "--except-interface=lo",
		"--dhcp-authoritative", "--no-ping", "--pid-file=", "--user=root", "--no-hosts", "--log-facility=" + filepath.Join(dir, "dnsmasq.log"),
		"--dhcp-leasefile=" + filepath.Join(dir, "dnsmasq.leases"), "--dhcp-hostsdir=" + n.hostsDir,
		fmt.Sprintf("--dhcp-range=%s,%s,255.255.255.0,1h", host(n.subnet, 100), host(n.subnet, 250)),
		"--dhcp-option=option:router," + n.gateway.String()}
	if ns, local := resolvers(); local || len(ns) == 0 {
		args = append(args, "--dhcp-option=option:dns-server,"+n.gateway.String())
	} else {
		args = append(args, "--port=0", "--dhcp-option=option:dns-server,"+strings.Join(ns, ","))
	}
	n.dnsmasq = exec.Command("dnsmasq", args...)
	n.dnsmasq.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := n.dnsmasq.Start(); err != nil {
		return fmt.Errorf("cannot start dnsmasq: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "dnsmasq.pid"), []byte(strconv.Itoa(n.dnsmasq.Process.Pid)), 0o644)
}

// endStray ends the DHCP server of an owner that was killed. dnsmasq changes its
// credentials, and then the kernel no longer ends it with its parent.
func endStray(dir string) {
	b, err := os.ReadFile(filepath.Join(dir, "dnsmasq.pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return
	}
	args, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err == nil && strings.Contains(string(args), "--dhcp-leasefile="+filepath.Join(dir, "dnsmasq.leases")+"\x00") {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// nameservers are the nameservers for guests.
func (n *network) nameservers() []string {
	if ns, local := resolvers(); !local && len(ns) > 0 {
		return ns
	}
	return []string{n.gateway.String()}
}

// resolvers are the machine's own; local reports that one of them listens on loopback.
func resolvers() (ns []string, local bool) {
	f, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return nil, true
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) >= 2 && w[0] == "nameserver" {
			if a, err := netip.ParseAddr(w[1]); err == nil {
				local = local || a.IsLoopback()
				ns = append(ns, w[1])
			}
		}
	}
	return ns, local
}

// host is the i-th address of a /24.
func host(p netip.Prefix, i byte) netip.Addr {
	a := p.Addr().As4()
	a[3] = i
	return netip.AddrFrom4(a)
}

// reserve makes the DHCP server give this address to this MAC; dnsmasq watches the
// folder.
func (n *network) reserve(vmid int, mac string, addr netip.Addr) error {
	if mac == "" || !n.subnet.Contains(addr) {
		return nil
	}
	line := strings.ToLower(mac) + "," + addr.String() + "\n"
	return os.WriteFile(filepath.Join(n.hostsDir, strconv.Itoa(vmid)+"-"+strings.ReplaceAll(mac, ":", "")), []byte(line), 0o644)
}

// route makes a static address outside the bridge's subnet reachable: the bridge gets the
// address of the guest's gateway. If another interface of the machine has that network,
// only the guest gets a route.
func (n *network) route(ctx context.Context, addr netip.Prefix, gw netip.Addr) error {
	if !addr.IsValid() || n.subnet.Contains(addr.Addr()) {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	own := netip.PrefixFrom(gw, addr.Bits())
	if n.extra[own] {
		return nil
	}
	if gw.IsValid() && addr.Contains(gw) && free(addr.Masked()) {
		n.extra[own] = true
		if err := run(ctx, "ip", "addr", "add", own.String(), "dev", n.bridge); err != nil {
			return err
		}
		return iptables(ctx, "-I", []string{"-t", "nat", "POSTROUTING", "-s", addr.Masked().String(), "!", "-d", addr.Masked().String(), "-j", "MASQUERADE"})
	}
	return run(ctx, "ip", "route", "replace", addr.Addr().String(), "dev", n.bridge)
}

// drop removes the bridge and the rules, as far as they exist.
func (n *network) drop(ctx context.Context) {
	if n.subnet.IsValid() {
		for _, r := range n.rules() {
			_ = iptables(ctx, "-D", r)
		}
	}
	for own := range n.extra {
		s := own.Masked().String()
		_ = iptables(ctx, "-D", []string{"-t", "nat", "POSTROUTING", "-s", s, "!", "-d", s, "-j", "MASQUERADE"})
	}
	if _, err := net.InterfaceByName(n.bridge); err == nil {
		_ = run(ctx, "ip", "link", "del", n.bridge)
	}
}

func (n *network) close() error {
	if n.dnsmasq != nil {
		_ = n.dnsmasq.Process.Kill()
		_ = n.dnsmasq.Wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	unlock, err := lockMachine(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	n.drop(ctx)
	return n.putBack(ctx)
}

// putBack restores the machine's settings once no sandbox needs them any more.
func (n *network) putBack(ctx context.Context) error {
	if n.before == nil {
		return nil
	}
	if others, err := bridges(ctx); err != nil || len(others) > 0 {
		return err // the last sandbox does it
	}
	return n.before.restore()
}
