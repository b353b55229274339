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
	Containers map[int]*container   `json:"containers"`
	Storages   []Storage            `json:"storages"`
	Templates  map[string]*Template `json:"templates"`        // by volid
	Strays     []volume             `json:"strays,omitempty"` // volumes that no config names
	Pools      map[string]*pool     `json:"pools,omitempty"`
	Access     access               `json:"access"`
	Subnet     netip.Prefix         `json:"subnet"`
}

// container is one config file and the node's own records of the guest.
type container struct {
	VMID    int               `json:"vmid"`
	Conf    map[string]string `json:"conf"`              // as in the file
	Pending map[string]string `json:"pending,omitempty"` // waits for a restart
	Dropped []string          `json:"dropped,omitempty"` // to be deleted by a restart
	Pool    string            `json:"pool,omitempty"`
	OS      string            `json:"os,omitempty"` // the archive it was made of
	Leases  map[string]string `json:"leases,omitempty"`
	Running bool              `json:"running,omitempty"` // shall run; the driver knows whether it does
	Started time.Time         `json:"started,omitzero"`
	Made    int64             `json:"made,omitempty"` // when its disks were made
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
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	n.st = state{Containers: map[int]*container{}, Storages: n.opt.Storages, Templates: map[string]*Template{}, Subnet: n.opt.Subnet}
	for _, t := range n.opt.Templates {
		if t.CTime == 0 {
			t.CTime = n.opt.Now().Unix()
		}
		n.st.Templates[t.Volid] = &t
	}
	n.st.Access = newAccess()
	if !n.st.Subnet.IsValid() {
		n.st.Subnet = randomSubnet()
	}
	return n.save()
}

// randomSubnet keeps apart the guests of sandboxes on one machine.
func randomSubnet() netip.Prefix {
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
