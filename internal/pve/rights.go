package pve

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// checkRights checks all privileges that a create needs at once: on the container, for
// the way into it, and on the chosen storages and bridge.
func (r *resolver) checkRights(ctx context.Context) error {
	return r.requireAll(ctx, r.createNeeds())
}

// createNeeds are the needs of a create on the chosen place.
func (r *resolver) createNeeds() []need {
	p := r.out
	disk, archive := "/storage/"+p.Storage, "/storage/"+p.Template.Storage
	needs := append(r.containerNeeds(), need{at: disk, privilege: "Datastore.AllocateSpace"}, need{at: disk, privilege: "Datastore.Audit", optional: true})
	for _, m := range r.spec.Mounts {
		if at := "/storage/" + m.Storage; m.New() && m.Storage != "" && at != disk {
			needs = append(needs, need{at: at, privilege: "Datastore.AllocateSpace"}, need{at: at, privilege: "Datastore.Audit", optional: true})
		}
	}
	if p.Template.Download {
		needs = append(needs, need{at: archive, privilege: "Datastore.AllocateTemplate"})
		if p.Template.Image != "" {
			needs = append(needs, need{at: "/nodes/" + p.Node, privilege: "Sys.AccessNetwork"})
		}
	}
	if archive != disk {
		needs = append(needs, need{at: archive, privilege: "Datastore.Audit", or: "Datastore.AllocateSpace"})
	}
	// The zone of an SDN VNet is not known here: Proxmox itself checks that privilege.
	for i, n := range r.spec.Networks() {
		if name := p.BridgeOf(i); p.Version.Major() >= 8 && r.plainBridge(name) {
			needs = append(needs, bridgeNeed(name, n.VLAN))
		}
	}
	return needs
}

func (r *resolver) requireAll(ctx context.Context, needs []need) error {
	return r.perms.require(ctx, "create container "+strconv.Itoa(r.out.CTID), needs)
}

// containerNeeds are the needs on the container itself. From VE 9 on, a privileged
// container also needs one on /.
func (r *resolver) containerNeeds() []need {
	privileges := []string{"VM.Allocate", "VM.Audit", "VM.Config.Disk", "VM.Config.Network", "VM.Config.Memory", "VM.PowerMgmt"}
	if r.spec.Cores > 0 || r.spec.CPULimit > 0 || r.spec.CPUUnits > 0 {
		privileges = append(privileges, "VM.Config.CPU")
	}
	needs := on(r.out.CTID, append(privileges, "VM.Config.Options")...)
	options := &needs[len(needs)-1]
	options.optional = len(r.spec.Tags) == 0 && !r.spec.OnBoot && r.spec.Startup == "" && r.spec.Console == "" // only the ownership marker would use it
	needs = append(needs, on(r.out.CTID, r.way.Inside...)...)
	r.inPool(needs)
	if !r.spec.Unprivileged && r.out.Version.Major() >= 9 && !r.c.login.root() {
		needs = append(needs, need{at: "/", privilege: "Sys.Modify"})
	}
	return needs
}

// inPool lets a privilege on the pool replace one on the container. Only tags need theirs on
// the container itself: Proxmox checks them without regard to the pool.
func (r *resolver) inPool(needs []need) {
	if r.spec.InPool() == "" {
		return
	}
	for i, n := range needs {
		if n.privilege != "VM.Config.Options" || len(r.spec.Tags) == 0 {
			needs[i].alt, needs[i].at, needs[i].grant = n.at, "/pool/"+r.spec.Pool, ""
		}
	}
}

// bridgeNeed is SDN.Use, which came with VE 8.
func bridgeNeed(name string, vlan int) need {
	n := need{at: "/sdn/zones/localnetwork/" + name, privilege: "SDN.Use"}
	if vlan > 0 {
		n.grant = n.at
		n.at += "/" + strconv.Itoa(vlan)
	}
	return n
}

// checkSight covers lists from which Proxmox leaves out what the login may not see. If
// nothing can be chosen for that reason, the error names every need of the create that is
// known by then.
func (r *resolver) checkSight(ctx context.Context) error {
	r.out.MarkerAllowed = r.perms.has(ctx, "/vms/"+strconv.Itoa(r.out.CTID), "VM.Config.Options") ||
		r.spec.InPool() != "" && r.perms.has(ctx, "/pool/"+r.spec.Pool, "VM.Config.Options")
	blind := r.blindStorage(ctx)
	if more := r.blindBridge(ctx); len(blind) > 0 || more.at != "" && r.spec.Network.Bridge != "" {
		needs := append(r.containerNeeds(), blind...)
		if more.at != "" {
			needs = append(needs, more)
		} else if r.spec.Network.Bridge != "" || len(r.bridges) == 1 {
			// the bridge is known: check it now as well, so that the user does not get a
			// second error
			name := r.spec.Network.Bridge
			if name == "" {
				name = r.bridges[0].name
			}
			if r.out.Version.Major() >= 8 && r.plainBridge(name) {
				needs = append(needs, bridgeNeed(name, r.spec.Network.VLAN))
			}
		}
		return r.requireAll(ctx, needs)
	}
	return nil
}

// blindStorage are the needs on storages that the login cannot see.
func (r *resolver) blindStorage(ctx context.Context) []need {
	named, _, _ := strings.Cut(r.spec.OSTemplate, ":vztmpl/")
	if named == r.spec.OSTemplate {
		named = ""
	}
	disk, archive := r.hidden(ctx, r.spec.Storage, "rootdir"), r.hidden(ctx, named, "vztmpl")
	var needs []need
	if disk != "" {
		needs = append(needs, need{at: disk, privilege: "Datastore.AllocateSpace"}, need{at: disk, privilege: "Datastore.Audit", optional: true})
	}
	if archive != "" { // an archive may be there or not, so it may have to be downloaded
		needs = append(needs, need{at: archive, privilege: "Datastore.Audit", or: "Datastore.AllocateSpace"},
			need{at: archive, privilege: "Datastore.AllocateTemplate", optional: true})
	}
	return needs
}

// hidden is the path of the storages that the login would have to see for a type of
// content: the named storage, or all. It is "" if the login sees one for that content, or
// all of them.
func (r *resolver) hidden(ctx context.Context, name, content string) string {
	at := "/storage"
	if name != "" {
		at += "/" + name
	}
	seen := slices.ContainsFunc(r.storages, func(s storage) bool {
		return s.name == name || name == "" && s.holds(content)
	})
	if seen || r.perms.has(ctx, at, "Datastore.Audit") || r.perms.has(ctx, at, "Datastore.AllocateSpace") {
		return ""
	}
	return at
}

// blindBridge is the need on a bridge that the login cannot see. It is empty if the login
// sees that bridge, or all of them.
func (r *resolver) blindBridge(ctx context.Context) need {
	name := r.spec.Network.Bridge
	if r.out.Version.Major() < 8 || name == "" && len(r.bridges) > 0 ||
		slices.ContainsFunc(r.bridges, func(b bridge) bool { return b.name == name }) {
		return need{}
	}
	n := need{at: "/sdn/zones/localnetwork", privilege: "SDN.Use"}
	if name != "" {
		n = bridgeNeed(name, r.spec.Network.VLAN)
	}
	if r.perms.has(ctx, n.at, "SDN.Use") || r.perms.has(ctx, n.at, "SDN.Audit") {
		return need{}
	}
	return n
}
