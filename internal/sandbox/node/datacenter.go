package node

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Requests that are not about one container.

// Version is GET /version.
func (n *Node) Version() map[string]any {
	p := n.Profile()
	return map[string]any{"version": p.Version, "release": p.Release, "repoid": p.RepoID}
}

// storageConfig is an entry of storage.cfg; mu held.
func (n *Node) storageConfig(s *Storage) map[string]any {
	sum := sha1.Sum([]byte(fmt.Sprint(n.st.Storages)))
	m := map[string]any{"storage": s.ID, "type": s.Type, "content": strings.Join(s.Content, ","), "digest": hex.EncodeToString(sum[:])}
	for k, v := range map[string]map[string]any{
		"dir":     {"path": "/var/lib/vz"},
		"btrfs":   {"path": "/mnt/" + s.ID},
		"lvmthin": {"vgname": "pve", "thinpool": "data"},
		"lvm":     {"vgname": "pve"},
		"zfspool": {"pool": "rpool/" + s.ID},
		"nfs":     {"path": "/mnt/pve/" + s.ID, "server": "nas.lan", "export": "/srv/" + s.ID},
	}[s.Type] {
		m[k] = v
	}
	for k, v := range s.Settings {
		m[k] = v
	}
	if s.Shared {
		m["shared"] = 1
	}
	if len(s.Nodes) > 0 {
		m["nodes"] = strings.Join(s.Nodes, ",")
	}
	if s.Disabled {
		m["disable"] = 1
	}
	return m
}

// StorageConfigs is GET /storage.
func (n *Node) StorageConfigs(a Auth, p Params) []map[string]any {
	n.mu.Lock()
	all := slices.Clone(n.st.Storages)
	n.mu.Unlock()
	rows := []map[string]any{}
	for _, s := range all {
		if n.CheckAny(a, "/storage/"+s.ID, "Datastore.Audit", "Datastore.AllocateSpace") != nil || p["type"] != "" && p["type"] != s.Type {
			continue
		}
		n.mu.Lock()
		rows = append(rows, n.storageConfig(&s))
		n.mu.Unlock()
	}
	return rows
}

// StorageConfig is GET /storage/STORAGE, of a disabled one, too.
func (n *Node) StorageConfig(id string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == id })
	if i < 0 {
		return nil, fail("storage '%s' does not exist", id)
	}
	return n.storageConfig(&n.st.Storages[i]), nil
}

// ClusterTasks is GET /cluster/tasks: those that run and the last that ended, of the nodes that are on.
func (n *Node) ClusterTasks(a Auth) []map[string]any {
	all := n.Check(a, "/", "Sys.Audit") == nil
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := []map[string]any{}
	for _, t := range slices.Backward(n.order) {
		if p := n.Peer(t.at()); !all && t.User != a.ID() || len(rows) == 25*len(n.nodes) || p == nil || p.off {
			continue
		}
		m := t.view()
		delete(m, "pid")
		delete(m, "pstart")
		if t.Exit != "" {
			m["endtime"], m["status"] = t.EndTime, t.Exit
			m["saved"] = "1"
		}
		rows = append(rows, m)
	}
	return rows
}

var realms = []map[string]any{
	{"realm": "pam", "type": "pam", "comment": "Linux PAM standard authentication"},
	{"realm": "pve", "type": "pve", "comment": "Proxmox VE authentication server"},
}

// Realms is GET /access/domains.
func (n *Node) Realms() []map[string]any { return realms }

// Realm is GET /access/domains/REALM.
func (n *Node) Realm(name string) (map[string]any, error) {
	for _, r := range realms {
		if r["realm"] == name {
			return map[string]any{"type": r["type"], "comment": r["comment"], "digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, nil
		}
	}
	return nil, fail("domain '%s' does not exist", name)
}

// NetworkInterface is GET /nodes/NODE/network/IFACE.
func (n *Node) NetworkInterface(name string) (map[string]any, error) {
	for _, row := range n.Network(Root, "") {
		if row["iface"] == name {
			delete(row, "iface")
			return row, nil
		}
	}
	return nil, badParam("iface", "interface does not exist")
}

// NoVM answers every request for a virtual machine: the node has only containers.
func (n *Node) NoVM(vmid string) error {
	return fail("Configuration file 'nodes/%s/qemu-server/%s.conf' does not exist", n.name, vmid)
}
