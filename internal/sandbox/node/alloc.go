package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// imageFile is parse_name_dir: the file of a disk on a storage that is a directory.
var imageFile = lazy.Regexp(`^(?:vm-|base-|subvol-)\S+\.(raw|qcow2|vmdk|subvol)$`)

// AllocateVolume is POST /nodes/NODE/storage/STORAGE/content: a new disk, which no config names.
func (n *Node) AllocateVolume(p Params) (string, error) {
	name, format := p["filename"], p["format"]
	for _, ext := range []string{"raw", "qcow2", "vmdk"} {
		if !strings.HasSuffix(name, "."+ext) {
			continue
		}
		if format != "" && format != ext {
			return "", badParam("format", fmt.Sprintf("different storage formats (%s != %s)", format, ext))
		}
		format = ext
	}
	if format == "" {
		format = "raw"
	}
	size := parseSize(p["size"])
	if strings.Trim(p["size"], "0123456789") == "" {
		size <<= 10 // KiB, where there is no unit
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s, err := n.storage(p["storage"])
	if err != nil {
		return "", err
	}
	volid := s.ID + ":" + name
	switch s.Type {
	case "lvmthin", "lvm":
		err = n.mayMakeLV(volid, name, format, p["vmid"])
	case "zfspool":
		prefix := map[string]string{"raw": "vm", "subvol": "subvol"}[format] + "-" + p["vmid"] + "-"
		switch {
		case format != "raw" && format != "subvol":
			err = fail("unsupported format '%s'", format)
		case !strings.HasPrefix(name, prefix):
			err = fail("illegal name '%s' - should be '%s*'", name, prefix)
		case n.there(volid):
			err = fail("zfs error: cannot create 'rpool/%s/%s': dataset already exists", s.ID, name)
		}
	default:
		volid = s.ID + ":" + p["vmid"] + "/" + name
		err = n.mayMakeImage(volid, name, format, size)
	}
	if err != nil {
		return "", err
	}
	vmid, _ := strconv.Atoi(p["vmid"])
	if size > s.Total-n.used(s) {
		return "", fail("%s", noSpace(s, vmid))
	}
	n.made(volid)
	if !slices.ContainsFunc(n.disks(s.ID), func(v volume) bool { return v.Volid == volid }) { // a config may name it already
		n.st.Strays = append(n.st.Strays, volume{Volid: volid, VMID: vmid, Size: size, CTime: n.opt.Now().Unix(), Node: n.mark()})
	}
	return volid, n.save()
}

// mayMakeLV needs mu held.
func (n *Node) mayMakeLV(volid, name, format, vmid string) error {
	switch prefix := "vm-" + vmid + "-"; {
	case format != "raw":
		return fail("unsupported format '%s'", format)
	case !strings.HasPrefix(name, prefix):
		return fail("illegal name '%s' - should be '%s*'", name, prefix)
	case n.there(volid):
		return fail("lvcreate 'pve/%s' error:   Logical Volume \"%s\" already exists in volume group \"pve\"", name, name)
	}
	return nil
}

// mayMakeImage needs mu held.
func (n *Node) mayMakeImage(volid, name, format string, size int64) error {
	m := imageFile().FindStringSubmatch(name)
	switch {
	case m == nil:
		return fail("unable to parse volume filename '%s'", name)
	case m[1] != format:
		return fail("illegal name '%s' - wrong extension for format ('%s != '%s')", name, m[1], format)
	case n.there(volid):
		return fail("disk image '%s' already exists", n.volumePath(volid))
	case format == "subvol" && size != 0:
		return fail("storage does not support subvol quotas")
	}
	return nil
}
