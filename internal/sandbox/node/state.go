package node

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// state survives between owners, in Dir/state.json.
type state struct {
	Nodes      int                  `json:"nodes,omitempty"` // that were furnished
	Containers map[int]*container   `json:"containers"`
	Storages   []Storage            `json:"storages"`
	Templates  map[string]*Template `json:"templates"`         // by volid
	Strays     []volume             `json:"strays,omitempty"`  // volumes that no config names
	Missing    []string             `json:"missing,omitempty"` // volumes that a config names, and no storage has
	Backups    []*backup            `json:"backups,omitempty"`
	Pools      map[string]*pool     `json:"pools,omitempty"`
	Access     access               `json:"access"`
	Subnet     netip.Prefix         `json:"subnet"`
	Options    map[string]string    `json:"options,omitempty"` // datacenter.cfg

	Firewalls   map[int]*firewall `json:"firewalls,omitempty"` // also of ids that no container has
	HARules     []haRule          `json:"haRules,omitempty"`
	Maintenance []string          `json:"maintenance,omitempty"` // nodes that the HA manager has in maintenance
}

// container is one config file and the node's own records of the guest.
type container struct {
	VMID    int               `json:"vmid"`
	Conf    map[string]string `json:"conf"`              // as in the file
	Pending map[string]string `json:"pending,omitempty"` // waits for a restart
	Dropped []string          `json:"dropped,omitempty"` // to be deleted by a restart
	Pool    string            `json:"pool,omitempty"`
	Node    string            `json:"node,omitempty"`    // "": the first
	OS      string            `json:"os,omitempty"`      // the archive it was made of
	Systemd int               `json:"systemd,omitempty"` // version of systemd in an OCI image or an uploaded archive; of others their name tells it
	Leases  map[string]string `json:"leases,omitempty"`
	Running bool              `json:"running,omitempty"` // shall run; the driver knows whether it does
	Started time.Time         `json:"started,omitzero"`
	Made    int64             `json:"made,omitempty"`    // when its disks were made
	Disks   string            `json:"disks,omitempty"`   // the node that its disks are on where it has lost them
	Unclean bool              `json:"unclean,omitempty"` // rolled back while it ran: ext4 waits at the next start
	HA      *haResource       `json:"ha,omitempty"`

	Snapshots map[string]*snapshot `json:"snapshots,omitempty"` // by name

	polls int       // of /interfaces since the start
	up    time.Time // by the true clock
}

func (n *Node) statePath() string { return filepath.Join(n.opt.Dir, "state.json") }

func (n *Node) load() error {
	b, err := os.ReadFile(n.statePath())
	if err == nil {
		if err = json.Unmarshal(b, &n.st); err != nil {
			return fmt.Errorf("cannot read the sandbox's state %s: %w", n.statePath(), err)
		}
		if n.opt.Subnet.IsValid() {
			n.st.Subnet = n.opt.Subnet
		}
		n.st.Nodes = max(n.st.Nodes, 1) // of a time when there were no others
		for id, c := range n.st.Containers {
			n.homes.set(id, c.at())
		}
		return n.furnish()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n.st = state{Containers: map[int]*container{}, Storages: n.opt.Storages, Templates: map[string]*Template{}, Subnet: n.opt.Subnet}
	n.st.Access = newAccess()
	if !n.st.Subnet.IsValid() {
		n.st.Subnet = RandomSubnet()
	}
	return n.furnish()
}

// furnish gives every node that is new what a node has that was used before.
func (n *Node) furnish() error {
	for i, p := range n.nodes[min(n.st.Nodes, len(n.nodes)):] {
		for _, t := range n.opt.Templates {
			p.addTemplate(t)
		}
		if i+n.st.Nodes == 1 {
			p.addTemplate(loneTemplate)
		}
	}
	if n.Clustered() && !n.shared(SharedStorage().ID) && n.st.Nodes < 2 {
		n.st.Storages = append(n.st.Storages, SharedStorage())
	}
	n.st.Nodes = max(n.st.Nodes, len(n.nodes))
	return n.save()
}

// RandomSubnet is a /24 of 127/8, so that guests of several sandboxes on one machine have
// addresses of their own. There are 16,128 of them. Where two sandboxes meet nevertheless,
// the addresses of their guests differ (freeLease).
func RandomSubnet() netip.Prefix {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 64 + b[0]%63, b[1], 0}), 24)
}

// save writes the state; mu must be held.
func (n *Node) save() error {
	b, err := json.Marshal(&n.st)
	if err != nil {
		return err
	}
	return writeFile(n.statePath(), b)
}

// writeFile replaces a file so that a reader or a killed process never leaves
// half of it.
func writeFile(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
