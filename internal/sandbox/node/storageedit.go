package node

import (
	"slices"
	"strings"
)

// storageKind is what a type of storage takes besides the keys of every type.
type storageKind struct {
	required, optional string
	contents, standard string // what it may hold, and what it holds if nobody says
}

const folderKeys = " shared mkdir create-base-path create-subdirs is_mountpoint format preallocation prune-backups max-protected-backups content-dirs"

// storageKinds are the types that the simulated node can add. A genuine one has more.
var storageKinds = map[string]storageKind{
	"dir":     {"path", folderKeys, "images rootdir vztmpl iso backup snippets none import", "images,rootdir"},
	"btrfs":   {"path", folderKeys + " nocow", "images rootdir vztmpl iso backup snippets none import", "images,rootdir"},
	"nfs":     {"server export", folderKeys + " path options", "images rootdir vztmpl iso backup snippets import", "images"},
	"lvmthin": {"thinpool vgname", "", "images rootdir", "images,rootdir"},
	"lvm":     {"vgname", "shared saferemove saferemove_throughput base tagged_only", "images rootdir", "images"},
	"zfspool": {"pool", "blocksize sparse mountpoint", "images rootdir", "images,rootdir"},
}

// newStorageSize is how large a storage is that was added.
const newStorageSize = 500 * gib

// AddStorage is POST /storage. Nothing is mounted: the server or volume group that it names
// counts as there.
func (n *Node) AddStorage(p Params) (map[string]any, error) {
	id, kind := p["storage"], p["type"]
	k, known := storageKinds[kind]
	if !known {
		return nil, fail("sandbox: the simulated node adds no storage of the type '%s'", kind)
	}
	s := Storage{ID: id, Type: kind, Total: newStorageSize, Shared: kind == "nfs", Settings: map[string]string{}}
	content := k.standard
	for key, v := range p {
		switch {
		case key == "storage" || key == "type":
		case key == "content":
			content = v
		case key == "nodes":
			s.Nodes = splitList(v)
		case key == "disable":
			s.Disabled = p.bool(key)
		case key == "bwlimit" || slices.Contains(strings.Fields(k.required+" "+k.optional), key):
			if key == "shared" {
				s.Shared = p.bool(key)
				continue
			}
			s.Settings[key] = v
		default:
			return nil, fail("unexpected property '%s'", key)
		}
	}
	for key := range strings.FieldsSeq(k.required) {
		if p[key] == "" {
			return nil, fail("missing value for required option '%s'", key)
		}
	}
	if err := s.setContent(content); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.ContainsFunc(n.st.Storages, func(o Storage) bool { return o.ID == id }) {
		return nil, fail("create storage failed: storage ID '%s' already defined", id)
	}
	n.st.Storages = append(n.st.Storages, s)
	return map[string]any{"storage": id, "type": kind}, n.save()
}

// setContent sets what the storage holds.
func (s *Storage) setContent(list string) error {
	for _, c := range splitList(list) {
		if !slices.Contains(contents, c) {
			return badParam("content", "invalid format - invalid content type '"+c+"'\n")
		}
	}
	k, known := storageKinds[s.Type]
	kept := slices.DeleteFunc(splitList(list), func(c string) bool { // the others are warned of in the journal
		return known && !slices.Contains(strings.Fields(k.contents), c)
	})
	switch {
	case len(kept) > 1 && slices.Contains(kept, "none"):
		return fail("unable to combine 'none' with other content types")
	case len(kept) == 0 && known && !slices.Contains(strings.Fields(k.contents), "none"):
		return fail("storage does not support content type 'none'")
	}
	s.Content = kept
	return nil
}

// SetStorage is PUT /storage/ID for the keys content, nodes and disable.
func (n *Node) SetStorage(id string, p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == id })
	if i < 0 {
		return fail("update storage failed: storage '%s' does not exist", id)
	}
	s := &n.st.Storages[i]
	if list, given := p["content"]; given {
		if err := s.setContent(list); err != nil {
			return err
		}
	}
	if list, given := p["nodes"]; given {
		s.Nodes = splitList(list)
	}
	if _, given := p["disable"]; given {
		s.Disabled = p.bool("disable")
	}
	return n.save()
}

// RemoveStorage is DELETE /storage/ID. What lies on it stays there, out of Proxmox's sight.
func (n *Node) RemoveStorage(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.st.Storages, func(s Storage) bool { return s.ID == id })
	if i < 0 {
		return fail("delete storage failed: storage '%s' does not exist", id)
	}
	n.st.Storages = slices.Delete(n.st.Storages, i, i+1)
	return n.save()
}
