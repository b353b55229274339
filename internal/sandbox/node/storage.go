package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// Storage is one storage of the node. Sizes are bytes.
type Storage struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"` // dir, lvmthin, btrfs, zfspool
	Content  []string `json:"content"`
	Total    int64    `json:"total"`
	Used     int64    `json:"used"` // before any container's disk
	Disabled bool     `json:"disabled,omitempty"`
	Shared   bool     `json:"shared,omitempty"`
	Nodes    []string `json:"nodes,omitempty"` // that have it; none: all

	Settings map[string]string `json:"settings,omitempty"` // further ones of one that was added
}

const gib = 1 << 30

// DefaultStorages are the storages of a fresh installation: only local-lvm takes root file
// systems, and only local takes OS templates.
func DefaultStorages() []Storage {
	return []Storage{
		{ID: "local", Type: "dir", Content: []string{"iso", "vztmpl", "backup"}, Total: 94 * gib, Used: 9 * gib},
		{ID: "local-lvm", Type: "lvmthin", Content: []string{"rootdir", "images"}, Total: 1024 * gib, Used: 3 * gib},
	}
}

// SharedStorage is the storage that every node of a cluster has besides its own.
func SharedStorage() Storage {
	return Storage{ID: "shared", Type: "nfs", Content: []string{"rootdir", "images", "vztmpl", "backup"}, Total: 2048 * gib, Used: 40 * gib, Shared: true}
}

// on reports whether a node has the storage.
func (s *Storage) on(node string) bool { return len(s.Nodes) == 0 || slices.Contains(s.Nodes, node) }

// storage needs mu held; it fails as storage_check_enabled does.
func (n *Node) storage(id string) (*Storage, error) {
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == id })
	switch {
	case i < 0:
		return nil, fail("storage '%s' does not exist", id)
	case n.st.Storages[i].Disabled:
		return nil, fail("storage '%s' is disabled", id)
	case !n.st.Storages[i].on(n.name):
		return nil, fail("storage '%s' is not available on node '%s'", id, n.name)
	case n.gone(id):
		return nil, fail("storage '%s' is not online", id)
	}
	return &n.st.Storages[i], nil
}

// used returns the bytes in use on a storage: its own, templates and disks; mu held.
func (n *Node) used(s *Storage) int64 {
	used := s.Used
	for _, t := range n.st.Templates {
		if strings.HasPrefix(t.Volid, s.ID+":") && n.has(t.Volid, t.Node) {
			used += t.Size
		}
	}
	for _, b := range n.st.Backups {
		if strings.HasPrefix(b.Volid, s.ID+":") && n.has(b.Volid, b.Node) {
			used += b.Size
		}
	}
	for _, v := range n.disks(s.ID) {
		used += v.Size
	}
	return min(used, s.Total)
}

// gone reports whether a storage is enabled, but cannot be activated.
func (n *Node) gone(id string) bool {
	return slices.Contains(n.faults.Values(driver.FaultStorageGone), id)
}

func (n *Node) storageView(s *Storage) map[string]any {
	if used := n.used(s); s.on(n.name) && !n.gone(s.ID) {
		return map[string]any{
			"storage": s.ID, "type": s.Type, "content": strings.Join(s.Content, ","),
			"active": flag(!s.Disabled), "enabled": flag(!s.Disabled), "shared": flag(s.Shared),
			"total": s.Total, "used": used, "avail": s.Total - used, "used_fraction": float64(used) / float64(max(s.Total, 1)),
		}
	}
	return map[string]any{ // as pvestatd reports a storage that it could not activate
		"storage": s.ID, "type": s.Type, "content": strings.Join(s.Content, ","), "shared": flag(s.Shared),
		"active": 0, "enabled": flag(!s.Disabled && s.on(n.name)), "total": 0, "used": 0, "avail": 0,
	}
}

