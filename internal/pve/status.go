package pve

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// Version is Proxmox's own.
type Version struct {
	Release string `json:"release"` // 8.4
	Full    string `json:"full"`    // 8.4.21
}

// Major is the first number of the release, 0 if it is not known.
func (v Version) Major() int {
	head, _, _ := strings.Cut(v.Release, ".")
	n, _ := strconv.Atoi(head)
	return n
}

// Version asks Proxmox for its version. That needs no privilege, so an error is about the
// connection or the login.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v struct{ Release, Version text }
	if err := c.get(ctx, "ask Proxmox for its version", "/version", &v); err != nil {
		return Version{}, err
	}
	return Version{Release: v.Release.String(), Full: v.Version.String()}, nil
}

// Answers asks a node of the cluster for its version, which every login may see. The error is
// Unreachable with status 595 or 596 if the node that has the API cannot reach it. No memory
// (see Share) answers for it.
func (c *Client) Answers(ctx context.Context, node string) error {
	return c.ask(ctx, "reach node "+node, "/nodes/"+node+"/version", nil)
}

// Node is one machine of the cluster. Online is false only if it is known to be off: for
// some ten seconds after a boot Proxmox calls a node "unknown", until its pvestatd has
// reported, but the node answers.
type Node struct {
	Name   string
	Online bool
}

// maxNodes is more than any cluster has. Each node costs a request.
const maxNodes = 256

var nodeName = lazy.Regexp(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

// Nodes lists the cluster's nodes. It leaves out names that no node can have, because
// names become parts of addresses and of commands on other machines.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var raw []struct{ Node, Status text }
	if err := c.get(ctx, "list the nodes", "/nodes", &raw); err != nil {
		return nil, err
	}
	nodes := make([]Node, 0, len(raw))
	for _, n := range raw {
		if !nodeName().MatchString(n.Node.String()) || len(nodes) >= maxNodes {
			continue
		}
		nodes = append(nodes, Node{Name: n.Node.String(), Online: n.Status != "offline"})
	}
	return nodes, nil
}

// Status is the present state of a container.
type Status struct {
	Running bool
	Name    string
	Lock    string // create, backup, … or ""
	Tags    []string
	HA      bool   // managed by Proxmox's high availability
	HAState string // the state that HA reports: started, stopped, error, …
}

// Status asks for a container's state. The error is NotFound if it does not exist.
func (c *Client) Status(ctx context.Context, node string, ctid int) (Status, error) {
	var raw struct {
		Status, Name, Lock, Tags text
		HA                       struct{ Managed, State text }
	}
	op := fmt.Sprintf("read the status of container %d", ctid)
	if err := c.get(ctx, op, join("nodes", node, "lxc", strconv.Itoa(ctid), "status", "current"), &raw); err != nil {
		return Status{}, err
	}
	return Status{Running: raw.Status == "running", Name: raw.Name.String(), Lock: raw.Lock.String(),
		Tags: splitTags(raw.Tags.String()), HA: raw.HA.Managed.bool(), HAState: raw.HA.State.String()}, nil
}

// Config is the part of a container's configuration that this program reads. All has
// every key as Proxmox wrote it.
type Config struct {
	Hostname     string
	Description  string // without the line end that Proxmox adds
	Unprivileged bool
	Protection   bool
	Lock         string
	Tags         []string
	Cores        int
	MemoryMiB    int
	SwapMiB      int
	OSType       string
	Net0         lxc.Network
	Interface    string // the name of net0's interface in the guest: eth0
	MAC          string // of net0, upper case with colons
	All          map[string]string
}

// Config reads a container's configuration, with what waits for a restart as if it had taken
// effect. The error is NotFound if it does not exist.
// Most keys are missing while it is being created.
func (c *Client) Config(ctx context.Context, node string, ctid int) (Config, error) {
	return c.config(ctx, node, ctid, "")
}

