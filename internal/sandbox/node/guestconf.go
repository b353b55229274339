package node

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

func completeNet(value string) string {
	p := properties(value, "")
	if p["hwaddr"] == "" {
		mac := strings.ToUpper(randomHex(3))
		p["hwaddr"] = "BC:24:11:" + mac[:2] + ":" + mac[2:4] + ":" + mac[4:]
	}
	p["type"] = "veth"
	return printProperties(p, "name", false)
}

// driverConfig is the configuration for the driver; mu held.
func (n *Node) driverConfig(c *container) driver.Config {
	num := func(key string, def int) int {
		if v, err := strconv.Atoi(c.Conf[key]); err == nil {
			return v
		}
		return def
	}
	f := properties(c.Conf["features"], "")
	d := driver.Config{
		VMID: c.VMID, Hostname: c.Conf["hostname"], Unprivileged: c.Conf["unprivileged"] == "1",
		Nesting: f["nesting"] == "1", Keyctl: f["keyctl"] == "1", MemoryMiB: num("memory", 512), Cores: num("cores", 2), SwapMiB: num("swap", 512), DiskGiB: diskGiB(c.Conf["rootfs"]),
		OSTemplate: c.OS, CMode: c.Conf["cmode"], TTYs: num("tty", 2), NoConsole: c.Conf["console"] == "0", Nameservers: splitList(c.Conf["nameserver"]),
	}
	d.Unmanaged, d.Init = c.Conf["ostype"] == "unmanaged", c.init()
	for _, t := range n.st.Templates {
		if t.File() == c.OS {
			d.TemplatePath = t.Path
		}
	}
	for i := range 256 {
		v := c.Conf["mp"+strconv.Itoa(i)]
		if v == "" {
			continue
		}
		p := properties(v, "volume")
		m := driver.Mount{Path: p["mp"]}
		if strings.HasPrefix(p["volume"], "/") {
			m.Source = p["volume"]
		}
		d.Mounts = append(d.Mounts, m)
	}
	for i := range 32 {
		if v := c.Conf["net"+strconv.Itoa(i)]; v != "" {
			d.Interfaces = append(d.Interfaces, n.iface(c, v))
		}
	}
	return d
}

// init is the first process that a config names.
func (c *container) init() driver.Init {
	number := func(s string) int { v, _ := strconv.Atoi(s); return v }
	i := driver.Init{
		Cmd: c.Conf["entrypoint"], Cwd: c.rawLXC("lxc.init.cwd"), Halt: c.rawLXC("lxc.signal.halt"),
		UID: number(c.rawLXC("lxc.init.uid")), GID: number(c.rawLXC("lxc.init.gid")),
	}
	if i.Cmd == "/sbin/init" {
		i.Cmd = ""
	}
	for v := range strings.SplitSeq(c.Conf["env"], "\x00") {
		if v != "" {
			i.Env = append(i.Env, v)
		}
	}
	for g := range strings.FieldsFuncSeq(c.rawLXC("lxc.init.groups"), func(r rune) bool { return r == ',' || r == ' ' }) {
		i.Groups = append(i.Groups, number(g))
	}
	return i
}

// diskGiB is the size of a volume such as local-lvm:vm-100-disk-0,size=8G; 0 if
// it is not given in whole GiB.
func diskGiB(volume string) int {
	size, ok := strings.CutSuffix(properties(volume, "volume")["size"], "G")
	if n, err := strconv.Atoi(size); ok && err == nil {
		return n
	}
	return 0
}

func (n *Node) iface(c *container, value string) driver.Interface {
	p := properties(value, "")
	i := driver.Interface{Name: p["name"], MAC: p["hwaddr"], Bridge: p["bridge"], LinkLocal: linkLocal(p["hwaddr"])}
	i.Managed = managed(p)
	switch p["ip"] {
	case "dhcp":
		i.DHCP = true
		i.Addr, i.Gateway = n.lease(c, p["name"], p["hwaddr"]), n.Gateway()
	case "", "manual":
	default:
		i.Addr, _ = netip.ParsePrefix(p["ip"])
		i.Gateway, _ = netip.ParseAddr(p["gw"])
	}
	i.Addr6, _ = netip.ParsePrefix(p["ip6"])
	i.Gateway6, _ = netip.ParseAddr(p["gw6"])
	return i
}
