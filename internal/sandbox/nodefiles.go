package sandbox

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// nodeFiles answers for the files of a node that show its state: the configs of containers in
// /etc/pve, and the root file systems that pct mount has mounted. They cannot be written to.
func nodeFiles(n *node.Node) fsys.Hook {
	return func(name string) (*fsys.Node, bool) {
		parts := strings.Split(strings.Trim(name, "/"), "/")
		switch {
		case name == "/etc/pve" || strings.HasPrefix(name, "/etc/pve/"):
			return clusterFile(n, parts[2:]), true
		case name == "/var/lib/lxc" || strings.HasPrefix(name, "/var/lib/lxc/"):
			return guestFile(n, parts[3:]), true
		}
		return nil, false
	}
}

func folder(names ...string) *fsys.Node { return &fsys.Node{Mode: fs.ModeDir | 0o755, Names: names} }

// clusterFile is a file below /etc/pve. Those that are not simulated are missing.
func clusterFile(n *node.Node, parts []string) *fsys.Node {
	switch {
	case len(parts) == 0:
		return folder("local", "lxc", "nodes")
	case len(parts) == 1 && parts[0] == "lxc":
		return &fsys.Node{Mode: fs.ModeSymlink | 0o777, Target: "nodes/" + n.Name() + "/lxc"}
	case len(parts) == 1 && parts[0] == "local":
		return &fsys.Node{Mode: fs.ModeSymlink | 0o777, Target: "nodes/" + n.Name()}
	case parts[0] != "nodes":
		return nil
	case len(parts) == 1:
		return folder(n.NodeNames()...)
	}
	peer := n.Peer(parts[1])
	switch {
	case peer == nil:
		return nil
	case len(parts) == 2:
		return folder("lxc")
	case parts[2] != "lxc" || len(parts) > 4:
		return nil
	case len(parts) == 3:
		f := folder()
		for _, id := range peer.IDs() {
			f.Names = append(f.Names, strconv.Itoa(id)+".conf")
		}
		return f
	}
	id, err := strconv.Atoi(strings.TrimSuffix(parts[3], ".conf"))
	if err != nil {
		return nil
	}
	text, err := peer.ConfigFile(id)
	if err != nil || parts[3] != strconv.Itoa(id)+".conf" {
		return nil
	}
	return &fsys.Node{Mode: 0o640, Content: func() []byte { return []byte(text) }}
}

// guestFile is a file below /var/lib/lxc.
func guestFile(n *node.Node, parts []string) *fsys.Node {
	if len(parts) == 0 {
		f := folder()
		for _, id := range n.IDs() {
			f.Names = append(f.Names, strconv.Itoa(id))
		}
		return f
	}
	id, err := strconv.Atoi(parts[0])
	if err != nil || n.Exists(id) != nil {
		return nil
	}
	switch {
	case len(parts) == 1:
		return folder("rootfs")
	case parts[1] != "rootfs":
		return nil
	}
	dir := n.MountedRoot(id)
	if dir == "" {
		if len(parts) == 2 {
			return folder()
		}
		return nil
	}
	return hostFile(dir, path.Join(append([]string{"."}, parts[2:]...)...))
}

// hostFile is a file of this machine, below a folder that no link leads out of.
func hostFile(dir, name string) *fsys.Node {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil
	}
	out := &fsys.Node{Mode: info.Mode()}
	switch {
	case info.IsDir():
		d, err := root.Open(name)
		if err != nil {
			return nil
		}
		defer d.Close()
		out.Names, _ = d.Readdirnames(-1) // those that it could read
	case info.Mode()&fs.ModeSymlink != 0:
		out.Target, _ = root.Readlink(name)
	default:
		out.Content = func() []byte {
			root, err := os.OpenRoot(dir)
			if err != nil {
				return nil
			}
			defer root.Close()
			b, _ := root.ReadFile(name)
			return b
		}
	}
	return out
}