func (c *Client) config(ctx context.Context, node string, ctid int, query string) (Config, error) {
	var raw map[string]text
	op := fmt.Sprintf("read the configuration of container %d", ctid)
	if err := c.get(ctx, op, join("nodes", node, "lxc", strconv.Itoa(ctid), "config")+query, &raw); err != nil {
		return Config{}, err
	}
	return parseConfig(raw), nil
}

func parseConfig(raw map[string]text) Config {
	cfg := Config{All: make(map[string]string, len(raw))}
	for k, v := range raw {
		cfg.All[k] = v.String()
	}
	cfg.Hostname = cfg.All["hostname"]
	cfg.Description = strings.TrimRight(cfg.All["description"], "\n")
	cfg.Unprivileged, cfg.Protection = raw["unprivileged"].bool(), raw["protection"].bool()
	cfg.Lock, cfg.OSType = cfg.All["lock"], cfg.All["ostype"]
	cfg.Tags = splitTags(cfg.All["tags"])
	cfg.Cores, cfg.MemoryMiB, cfg.SwapMiB = raw["cores"].int(), raw["memory"].int(), raw["swap"].int()
	cfg.Net0, cfg.Interface, cfg.MAC = parseNet(cfg.All["net0"])
	cfg.Net0.Nameservers = strings.Fields(strings.ReplaceAll(cfg.All["nameserver"], ",", " "))
	return cfg
}

// parseNet reads a net0 property string.
func parseNet(s string) (n lxc.Network, name, mac string) {
	for _, p := range properties(s) {
		switch p.key {
		case "name":
			name = p.value
		case "hwaddr":
			mac = strings.ToUpper(p.value)
		case "bridge":
			n.Bridge = p.value
		case "tag":
			n.VLAN, _ = strconv.Atoi(p.value)
		case "ip":
			if p.value != "manual" {
				n.IPv4 = p.value
			}
		case "gw":
			n.Gateway4 = p.value
		case "ip6":
			if p.value != "manual" {
				n.IPv6 = p.value
			}
		case "gw6":
			n.Gateway6 = p.value
		case "firewall":
			n.Firewall = p.value == "1"
		}
	}
	return n, name, mac
}

// Blank reports whether a container has nothing yet that shows its owner. Either it is
// still being created, or the worker that created it has died. It is locked (create) most
// of that time; the worker drops the lock when it writes the first half of the config,
// which has neither hostname nor network.
func (c Config) Blank() bool {
	return (c.Lock == "" || c.Lock == "create") && c.MAC == "" && c.Hostname == "" && c.Marker() == ""
}

// markerPrefix and the record id are the description line that marks a container as this
// program's.
const markerPrefix = "infrahaus:"

// Marker is the description line that marks a container as ours.
func Marker(recordID string) string { return markerPrefix + recordID }

// Marker is the record id in the ownership marker, "" if there is none.
func (c Config) Marker() string {
	for line := range strings.Lines(c.Description) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), markerPrefix); ok && id != "" {
			return id
		}
	}
	return ""
}

// Notes are the description without the ownership marker.
func (c Config) Notes() string {
	var kept []string
	for line := range strings.Lines(c.Description) {
		if !strings.HasPrefix(strings.TrimSpace(line), markerPrefix) {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}

func splitTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
}

// StaticAddress is the address in a network's configuration; invalid if it has none.
func StaticAddress(n lxc.Network) netip.Addr {
	if p, err := netip.ParsePrefix(n.IPv4); err == nil {
		return p.Addr()
	}
	if n.IPv4 == "dhcp" {
		return netip.Addr{}
	}
	if p, err := netip.ParsePrefix(n.IPv6); err == nil {
		return p.Addr()
	}
	return netip.Addr{}
}

// systemInit is the program that makes a container of an OCI image an ordinary one: Proxmox
// then sets no entrypoint.
const systemInit = "/sbin/init"

// Application reports whether PID 1 of the container is the program of an OCI image instead
// of an init. Nothing logs in on its console, and it may have no shell.
func (c Config) Application() bool {
	program, _, _ := strings.Cut(strings.TrimSpace(c.All["entrypoint"]), " ")
	return program != "" && strings.Trim(program, `'"`) != systemInit
}
