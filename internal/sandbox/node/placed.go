package node

import (
	"os"
	"path/filepath"
	"strings"
)

// MachineDir is the folder of this machine that has the node's own files.
func (n *Node) MachineDir() string {
	dir := "node"
	if !n.first() {
		dir += "-" + n.name
	}
	return filepath.Join(n.opt.Dir, dir)
}

// templateFolder is the folder of the node in which a storage has its OS templates, "" for a
// storage that is no folder; mu held.
func (n *Node) templateFolder(s *Storage) string {
	path, _ := n.storageConfig(s)["path"].(string)
	if path == "" {
		return ""
	}
	return path + "/template/cache"
}

// TemplatePath is what pvesm path says of an OS template, which need not exist.
func (n *Node) TemplatePath(storage, file string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(storage)
	if err != nil {
		return "", err
	}
	folder := n.templateFolder(s)
	switch {
	case folder == "":
		kind := strings.TrimSuffix(strings.TrimSuffix(s.Type, "thin"), "pool")
		return "", fail("unable to parse %s volume name 'vztmpl/%s'", kind, file)
	case !archiveName.MatchString(file) && !strings.HasSuffix(file, ".tar"):
		return "", fail("unable to parse directory volume name 'vztmpl/%s'", file)
	}
	return folder + "/" + file, nil
}

// takePlaced makes OS templates of the archives that were put into a storage's folder on the
// node: Proxmox lists whatever lies there. mu held.
func (n *Node) takePlaced() {
	for i := range n.st.Storages {
		s := &n.st.Storages[i]
		folder := n.templateFolder(s)
		if folder == "" || !s.on(n.name) {
			continue
		}
		from := filepath.Join(n.MachineDir(), filepath.FromSlash(folder))
		entries, _ := os.ReadDir(from) // none if nobody has made the folder
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || !archiveName.MatchString(e.Name()) {
				continue
			}
			t := Template{Volid: s.ID + ":vztmpl/" + e.Name(), Size: info.Size()}
			t.Path = filepath.Join(n.imageDir(t.Volid), e.Name())
			if os.MkdirAll(filepath.Dir(t.Path), 0o700) == nil && os.Rename(filepath.Join(from, e.Name()), t.Path) == nil {
				n.addTemplate(t)
				_ = n.save() // the next change saves it, too
			}
		}
	}
}
