package node

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// realVolume is real_volume_id: the volume that a request names by storage and volume.
func realVolume(p Params) (volid, storage string, err error) {
	m := volumeID().FindStringSubmatch(p["volume"])
	switch {
	case m == nil:
		return p["storage"] + ":" + p["volume"], p["storage"], nil
	case m[1] != p["storage"]:
		return "", "", badParam("storage", "storage ID mismatch ("+m[1]+" != "+p["storage"]+")")
	}
	return p["volume"], m[1], nil
}

// find looks for an OS template or a disk on a storage; mu held.
func (n *Node) findVolume(volid, storage string) (t *Template, v *volume, err error) {
	if _, err := n.storage(storage); err != nil {
		return nil, nil, err
	}
	if t := n.template(volid); t != nil {
		return t, nil, nil
	}
	all := n.disks(storage)
	if i := slices.IndexFunc(all, func(v volume) bool { return v.Volid == volid }); i >= 0 {
		return nil, &all[i], nil
	}
	return nil, nil, nil
}

// Volume is GET /nodes/NODE/storage/STORAGE/content/VOLUME.
func (n *Node) Volume(a Auth, p Params) (map[string]any, error) {
	volid, storage, err := realVolume(p)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	t, v, err := n.findVolume(volid, storage)
	b := n.findBackup(volid)
	n.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case b != nil:
		if err := n.mayUseBackup(a, storage, b.VMID); err != nil {
			return nil, err
		}
		m := map[string]any{"path": "/var/lib/vz/dump/" + b.file(), "size": b.Size, "used": b.Size, "format": b.format(), "protected": flag(b.Protected)}
		if b.Notes != "" {
			m["notes"] = b.Notes
		}
		return m, nil
	case t != nil:
		if err := n.CheckAny(a, "/storage/"+storage, "Datastore.AllocateSpace", "Datastore.Audit"); err != nil {
			return nil, err
		}
		path, err := n.TemplatePath(storage, t.File())
		if err != nil {
			return nil, err
		}
		return map[string]any{"path": path, "size": t.Size, "used": t.Size, "format": "raw"}, nil
	case v == nil:
		return nil, fail("volume_size_info on '%s' failed - no format", volid)
	}
	if n.Check(a, "/storage/"+storage, "Datastore.Allocate") != nil {
		if err := n.Check(a, "/vms/"+strconv.Itoa(v.VMID), "VM.Config.Disk"); err != nil {
			return nil, err
		}
	}
	name := volid[strings.IndexByte(volid, ':')+1:]
	path := "/dev/pve/" + name
	if strings.Contains(name, "/") {
		path = "/var/lib/vz/images/" + name
	}
	return map[string]any{"path": path, "size": v.Size, "used": v.Size / 8, "format": volumeFormat(volid)}, nil
}

// RemoveVolume is DELETE of the same: a task, for which it waits up to delay seconds.
func (n *Node) RemoveVolume(ctx context.Context, a Auth, p Params) (any, error) {
	volid, storage, err := realVolume(p)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	_, v, err := n.findVolume(volid, storage)
	b := n.findBackup(volid)
	n.mu.Unlock()
	if b != nil {
		if err := n.mayUseBackup(a, storage, b.VMID); err != nil {
			return nil, err
		}
	} else if err := n.Check(a, "/storage/"+storage, "Datastore.Allocate"); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	id := storage
	if v != nil {
		id = strconv.Itoa(v.VMID) + "@" + storage
	}
	if b != nil {
		id = strconv.Itoa(b.VMID) + "@" + storage
	}
	upid, err := n.fork(a, "imgdel", id, func(ctx context.Context, w *worker) error {
		err := error(nil)
		if b != nil {
			err = n.removeBackup(ctx, b)
		} else {
			err = n.removeVolume(w, volid, storage)
		}
		if err != nil {
			return err
		}
		w.Log("Removed volume '" + volid + "'")
		return nil
	})
	if err != nil || p["delay"] == "" {
		return upid, err
	}
	exit, err := n.Follow(ctx, upid, func(string) {})
	if err == nil && exit != "OK" {
		err = fail("%s", exit)
	}
	return nil, err
}

func (n *Node) removeVolume(w *worker, volid, storage string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, v, err := n.findVolume(volid, storage)
	switch {
	case err != nil:
		return err
	case t == nil && v == nil: // no storage minds; a directory says so
		if _, name, _ := strings.Cut(volid, ":"); strings.Contains(name, "/") {
			w.Log("disk image '" + n.volumePath(volid) + "' does not exist")
		}
		return nil
	case t != nil:
		delete(n.st.Templates, n.templateKey(volid))
		if strings.HasPrefix(t.Path, n.TemplateDir()) {
			_ = os.Remove(t.Path) // it may be gone
		}
	case !n.stray(volid):
		return fail("%s", fmt.Sprintf("the simulated node keeps volume '%s', which a container uses", volid))
	default:
		n.free(volid)
		_ = n.drv.Drop(volid)
	}
	return n.save()
}

// volumePath is where a volume of a directory lies.
func (n *Node) volumePath(volid string) string {
	_, name, _ := strings.Cut(volid, ":")
	if file, ok := strings.CutPrefix(name, "vztmpl/"); ok {
		return "/var/lib/vz/template/cache/" + file
	}
	return "/var/lib/vz/images/" + name
}

// Suspend is POST status/suspend. A node has no CRIU, without which lxc-checkpoint fails.
func (n *Node) Suspend(ctx context.Context, a Auth, vmid int) (string, error) {
	if n.pid(vmid) == 0 {
		return "", fail("CT %d not running", vmid)
	}
	return n.power(ctx, a, "vzsuspend", vmid, func(context.Context, *worker) error {
		if err := n.mayStop(vmid); err != nil {
			return err
		}
		return fail("command 'lxc-checkpoint -n %d -s -D /var/lib/vz/dump' failed: exit code 1", vmid)
	})
}

// Resume is POST status/resume: of a container that was never suspended.
func (n *Node) Resume(a Auth, vmid int) (string, error) {
	if n.pid(vmid) != 0 {
		return "", fail("CT %d already running", vmid)
	}
	return n.fork(a, "vzresume", strconv.Itoa(vmid), func(context.Context, *worker) error {
		return fail("command 'lxc-checkpoint -n %d -r --foreground -D /var/lib/vz/dump' failed: exit code 1", vmid)
	})
}
