package node

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// creation is a create that has passed its checks.
type creation struct {
	auth     Auth
	vmid     int
	template string // volid
	params   Params // as they came
	conf     Params // what the config will hold
	secrets  driver.Secrets
	disks    map[string]disk // rootfs and mount points to be made
	start    bool
	pool     string
	made     int64 // when its disks were made
	systemd  int   // version of the systemd in an OCI image with an init; 0: none
}

type disk struct {
	storage string
	size    int64
	options map[string]string
}

// notConfig are the parameters of a create that do not go into the config.
var notConfig = []string{
	"vmid", "ostemplate", "node", "storage", "password", "ssh-public-keys", "start", "pool", "force", "restore",
	"unique", "bwlimit", "ignore-unpack-errors", "unprivileged", "ha-managed",
}

// Create is POST /nodes/NODE/lxc: the checks that come before the UPID, in
// Proxmox's order, then the worker. Whether the OS template's file and the
// bridge exist is left to the worker and to the start.
func (n *Node) Create(ctx context.Context, a Auth, p Params) (string, error) {
	if p.bool("restore") {
		return n.restore(ctx, a, p)
	}
	c, err := n.prepare(a, p)
	if err != nil {
		return "", err
	}
	unlock, err := n.claim(ctx, c.vmid)
	if err != nil {
		return "", err
	}
	upid, err := n.fork(a, "vzcreate", strconv.Itoa(c.vmid), func(ctx context.Context, w *worker) error {
		err := n.create(ctx, w, c)
		unlock()
		if err == nil && c.start {
			// a second task; the create is done whatever becomes of it
			_, _ = n.Start(ctx, a, c.vmid, nil)
		}
		if err == nil && p.bool("ha-managed") {
			n.haManaged(w, c.vmid, c.start)
		}
		return err
	})
	if err != nil {
		unlock()
	}
	return upid, err
}