// StorageList is GET /nodes/NODE/storage. Storages of which the caller has
// neither Datastore.Audit nor Datastore.AllocateSpace are left out.
func (n *Node) StorageList(a Auth, p Params) []map[string]any {
	rows := []map[string]any{}
	for _, s := range slices.Clone(n.st.Storages) {
		if n.CheckAny(a, "/storage/"+s.ID, "Datastore.Audit", "Datastore.AllocateSpace") != nil ||
			p["storage"] != "" && p["storage"] != s.ID || p.bool("enabled") && (s.Disabled || !s.on(n.name)) || !s.holdsAny(p["content"]) {
			continue
		}
		n.mu.Lock()
		row := n.storageView(&s)
		n.mu.Unlock()
		if p.bool("format") {
			n.addFormats(row, s.Type)
		}
		rows = append(rows, row)
	}
	return rows
}

// addFormats adds the formats of images that a storage can hold: as a pair, and in version 9 spelled out.
func (n *Node) addFormats(row map[string]any, kind string) {
	formats := map[string][]string{"dir": {"qcow2", "raw", "subvol", "vmdk"}, "nfs": {"qcow2", "raw", "subvol", "vmdk"}, "btrfs": {"raw", "subvol"}, "zfspool": {"raw", "subvol"}}[kind]
	if formats == nil {
		formats = []string{"raw"}
	}
	set := map[string]int{}
	for _, f := range formats {
		set[f] = 1
	}
	row["format"], row["select_existing"] = []any{set, "raw"}, 0
	if n.prof.Major >= 9 {
		row["formats"] = map[string]any{"supported": formats, "default": "raw"}
	}
}

func (s *Storage) holdsAny(list string) bool {
	if list == "" {
		return true
	}
	return slices.ContainsFunc(splitList(list), s.holds)
}

func (s *Storage) holds(content string) bool { return slices.Contains(s.Content, content) }

// splitList splits a list of Proxmox: by comma, semicolon or space.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",; \t\n\x00", r) })
}

// contents are what a storage may hold.
var contents = strings.Fields("backup images import iso none rootdir snippets vztmpl")

// StorageStatus is GET /nodes/NODE/storage/ID/status.
func (n *Node) StorageStatus(id string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(id)
	if err != nil {
		return nil, err
	}
	m := n.storageView(s)
	delete(m, "storage")
	delete(m, "used_fraction")
	return m, nil
}

// StorageContent is GET /nodes/NODE/storage/ID/content.
func (n *Node) StorageContent(a Auth, id string, p Params) ([]map[string]any, error) {
	n.mu.Lock()
	s, err := n.storage(id)
	if err != nil {
		n.mu.Unlock()
		return nil, err
	}
	rows := []map[string]any{}
	want := p["content"]
	_, none := n.faults.Has(driver.FaultNoTemplates)
	for _, t := range n.sortedTemplates() {
		if strings.HasPrefix(t.Volid, s.ID+":") && (want == "" || want == "vztmpl") && p["vmid"] == "" && !none {
			rows = append(rows, map[string]any{"volid": t.Volid, "content": "vztmpl", "format": t.format(), "size": t.Size, "ctime": t.CTime})
		}
	}
	n.mu.Unlock()
	if want == "" || want == "backup" {
		rows = append(rows, n.backupRows(a, id, p["vmid"])...)
	}
	return append(rows, n.diskRows(a, id, p["vmid"], want)...), nil
}

func volumeFormat(volid string) string {
	for _, format := range []string{"subvol", "qcow2", "vmdk"} {
		if strings.HasSuffix(volid, "."+format) {
			return format
		}
	}
	return "raw"
}

// newDisk matches a request for a new volume: STORAGE:GIB.
var newDisk = lazy.Regexp(`^([^:\s]+):(\d+(?:\.\d+)?)$`)

// volumeID is parse_volume_id: a storage's name and the rest.
var volumeID = lazy.Regexp(`^([A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]):(.+)$`)

