package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// volume is a disk on a storage that no config mounts: a create has allocated it and has
// not yet written its config, or died before that; or it is unused.
type volume struct {
	Volid string `json:"volid"`
	VMID  int    `json:"vmid"`
	Size  int64  `json:"size"`
	CTime int64  `json:"ctime"`
	Node  string `json:"node,omitempty"` // where it was made; "": the first
}

func (v volume) storage() string {
	id, _, _ := strings.Cut(v.Volid, ":")
	return id
}

// volumes returns the disks that a container's config names; mu held.
func (c *container) volumes() []volume {
	var out []volume
	for key, v := range c.Conf {
		if key != "rootfs" && !numbered(key, "mp") {
			continue
		}
		if p := properties(v, "volume"); volumeID().MatchString(p["volume"]) && !newDisk().MatchString(p["volume"]) {
			out = append(out, volume{Volid: p["volume"], VMID: ownerOf(p["volume"], c.VMID), Size: parseSize(p["size"]), CTime: c.Made, Node: c.Node})
		}
	}
	slices.SortFunc(out, func(a, b volume) int { return strings.Compare(a.Volid, b.Volid) })
	return out
}

// ownerOf is the id in the name of a volume, which is that of the container for which it was
// made; another one may mount it.
func ownerOf(volid string, user int) int {
	_, name, _ := strings.Cut(volid, ":")
	if m := ownedVolume().FindStringSubmatch(name); m != nil {
		user, _ = strconv.Atoi(m[1])
	}
	return user
}

// disks returns all disks on a storage as this node sees it, by container; mu held.
func (n *Node) disks(storage string) []volume {
	var out []volume
	everywhere := n.shared(storage)
	for _, c := range n.sorted() {
		if everywhere || c.Node == n.mark() { // of a large cluster, those of other nodes are not read
			out = append(out, c.volumes()...)
		}
	}
	out = append(out, n.st.Strays...)
	return slices.DeleteFunc(out, func(v volume) bool {
		return v.storage() != storage || !n.has(v.Volid, v.Node) || slices.Contains(n.st.Missing, v.Volid)
	})
}

var diskNumber = lazy.Regexp(`-disk-(\d+)`)

// freeDisk is find_free_diskname: the lowest number that no disk of the id has on the
// storage; mu held.
func (n *Node) freeDisk(storage string, vmid int) int {
	taken := map[int]bool{}
	for _, v := range n.disks(storage) {
		if m := diskNumber().FindStringSubmatch(v.Volid); v.VMID == vmid && m != nil {
			i, _ := strconv.Atoi(m[1])
			taken[i] = true
		}
	}
	for i := 0; ; i++ {
		if !taken[i] {
			return i
		}
	}
}

// nextVolume names a new volume of a container; mu held.
func (n *Node) nextVolume(s *Storage, vmid int, size int64) (volid string, log []string) {
	volid, log = newVolume(s, vmid, n.freeDisk(s.ID, vmid), size)
	n.made(volid)
	return volid, log
}

// made remembers that a volume is there; mu held.
func (n *Node) made(volid string) {
	n.st.Missing = slices.DeleteFunc(n.st.Missing, func(v string) bool { return v == volid })
}

// allocate makes a disk on a storage, and returns the lines of the worker's log about it.
func (n *Node) allocate(storage string, vmid int, size int64) (volid string, log []string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(storage)
	if err != nil {
		return "", nil, err
	}
	volid, log = n.nextVolume(s, vmid, size)
	n.st.Strays = append(n.st.Strays, volume{Volid: volid, VMID: vmid, Size: size, CTime: n.opt.Now().Unix(), Node: n.mark()})
	return volid, log, n.save()
}

// named removes the disks that a config names from the strays; mu held.
func (n *Node) named(c *container) {
	for _, v := range c.volumes() {
		n.free(v.Volid)
	}
}

// free removes a stray disk; mu held.
func (n *Node) free(volid string) {
	n.st.Strays = slices.DeleteFunc(n.st.Strays, func(v volume) bool { return v.Volid == volid && n.has(v.Volid, v.Node) })
}

// stray reports whether this node sees a stray disk of that id; mu held.
func (n *Node) stray(volid string) bool {
	return slices.ContainsFunc(n.st.Strays, func(v volume) bool { return v.Volid == volid && n.has(v.Volid, v.Node) })
}

// freeUnreferenced removes every disk of an id that its config does not name, on all
// enabled storages; mu held.
func (n *Node) freeUnreferenced(vmid int) {
	n.st.Strays = slices.DeleteFunc(n.st.Strays, func(v volume) bool {
		_, err := n.storage(v.storage())
		gone := v.VMID == vmid && err == nil && n.has(v.Volid, v.Node)
		if gone {
			_ = n.drv.Drop(v.Volid)
		}
		return gone
	})
}

// FreeVolume is pvesm free.
func (n *Node) FreeVolume(volid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := volumeID().FindStringSubmatch(volid)
	if m == nil {
		return fail("unable to parse volume ID '%s'\n", volid)
	}
	s, err := n.storage(m[1])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(n.disks(s.ID), func(v volume) bool { return v.Volid == volid })
	if i < 0 {
		return fail("failed to free volume '%s' - no such volume", volid)
	}
	if !n.stray(volid) {
		return fail("volume '%s' is in use", volid) // the real pvesm frees it; no hint asks for that here
	}
	n.free(volid)
	_ = n.drv.Drop(volid)
	return n.save()
}

// diskRows returns the rows of disks for GET content. The caller sees a disk only with
// VM.Config.Disk on the id and Datastore.Audit on the storage. A disk is listed as an
// image if its id belongs to no container.
func (n *Node) diskRows(a Auth, storage, vmid, want string) []map[string]any {
	n.mu.Lock()
	all := n.disks(storage)
	known := map[int]bool{}
	for id := range n.st.Containers {
		known[id] = true
	}
	n.mu.Unlock()
	var rows []map[string]any
	for _, v := range all {
		content := "images"
		if known[v.VMID] {
			content = "rootdir"
		}
		if want != "" && want != content || vmid != "" && vmid != strconv.Itoa(v.VMID) ||
			n.Check(a, fmt.Sprintf("/vms/%d", v.VMID), "VM.Config.Disk") != nil || n.Check(a, "/storage/"+storage, "Datastore.Audit") != nil {
			continue
		}
		rows = append(rows, map[string]any{
			"volid": v.Volid, "content": content, "format": volumeFormat(v.Volid), "size": v.Size, "used": v.Size / 8,
			"parent": nil, "vmid": v.VMID, "ctime": v.CTime,
		})
	}
	return rows
}