// claim is create_and_lock_config.
func (n *Node) claim(ctx context.Context, vmid int) (func(), error) {
	unlock, err := n.lock(ctx, vmid, min(5*time.Second, n.opt.LockTimeout))
	if err != nil {
		return nil, fail("unable to create CT %d - %s", vmid, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.unused(vmid); err != nil {
		unlock()
		return nil, fail("unable to create CT %d - %s", vmid, err)
	}
	n.put(&container{VMID: vmid, Conf: map[string]string{"lock": "create"}})
	if err := n.save(); err != nil {
		n.drop(vmid)
		unlock()
		return nil, fail("unable to create CT %d - %s", vmid, err)
	}
	return unlock, nil
}

// unused is check_vmid_unused; mu held.
func (n *Node) unused(vmid int) error {
	if c := n.st.Containers[vmid]; c != nil {
		return fail("CT %d already exists on node '%s'", vmid, c.at())
	}
	return nil
}

func (n *Node) prepare(a Auth, p Params) (*creation, error) {
	c := &creation{auth: a, vmid: p.vmid(), template: p["ostemplate"], params: p, start: p.bool("start"), pool: p["pool"], disks: map[string]disk{}}
	unprivileged := p.bool("unprivileged")
	if _, ok := p["unprivileged"]; !ok {
		unprivileged = n.Profile().Unprivileged
	}
	if n.Profile().Unprivileged && !unprivileged { // VE 9
		if err := n.Check(a, "/", "Sys.Modify"); err != nil {
			return nil, err
		}
	}
	if p.bool("ha-managed") {
		if err := n.Check(a, "/", "Sys.Console"); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	err := n.unused(c.vmid)
	n.mu.Unlock()
	if _, ok := n.faults.Take(driver.FaultIDTaken); ok {
		err = fail("CT %d already exists on node '%s'", c.vmid, n.name)
	}
	if err != nil {
		return nil, err
	}
	if c.secrets.SSHKeys, err = sshKeys(p["ssh-public-keys"]); err != nil {
		return nil, err
	}
	c.secrets.RootPassword = p["password"]
	if err := n.checkAllocate(a, c.vmid, c.pool); err != nil {
		return nil, err
	}
	c.conf = maps.Clone(p)
	for _, k := range notConfig {
		delete(c.conf, k)
	}
	if err := n.checkModify(a, c.vmid, c.pool, nil, c.conf, nil, unprivileged); err != nil {
		return nil, err
	}
	if err := n.checkTemplate(a, c.template); err != nil {
		return nil, err
	}
	if err := n.planDisks(a, c, p["storage"]); err != nil {
		return nil, err
	}
	if unprivileged {
		c.conf["unprivileged"] = "1"
	}
	return c, c.normalise()
}

// checkAllocate wants VM.Allocate on the id or on the pool; the refusal names
// neither.
func (n *Node) checkAllocate(a Auth, vmid int, pool string) error {
	if pool != "" {
		if err := n.PoolExists(pool); err != nil {
			return err
		}
		if n.Check(a, "/pool/"+pool, "VM.Allocate") == nil {
			return nil
		}
	}
	if n.Check(a, "/vms/"+strconv.Itoa(vmid), "VM.Allocate") != nil {
		return forbid("")
	}
	return nil
}

// sshKeys checks each line as ssh-keygen -l does.
func sshKeys(s string) (keys []string, err error) {
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
			return nil, fail("SSH public key validation error")
		}
		keys = append(keys, line)
	}
	return keys, nil
}

// checkTemplate is check_volume_access on the OS template, whose file may well
// be missing.
func (n *Node) checkTemplate(a Auth, volid string) error {
	m := volumeID().FindStringSubmatch(volid)
	if m == nil {
		return n.checkPath(a)
	}
	n.mu.Lock()
	s, err := n.storage(m[1])
	n.mu.Unlock()
	if err != nil {
		return err
	}
	if n.prof.Major < 9 && strings.HasSuffix(m[2], ".tar") { // OCI archives came with 9.1
		return s.badVolume(m[2])
	}
	if !strings.HasPrefix(m[2], "vztmpl/") {
		return fail("unable to use volume %s - content type needs to be 'vztmpl'", volid)
	}
	return n.CheckAny(a, "/storage/"+m[1], "Datastore.AllocateSpace", "Datastore.Audit")
}

// planDisks reads rootfs and the mount points: where a new volume goes, whether
// that storage exists, takes root file systems, and may be used.
func (n *Node) planDisks(a Auth, c *creation, storage string) error {
	if storage == "" {
		storage = "local"
	}
	if c.conf["rootfs"] == "" {
		for k := range c.conf {
			if numbered(k, "mp") {
				return fail("mount points configured, but 'rootfs' not set - aborting")
			}
		}
		c.conf["rootfs"] = storage + ":4"
	}
	for key, value := range c.conf {
		if key != "rootfs" && !numbered(key, "mp") {
			continue
		}
		p := properties(value, "volume")
		d, err := n.planDisk(a, p["volume"], storage)
		if err != nil {
			return err
		}
		if d.storage == "" { // it is there already
			if size := d.size; size > 0 {
				p["size"] = printSize(size)
			}
			c.conf[key] = printProperties(p, "volume", true)
			continue
		}
		delete(p, "volume")
		delete(p, "size")
		d.options = p
		c.disks[key] = d
	}
	return nil
}

// planDisk returns a disk without a storage for a volume, or a folder of the node, that is
// there already.
func (n *Node) planDisk(a Auth, volume, storage string) (disk, error) {
	if _, err := strconv.ParseFloat(volume, 64); err == nil && a.isRoot() {
		volume = storage + ":" + volume
	}
	m := newDisk().FindStringSubmatch(volume)
	if m == nil {
		v := volumeID().FindStringSubmatch(volume)
		if v == nil {
			return disk{}, n.checkPath(a)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		s, err := n.storage(v[1])
		if err != nil {
			return disk{}, err
		}
		if ownedVolume().MatchString(v[2]) {
			return disk{size: n.sizeOf(volume)}, nil
		}
		return disk{}, s.badVolume(v[2])
	}
	n.mu.Lock()
	s, err := n.storage(m[1])
	n.mu.Unlock()
	if err != nil {
		return disk{}, err
	}
	if !s.holds("rootdir") {
		return disk{}, badParam("storage", fmt.Sprintf("storage '%s' does not support container directories", s.ID))
	}
	if err := n.Check(a, "/storage/"+s.ID, "Datastore.AllocateSpace"); err != nil {
		return disk{}, err
	}
	size, _ := strconv.ParseFloat(m[2], 64)
	return disk{storage: s.ID, size: int64(size * gib)}, nil
}

// normalise rewrites what the config keeps: tags unique and sorted, interfaces
// with an address of their own, defaults spelled out.
func (c *creation) normalise() error {
	for key, value := range c.conf {
		switch {
		case key == "tags":
			c.conf[key] = uniqueTags(value)
		case numbered(key, "net"):
			c.conf[key] = completeNet(value)
		}
	}
	file := c.template[strings.LastIndexByte(c.template, '/')+1:]
	for k, v := range map[string]string{
		"arch": "amd64", "memory": "512", "swap": "512", "hostname": fmt.Sprintf("CT%d", c.vmid), "ostype": ostype(file),
	} {
		if c.conf[k] == "" {
			c.conf[k] = v
		}
	}
	if c.conf["features"] == "" {
		delete(c.conf, "features")
	}
	return nil
}
