package node

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// rank orders the keys whose rights are checked. Proxmox takes them in the order
// of a Perl hash, so that any of several refusals may come first; here options
// come first, as in the recordings, then disks last.
func rank(key string) int {
	switch privilegeOf(key) {
	case "VM.Config.Options":
		return 0
	case "VM.Config.Disk":
		return 3
	case "VM.Config.Network":
		return 2
	}
	return 1
}

func privilegeOf(key string) string {
	switch {
	case key == "cores", key == "cpulimit", key == "cpuunits":
		return "VM.Config.CPU"
	case key == "memory", key == "swap":
		return "VM.Config.Memory"
	case numbered(key, "net"), key == "nameserver", key == "searchdomain", key == "hostname":
		return "VM.Config.Network"
	case key == "rootfs", numbered(key, "mp"), numbered(key, "unused"):
		return "VM.Config.Disk"
	}
	return "VM.Config.Options"
}

// checkModify is check_ct_modify_config_perm: may a set these keys? conf is the
// stored config, nil at create.
func (n *Node) checkModify(a Auth, vmid int, pool string, conf map[string]string, set Params, drop []string, unprivileged bool) error {
	if a.isRoot() {
		return nil
	}
	keys := append(slices.Collect(maps.Keys(set)), drop...)
	sort.Slice(keys, func(i, j int) bool {
		if ri, rj := rank(keys[i]), rank(keys[j]); ri != rj {
			return ri < rj
		}
		return keys[i] < keys[j]
	})
	vm := "/vms/" + strconv.Itoa(vmid)
	on := vm
	if pool != "" {
		on = "/pool/" + pool
	}
	for _, key := range keys {
		if err := n.checkKey(a, key, set[key], conf, on, vm, unprivileged); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) checkKey(a Auth, key, value string, conf map[string]string, on, vm string, unprivileged bool) error {
	switch {
	case key == "features":
		return n.checkFeatures(a, value, conf["features"], on, vm, unprivileged)
	case key == "hookscript":
		return forbid("changing the hookscript is only allowed for root@pam")
	case numbered(key, "dev"):
		return forbid("configuring device passthrough is only allowed for root@pam")
	case key == "tags":
		// checked without the pool: a right on /pool/P is not enough
		return n.Check(a, vm, "VM.Config.Options")
	case numbered(key, "net"):
		if err := n.checkVM(a, on, vm, "VM.Config.Network"); err != nil {
			return err
		}
		if err := n.checkBridge(a, conf[key]); err != nil {
			return err
		}
		return n.checkBridge(a, value)
	case key == "rootfs", numbered(key, "mp"):
		if err := n.checkVM(a, on, vm, "VM.Config.Disk"); err != nil {
			return err
		}
		if value == "" { // it is removed
			return nil
		}
		id, _ := strconv.Atoi(strings.TrimPrefix(vm, "/vms/"))
		return n.checkVolume(a, id, properties(value, "volume")["volume"])
	}
	return n.checkVM(a, on, vm, privilegeOf(key))
}

// checkVM is check_vm_perm: a privilege on the pool is enough, and a refusal names the
// guest.
func (n *Node) checkVM(a Auth, on, vm, priv string) error {
	if on != vm && n.Check(a, on, priv) == nil {
		return nil
	}
	return n.Check(a, vm, priv)
}

// checkBridge wants SDN.Use on the bridge, and on every VLAN that is named.
func (n *Node) checkBridge(a Auth, net string) error {
	p := properties(net, "")
	if p["bridge"] == "" {
		return nil
	}
	path := "/sdn/zones/localnetwork/" + p["bridge"]
	if p["tag"] == "" && p["trunks"] == "" {
		return n.Check(a, path, "SDN.Use")
	}
	for tag := range strings.SplitSeq(p["tag"]+";"+p["trunks"], ";") {
		if tag == "" {
			continue
		}
		if err := n.Check(a, path+"/"+tag, "SDN.Use"); err != nil {
			return err
		}
	}
	return nil
}

// checkFeatures: nesting alone, on an unprivileged container, is all that
// anyone but root's ticket may change. At create the key's presence decides,
// even with an empty value.
func (n *Node) checkFeatures(a Auth, value, old, on, vm string, unprivileged bool) error {
	want, have := properties(value, ""), properties(old, "")
	var changed []string
	for k := range want {
		if want[k] != have[k] {
			changed = append(changed, k)
		}
	}
	for k := range have {
		if _, ok := want[k]; !ok {
			changed = append(changed, k)
		}
	}
	if !unprivileged {
		if old != "" && len(changed) == 0 {
			return nil
		}
		return forbid("changing feature flags for privileged container is only allowed for root@pam")
	}
	if slices.ContainsFunc(changed, func(k string) bool { return k != "nesting" }) {
		return forbid("changing feature flags (except nesting) is only allowed for root@pam")
	}
	return n.checkVM(a, on, vm, "VM.Allocate")
}

// checkPath refuses what is no volume of a storage to anyone but root.
func (n *Node) checkPath(a Auth) error {
	if a.isRoot() {
		return nil
	}
	// without a newline in the source, so that Perl adds the place
	return fail("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line %d.", n.prof.StorageLine)
}
