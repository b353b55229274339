package node

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// volume is a disk on a storage that no config names: a create has allocated it and has
// not yet written its config, or died before that.
type volume struct {
	Volid string `json:"volid"`
	VMID  int    `json:"vmid"`
	Size  int64  `json:"size"`
	CTime int64  `json:"ctime"`
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
		if p := properties(v, "volume"); volumeID.MatchString(p["volume"]) {
			out = append(out, volume{Volid: p["volume"], VMID: c.VMID, Size: parseSize(p["size"]), CTime: c.Made})
		}
	}
	slices.SortFunc(out, func(a, b volume) int { return strings.Compare(a.Volid, b.Volid) })
	return out
}

// disks returns all disks on a storage, by container; mu held.
func (n *Node) disks(storage string) []volume {
	var out []volume
	for _, c := range n.sorted() {
		out = append(out, c.volumes()...)
	}
	out = append(out, n.st.Strays...)
	return slices.DeleteFunc(out, func(v volume) bool { return v.storage() != storage })
}

var diskNumber = regexp.MustCompile(`-disk-(\d+)`)

// freeDisk is find_free_diskname: the lowest number that no disk of the id has on the
// storage; mu held.
func (n *Node) freeDisk(storage string, vmid int) int {
	taken := map[int]bool{}
	for _, v := range n.disks(storage) {
		if m := diskNumber.FindStringSubmatch(v.Volid); v.VMID == vmid && m != nil {
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

// allocate makes a disk on a storage, and returns the lines of the worker's log about it.
func (n *Node) allocate(storage string, vmid int, size int64) (volid string, log []string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(storage)
	if err != nil {
		return "", nil, err
	}
	volid, log = newVolume(s, vmid, n.freeDisk(storage, vmid), size)
	n.st.Strays = append(n.st.Strays, volume{Volid: volid, VMID: vmid, Size: size, CTime: n.opt.Now().Unix()})
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
	n.st.Strays = slices.DeleteFunc(n.st.Strays, func(v volume) bool { return v.Volid == volid })
}

// freeUnreferenced removes every disk of an id that its config does not name, on all
// enabled storages; mu held.
func (n *Node) freeUnreferenced(vmid int) {
	n.st.Strays = slices.DeleteFunc(n.st.Strays, func(v volume) bool {
		_, err := n.storage(v.storage())
		return v.VMID == vmid && err == nil
	})
}

// FreeVolume is pvesm free.
func (n *Node) FreeVolume(volid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := volumeID.FindStringSubmatch(volid)
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
	if !slices.ContainsFunc(n.st.Strays, func(v volume) bool { return v.Volid == volid }) {
		return fail("volume '%s' is in use", volid) // the real pvesm frees it; no hint asks for that here
	}
	n.free(volid)
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
