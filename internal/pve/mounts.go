package pve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// chooseMounts checks the storage of each mount point, and that an existing volume exists.
func (r *resolver) chooseMounts(ctx context.Context) error {
	for _, m := range r.spec.Mounts {
		if m.IDMap != "" && !r.atLeast(9, 2) {
			return &Error{Kind: Refused, Op: "mount " + m.Path, Field: "mount",
				Reason: "the node has Proxmox VE " + r.out.Version.Full + ", and idmap came with 9.2", Hints: []string{"leave idmap out, or upgrade the node"}}
		}
		var err error
		switch {
		case m.New():
			err = r.checkNewVolume(m)
		case m.Volume != "":
			err = r.checkVolume(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// atLeast reports whether the host is of a release or a later one.
func (r *resolver) atLeast(major, minor int) bool {
	var have [2]int
	_, _ = fmt.Sscanf(r.out.Version.Release, "%d.%d", &have[0], &have[1])
	return have[0] > major || have[0] == major && have[1] >= minor
}

// checkNewVolume checks the storage of a new volume. chooseStorage has counted those that go
// to the root disk's storage.
func (r *resolver) checkNewVolume(m lxc.Mount) error {
	if m.Storage == "" || m.Storage == r.out.Storage {
		return nil
	}
	e := &Error{Kind: Invalid, Op: "put a volume for " + m.Path + " on storage " + m.Storage, Field: "mount"}
	if able := r.able(m.SizeGiB); len(able) > 0 {
		e.Hints = []string{"storages that would do: " + strings.Join(able, ", ")}
	}
	i := slices.IndexFunc(r.storages, func(s storage) bool { return s.name == m.Storage })
	if i < 0 {
		e.Reason = "node " + r.out.Node + " has no such storage, or the login may not see it"
		return e
	}
	if reason := r.storages[i].unfit(newGiB(r.spec, m.Storage, r.out.Storage), "the volumes want"); reason != "" {
		e.Kind, e.Reason = Refused, "it "+reason
		return e
	}
	return nil
}

// able names the storages with room for a volume.
func (r *resolver) able(size int) (names []string) {
	for _, s := range r.storages {
		if s.unfit(size, "") == "" {
			names = append(names, s.name)
		}
	}
	return names
}

// checkVolume checks that an existing volume is on its storage. A login that may not list
// the storage learns it from Proxmox.
func (r *resolver) checkVolume(ctx context.Context, m lxc.Mount) error {
	name := r.out.MountStorage(m)
	var raw []struct{ VolID, Content text }
	err := r.c.get(ctx, "list the volumes on storage "+name, join("nodes", r.out.Node, "storage", name, "content"), &raw)
	e := &Error{Kind: Invalid, Op: "mount the volume " + m.Volume, Field: "mount"}
	switch {
	case !slices.ContainsFunc(r.storages, func(s storage) bool { return s.name == name }):
		e.Reason = "node " + r.out.Node + " has no storage " + name + ", or the login may not see it"
	case IsKind(err, Forbidden):
		return nil
	case err != nil:
		return err
	default:
		var there []string
		for _, v := range raw {
			if v.VolID.String() == m.Volume {
				return nil
			}
			if v.Content == "rootdir" || v.Content == "images" {
				there = append(there, v.VolID.String())
			}
		}
		e.Reason = "storage " + name + " has no such volume that the login may see"
		if len(there) > 0 {
			e.Hints = []string{"there is: " + strings.Join(there[:min(len(there), 10)], ", ")}
		}
	}
	return e
}
