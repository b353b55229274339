package oci

import (
	"archive/tar"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	maxLinks = 40 // that Linux follows in one path
)

// entry is one name in the merged layers. Two names of one file share its node.
type entry struct {
	node     *node
	children map[string]*entry // of a folder; nil for anything else
}

// node is where a file came from.
type node struct {
	layer, index int
	m            member
}

func newRoot() *entry { return &entry{children: map[string]*entry{}} }

// apply puts a layer on those below. Its whiteouts come first, because they mean the layers
// below alone.
func (root *entry) apply(layer int, members []member) error {
	for _, m := range members {
		if m.kind == tar.TypeReg {
			root.whiteOut(m.name)
		}
	}
	for i, m := range members {
		base := path.Base(m.name)
		if m.kind == tar.TypeXGlobalHeader || m.kind == tar.TypeReg && strings.HasPrefix(base, whiteout) {
			continue
		}
		parts, inside := split(m.name)
		if !inside {
			continue // Proxmox's reader leaves out a name that leads outside
		}
		if err := root.put(parts, &node{layer, i, m}); err != nil {
			return err
		}
	}
	return nil
}

// split returns the parts of a name. inside is false for one with "..".
func split(name string) (parts []string, inside bool) {
	for p := range strings.SplitSeq(name, "/") {
		switch p {
		case "", ".":
		case "..":
			return nil, false
		default:
			parts = append(parts, p)
		}
	}
	return parts, true
}

func (root *entry) whiteOut(name string) {
	dir, base := path.Split(strings.TrimPrefix(path.Clean("/"+name), "/"))
	if !strings.HasPrefix(base, whiteout) || strings.Contains("/"+name+"/", "/../") {
		return
	}
	parts, _ := split(dir)
	switch victim := strings.TrimPrefix(base, whiteout); {
	case base == opaque:
		if e := root.find(parts, true, 0); e != nil && e.children != nil {
			clear(e.children)
		}
	case victim == "" || victim == "..":
	case victim == ".": // the folder itself, unless it is the root
		if len(parts) > 0 {
			if e := root.find(parts[:len(parts)-1], true, 0); e != nil {
				delete(e.children, parts[len(parts)-1])
			}
		}
	default:
		if e := root.find(parts, true, 0); e != nil {
			delete(e.children, victim)
		}
	}
}

// find looks a path up as under a chroot: links lead nowhere outside. With follow, a link at
// the end is followed, too. It returns nil for what does not exist.
func (root *entry) find(parts []string, follow bool, links int) *entry {
	e := root
	var at []*entry // the folders above
	for i, p := range parts {
		if p == ".." {
			if len(at) > 0 {
				e, at = at[len(at)-1], at[:len(at)-1]
			}
			continue
		}
		next := e.children[p]
		if next == nil {
			return nil
		}
		last := i == len(parts)-1
		if next.node != nil && next.node.m.kind == tar.TypeSymlink && (!last || follow) {
			if links++; links > maxLinks {
				return nil
			}
			target := root.target(e, at, next.node.m.link)
			return root.find(append(target, parts[i+1:]...), follow, links)
		}
		e, at = next, append(at, e)
	}
	return e
}

// target is a link's target as parts from the root: those of the folder that it lies in come
// first if it is relative.
func (root *entry) target(dir *entry, above []*entry, link string) (parts []string) {
	if !strings.HasPrefix(link, "/") {
		chain := append(slices.Clone(above), dir)
		for i := 1; i < len(chain); i++ {
			for name, e := range chain[i-1].children {
				if e == chain[i] {
					parts = append(parts, name)
				}
			}
		}
	}
	for p := range strings.SplitSeq(link, "/") {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	return parts
}

// folder returns the folder of a path, and makes what is missing. A file in its way goes.
func (root *entry) folder(parts []string) *entry {
	e := root
	for i := range parts {
		next := root.find(parts[:i+1], true, 0)
		if next == nil || next.children == nil {
			next = newRoot()
			e.children[parts[i]] = next
		}
		e = next
	}
	return e
}

// put adds one entry of a layer.
func (root *entry) put(parts []string, n *node) error {
	if len(parts) == 0 {
		if n.m.kind == tar.TypeDir {
			root.node = n
		}
		return nil
	}
	dir, name := root.folder(parts[:len(parts)-1]), parts[len(parts)-1]
	switch n.m.kind {
	case tar.TypeDir:
		if old := root.find(parts, true, 0); old != nil && old.children != nil {
			if dir.children[name] == old {
				old.node = n
			}
			return nil // a link to a folder stays
		}
		e := newRoot()
		e.node = n
		dir.children[name] = e
	case tar.TypeLink:
		to, inside := split(n.m.link)
		old := root.find(to, false, 0)
		if !inside || old == nil || old.children != nil {
			return extractError("IO error: failed to unpack `%s`: No such file or directory (os error 2) when hard linking %s", strings.Join(parts, "/"), n.m.link)
		}
		dir.children[name] = &entry{node: old.node}
	default:
		dir.children[name] = &entry{node: n}
	}
	return nil
}

// byPlace returns the names of every file that is left, by layer and place in it.
func (root *entry) byPlace() map[int]map[int][]string {
	all := map[int]map[int][]string{}
	var walk func(e *entry, name string)
	walk = func(e *entry, name string) {
		if n := e.node; n != nil {
			if all[n.layer] == nil {
				all[n.layer] = map[int][]string{}
			}
			all[n.layer][n.index] = append(all[n.layer][n.index], name)
		}
		for _, part := range slices.Sorted(maps.Keys(e.children)) {
			walk(e.children[part], path.Join(name, part))
		}
	}
	walk(root, ".")
	return all
}