// newVolume names a container's next volume on a storage and says what the
// worker's log says about making it.
func newVolume(s *Storage, vmid, index int, size int64) (volid string, log []string) {
	name := fmt.Sprintf("vm-%d-disk-%d", vmid, index)
	switch {
	case s.Type == "lvmthin" || s.Type == "lvm":
		return s.ID + ":" + name, append([]string{fmt.Sprintf("  Logical volume %q created.", name)}, mkfs(size)...)
	case s.Type == "zfspool":
		return fmt.Sprintf("%s:subvol-%d-disk-%d", s.ID, vmid, index), nil
	case size == 0:
		return fmt.Sprintf("%s:%d/subvol-%d-disk-%d.subvol", s.ID, vmid, vmid, index), nil
	}
	if s.Type == "btrfs" {
		return fmt.Sprintf("%s:%d/%s.raw", s.ID, vmid, name), mkfs(size)
	}
	img := fmt.Sprintf("Formatting '/var/lib/vz/images/%d/%s.raw', fmt=raw size=%d preallocation=off", vmid, name, size)
	return fmt.Sprintf("%s:%d/%s.raw", s.ID, vmid, name), append([]string{img}, mkfs(size)...)
}

func mkfs(size int64) []string {
	lines := []string{
		fmt.Sprintf("Creating filesystem with %d 4k blocks and %d inodes", size/4096, size/16384),
		"Filesystem UUID: " + uuid(),
	}
	return append(lines, superblocks(size/4096)...)
}

// superblocks are mkfs.ext4's lines about the copies of the superblock: in the groups of
// 32768 blocks whose number is 1 or a power of 3, 5 or 7. It breaks a line at 72 columns.
func superblocks(blocks int64) []string {
	const group = 32768
	var line string
	left, lines := 0, []string{"Superblock backups stored on blocks: "}
	for i := int64(1); i*group < blocks; i++ {
		if i != 1 && !powerOf(i, 3) && !powerOf(i, 5) && !powerOf(i, 7) {
			continue
		}
		block := strconv.FormatInt(i*group, 10)
		if line != "" {
			line += ", "
		}
		need := len(block) + 1
		if need > left {
			if line != "" {
				lines = append(lines, line)
			}
			line, left = "\t", 72
		}
		left -= need
		line += block
	}
	if line == "" {
		return nil
	}
	return append(lines, line)
}

func powerOf(i, base int64) bool {
	for i%base == 0 {
		i /= base
	}
	return i == 1
}

// noSpace is how a full storage says so.
func noSpace(s *Storage, vmid int) string {
	switch s.Type {
	case "lvmthin":
		return fmt.Sprintf("lvcreate 'pve/vm-%d-disk-0' error:   Cannot create new thin volume, free space in thin pool pve/data reached threshold.", vmid)
	case "zfspool":
		return fmt.Sprintf("zfs error: cannot create '%s/subvol-%d-disk-0': out of space", s.ID, vmid)
	}
	return fmt.Sprintf("unable to create image: 'storage '%s' has no space left on device: No space left on device'", s.ID)
}

// badVolume is what a storage says of a volume name that is neither a new disk
// nor one of its volumes.
func (s *Storage) badVolume(name string) *Error {
	kind := map[string]string{"lvmthin": "lvm", "zfspool": "zfs", "dir": "directory", "nfs": "directory", "btrfs": "directory"}[s.Type]
	return fail("unable to parse %s volume name '%s'", kind, name)
}

// printSize is format_size, which calls nothing at all 0T.
func printSize(size int64) string {
	if size == 0 {
		return "0T"
	}
	unit := 0
	for size%1024 == 0 && unit < 4 {
		size /= 1024
		unit++
	}
	return strconv.FormatInt(size, 10) + []string{"", "K", "M", "G", "T"}[unit]
}

// parseSize is parse_size. It returns 0 for a text that it cannot read.
func parseSize(s string) int64 {
	if s == "" {
		return 0
	}
	unit := int64(1)
	if i := strings.IndexByte("KMGT", s[len(s)-1]); i >= 0 {
		unit, s = int64(1)<<(10*(i+1)), s[:len(s)-1]
	}
	f, _ := strconv.ParseFloat(s, 64)
	return int64(f * float64(unit))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
