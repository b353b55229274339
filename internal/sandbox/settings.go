package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/lxcguest"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// settings are what a sandbox keeps about itself between owners.
type settings struct {
	Driver  string       `json:"driver"`
	PVE     string       `json:"pve,omitempty"` // version of Proxmox VE
	LXCDir  string       `json:"lxcDir,omitempty"`
	Subnet  netip.Prefix `json:"subnet"` // of virtual guests
	APIPort string       `json:"apiPort,omitempty"`
	SSHPort string       `json:"sshPort,omitempty"`
	Nodes   int          `json:"nodes,omitempty"` // 0: 1

	SSHPorts map[string]string `json:"sshPorts,omitempty"` // of the nodes besides the first
}

func (set *settings) sshPort(node string) string {
	if node == NodeName {
		return set.SSHPort
	}
	return set.SSHPorts[node]
}

func (set *settings) setSSHPort(node, port string) {
	switch {
	case node == NodeName:
		set.SSHPort = port
	case set.SSHPorts == nil:
		set.SSHPorts = map[string]string{node: port}
	default:
		set.SSHPorts[node] = port
	}
}

func settingsFile(dir string) string { return filepath.Join(dir, "sandbox.json") }

// readSettings returns those of dir, filled up with what is asked for now.
func readSettings(o Options) (*settings, error) {
	set := &settings{}
	b, err := os.ReadFile(settingsFile(o.Dir))
	if err == nil {
		if err := json.Unmarshal(b, set); err != nil {
			return nil, fmt.Errorf("cannot read %s (`infrahaus sandbox reset` starts afresh): %w", settingsFile(o.Dir), err)
		}
		if set.PVE == "" { // of a time when there was no other
			set.PVE = node.V84().Name
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return set, set.merge(o)
}

func (set *settings) merge(o Options) error {
	switch {
	case set.Driver == "" || o.Driver != "" && o.Driver != set.Driver && !hasContainers(o.Dir):
		set.Driver = o.Driver
		if set.Driver == "" {
			set.Driver = "virtual"
		}
	case o.Driver != "" && o.Driver != set.Driver:
		return fmt.Errorf("cannot use the sandbox in %s with %s guests: it has %s guests (`infrahaus sandbox reset` forgets them)", o.Dir, o.Driver, set.Driver)
	}
	if err := set.mergePVE(o); err != nil {
		return err
	}
	if err := set.mergeNodes(o); err != nil {
		return err
	}
	if set.Driver == "lxc" && (set.LXCDir == "" || o.LXCDir != "") {
		set.LXCDir = o.LXCDir
		if set.LXCDir == "" {
			set.LXCDir = lxcguest.DefaultDir
		}
	}
	if o.Subnet.IsValid() {
		if err := checkSubnet(o.Subnet, set.Driver); err != nil {
			return err
		}
		set.Subnet = o.Subnet.Masked()
	}
	if !set.Subnet.IsValid() {
		set.Subnet = node.RandomSubnet()
	}
	return nil
}

// checkSubnet refuses a network that has no room for leases, which begin at the tenth
// address.
func checkSubnet(p netip.Prefix, driver string) error {
	switch {
	case driver != "virtual":
		return errors.New("cannot give real guests another network: --subnet is for virtual ones")
	case !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 27:
		return fmt.Errorf("cannot use the network %s: guests need an IPv4 network from /8 to /27", p)
	}
	return nil
}

// mergePVE lets a node be upgraded. Like a real one it cannot go back, unless it is empty.
func (set *settings) mergePVE(o Options) error {
	now := set.profile()
	want, known := now, true
	if o.PVE != "" {
		want, known = node.FindProfile(o.PVE)
	}
	if !known {
		return fmt.Errorf("cannot open the sandbox: it plays Proxmox VE %s, not %s", strings.Join(Versions(), " or "), o.PVE)
	}
	if want.Major < now.Major && hasContainers(o.Dir) {
		return fmt.Errorf("cannot make the sandbox in %s Proxmox VE %s: it is %s and has containers (`infrahaus sandbox reset` forgets them)", o.Dir, want.Name, now.Name)
	}
	set.PVE = want.Name
	return nil
}

// mergeNodes lets a cluster grow. It shrinks only while it is empty, because the guests of a
// node that is removed would be nowhere.
func (set *settings) mergeNodes(o Options) error {
	now := max(set.Nodes, 1)
	if o.Nodes == 0 {
		return nil
	}
	if o.Nodes < now && hasContainers(o.Dir) {
		return fmt.Errorf("cannot make the sandbox in %s smaller: it has %d nodes, and containers (`infrahaus sandbox reset` forgets them)", o.Dir, now)
	}
	set.Nodes = o.Nodes
	return nil
}

// profile is the version that the sandbox played last, the default for a new one.
func (set *settings) profile() node.Profile {
	if p, ok := node.FindProfile(set.PVE); ok {
		return p
	}
	return node.Profiles()[0]
}

// Versions are the versions of Proxmox VE that a sandbox can play, the default first.
func Versions() []string { return node.ProfileNames() }

func (set *settings) write(dir string) error {
	b, err := json.Marshal(set)
	if err != nil {
		return err
	}
	return replace(settingsFile(dir), b)
}

// replace writes a file so that no reader sees half of it.
func replace(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func stateDir(dir string) string { return filepath.Join(dir, "pve") }

// hasContainers reads the node's state just far enough.
func hasContainers(dir string) bool {
	b, err := os.ReadFile(filepath.Join(stateDir(dir), "state.json"))
	if err != nil {
		return false
	}
	var st struct {
		Containers map[string]json.RawMessage `json:"containers"`
	}
	return json.Unmarshal(b, &st) != nil || len(st.Containers) > 0
}

// openDriver makes the guests' driver, and the node's options that go with it.
func openDriver(ctx context.Context, o Options, set *settings, faults *driver.Faults) (node.Options, error) {
	opt := node.Options{Dir: stateDir(o.Dir), Faults: faults, Profile: set.profile(), Nodes: set.Nodes, AddressDelay: o.AddressDelay}
	if set.Driver == "virtual" {
		d, err := virtual.New(virtual.Options{Dir: o.Dir, Subnet: set.Subnet, Faults: faults, FailDelay: o.Console.Fail, Logf: func(format string, a ...any) { o.Log(fmt.Sprintf(format, a...)) }})
		opt.Driver, opt.Subnet = d, set.Subnet
		return opt, err
	}
	if err := lxcguest.Check(); err != nil {
		return opt, err
	}
	archive, err := lxcguest.EnsureTemplate(ctx, set.LXCDir, "", o.Log)
	if err != nil {
		return opt, err
	}
	d, err := lxcguest.New(ctx, lxcguest.Options{Dir: set.LXCDir, Name: lxcName(o.Dir), Faults: faults, Throwaway: o.Throwaway, Log: o.Log})
	if err != nil {
		return opt, err
	}
	opt.Driver, opt.Subnet, opt.Gateway = d, d.Subnet(), d.Gateway()
	opt.AddressDelay = -1 // real guests take their time themselves
	opt.Templates, err = lxcTemplates(archive)
	opt.Fetch = func(ctx context.Context, file string, log func(string)) (string, int64, error) {
		if strings.HasPrefix(file, "debian-12-standard_") { // one of Debian 12 is as good as another
			file = filepath.Base(archive)
		}
		made, err := lxcguest.EnsureTemplate(ctx, set.LXCDir, file, log)
		if err != nil {
			return "", 0, err
		}
		fi, err := os.Stat(made)
		if err != nil {
			return "", 0, err
		}
		return made, fi.Size(), nil
	}
	if err != nil {
		err = errors.Join(err, d.Close())
	}
	return opt, err
}

// lxcTemplates are the OS templates of a node with real guests.
func lxcTemplates(archive string) ([]node.Template, error) {
	fi, err := os.Stat(archive)
	if err != nil {
		return nil, err
	}
	return []node.Template{{Volid: "local:vztmpl/" + filepath.Base(archive), Size: fi.Size(), CTime: fi.ModTime().Unix(), Path: archive}}, nil
}

// lxcName tells the guests of several state folders apart under one LXCDir.
func lxcName(dir string) string {
	h := fnv.New64a()
	h.Write([]byte(dir))
	return fmt.Sprintf("%016x", h.Sum64())
}

// removeGuests removes real guests; virtual ones lie in the sandbox's own folder.
func (set *settings) removeGuests(dir string) error {
	if set.Driver != "lxc" {
		return nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	return lxcguest.Remove(set.LXCDir, lxcName(abs))
}
