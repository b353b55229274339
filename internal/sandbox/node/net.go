package node

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// firstLease is how far above the address of the network the leases begin.
const firstLease = 10

// lease is the address that the node's DHCP server gives an interface: the same
// one as long as the container lives. mu held.
func (n *Node) lease(c *container, name, mac string) netip.Prefix {
	if a, err := netip.ParseAddr(c.Leases[name]); err == nil && n.st.Subnet.Contains(a) {
		return netip.PrefixFrom(a, n.st.Subnet.Bits())
	}
	taken := map[string]bool{n.Gateway().String(): true}
	for _, o := range n.st.Containers {
		for _, a := range o.Leases {
			taken[a] = true
		}
		for key, v := range o.Conf {
			if !numbered(key, "net") {
				continue
			}
			if ip, ok := properties(v, "")["ip"]; ok {
				addr, _, _ := strings.Cut(ip, "/")
				taken[addr] = true
			}
		}
	}
	a, ok := freeLease(n.st.Subnet, mac, taken)
	if !ok {
		return netip.Prefix{}
	}
	if c.Leases == nil {
		c.Leases = map[string]string{}
	}
	c.Leases[name] = a.String()
	return netip.PrefixFrom(a, n.st.Subnet.Bits())
}

// freeLease chooses as dnsmasq does: a hash of the MAC names an address, and the next free
// one from there is given. Two sandboxes on one machine that happen to have the same network
// would otherwise give their first guests the same address, and a client would meet the other
// one's guest. The upper half of the network comes first, because fixed addresses are mostly
// chosen from the lower one.
func freeLease(network netip.Prefix, mac string, taken map[string]bool) (netip.Addr, bool) {
	bytes := network.Masked().Addr().As4()
	base := binary.BigEndian.Uint32(bytes[:])
	size := uint32(1)<<(32-network.Bits()) - firstLease - 1 // the last address is for broadcasts
	h := fnv.New32a()
	_, _ = h.Write([]byte(mac))
	begin := size/2 + h.Sum32()%(size-size/2)
	for i := range size {
		binary.BigEndian.PutUint32(bytes[:], base+firstLease+(begin+i)%size)
		if a := netip.AddrFrom4(bytes); !taken[a.String()] {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// linkLocal is the address that an interface gives itself (EUI-64).
func linkLocal(mac string) netip.Prefix {
	b, err := hex.DecodeString(strings.ReplaceAll(mac, ":", ""))
	if err != nil || len(b) != 6 {
		return netip.Prefix{}
	}
	var a [16]byte
	a[0], a[1] = 0xfe, 0x80
	copy(a[8:], []byte{b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]})
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

// Interfaces is GET /lxc/ID/interfaces: nil for a stopped or unknown
// container. For some time after a start there is no address yet.
func (n *Node) Interfaces(ctx context.Context, vmid int) ([]map[string]any, error) {
	if n.pid(vmid) == 0 {
		return nil, nil
	}
	ifs, err := n.drv.Interfaces(ctx, vmid)
	if err != nil {
		return nil, nil //nolint:nilerr // it stopped meanwhile: as above
	}
	n.mu.Lock()
	polls, early := 0, false
	if c := n.st.Containers[vmid]; c != nil {
		c.polls++
		polls, early = c.polls, time.Since(c.up) < n.opt.AddressDelay
	}
	n.mu.Unlock()
	_, none := n.faults.Has(driver.FaultNoAddress)
	_, only := n.faults.Has(driver.FaultLinkLocalOnly)
	if late, ok := n.faults.Has(driver.FaultAddressLate); ok {
		k, _ := strconv.Atoi(late)
		only = only || polls <= k
	}
	rows := []map[string]any{}
	lo := false
	for _, i := range ifs {
		lo = lo || i.Name == "lo"
	}
	if !lo {
		rows = append(rows, n.ifaceView("lo", "00:00:00:00:00:00", netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")))
	}
	_, noise := n.faults.Has(driver.FaultOtherBridge)
	for _, i := range ifs {
		if noise && i.Name != "lo" {
			noise = false
			rows = append(rows, n.ifaceView("docker0", "02:42:ac:11:00:01", netip.MustParsePrefix("172.17.0.1/16")))
		}
		rows = append(rows, n.seen(i, none || early && !only && !i.Managed, only))
	}
	return rows, nil
}

func (n *Node) seen(i driver.Interface, none, only bool) map[string]any {
	mac := strings.ToLower(i.MAC)
	if i.Name == "lo" {
		mac = "00:00:00:00:00:00"
	}
	switch {
	case i.Name == "lo":
		return n.ifaceView(i.Name, mac, i.Addr, i.Addr6)
	case none:
		return n.ifaceView(i.Name, mac)
	case only:
		return n.ifaceView(i.Name, mac, i.LinkLocal)
	}
	return n.ifaceView(i.Name, mac, i.Addr, i.Addr6, i.LinkLocal)
}

// ifaceView has inet and inet6 once each, with the last address of each kind. Since 8.4 it
// also has the whole list. prefix is a string, although the schema says integer.
func (n *Node) ifaceView(name, mac string, addrs ...netip.Prefix) map[string]any {
	m := map[string]any{"name": name, "hwaddr": mac}
	list := []map[string]any{}
	for _, a := range addrs {
		if !a.IsValid() {
			continue
		}
		kind := "inet6"
		if a.Addr().Is4() {
			kind = "inet"
		}
		m[kind] = a.String()
		list = append(list, map[string]any{"ip-address": a.Addr().String(), "prefix": strconv.Itoa(a.Bits()), "ip-address-type": kind})
	}
	if n.Profile().AddressList {
		m["hardware-address"], m["ip-addresses"] = mac, list
	}
	return m
}

// Network is GET /nodes/NODE/network: ports, and the bridges that the caller may use.
func (n *Node) Network(a Auth, kind string) []map[string]any {
	rows := []map[string]any{}
	_, noPort := n.faults.Has(driver.FaultNoVLANs)
	if (kind == "" || kind == "eth") && !noPort {
		rows = append(rows, map[string]any{
			"iface": "eno1", "type": "eth", "exists": 1, "active": 1, "method": "manual", "method6": "manual", "priority": 2, "families": []string{"inet"},
		})
	}
	switch kind {
	case "", "bridge", "any_bridge", "any_local_bridge":
	default:
		return rows
	}
	gw := netip.PrefixFrom(n.Gateway(), n.st.Subnet.Bits())
	port := "eno1"
	if noPort {
		port = ""
	}
	for i, b := range n.opt.Bridges {
		if n.CheckAny(a, "/sdn/zones/localnetwork/"+b, "SDN.Audit", "SDN.Use") != nil {
			continue
		}
		m := map[string]any{
			"iface": b, "type": "bridge", "active": 1, "autostart": 1, "method": "manual", "method6": "manual", "priority": 3 + i,
			"bridge_ports": port, "bridge_stp": "off", "bridge_fd": "0", "families": []string{"inet"},
		}
		if i == 0 {
			m["method"], m["address"], m["netmask"], m["cidr"] = "static", gw.Addr().String(), strconv.Itoa(gw.Bits()), gw.String()
		}
		rows = append(rows, m)
	}
	return rows
}
