package provision

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// WayOf is what Proxmox's checks need to know of the ways into a guest and onto the node.
func WayOf(ssh guest.Options) pve.Way {
	return pve.Way{Inside: Inside(ssh.Transport), Node: ssh.Node != nil, Registry: oci.NewRegistry().Look}
}

// CheckNode looks, by SSH on the node, for what only the node can tell and what would fail
// after the create: whether it is the node of the placement, where settings are to be made on
// it, and whether it has the folders and devices that the container gets. Without a way onto
// the node it checks nothing.
func CheckNode(ctx context.Context, ssh guest.Options, spec lxc.Spec, p *pve.Placement) error {
	var folders, devices []string
	for _, m := range spec.Mounts {
		if m.Bind() {
			folders = append(folders, m.Source)
		}
	}
	for _, d := range spec.Devices {
		devices = append(devices, d.Path)
	}
	if ssh = ssh.At(p.Node); ssh.Node == nil || len(folders)+len(devices) == 0 && len(p.OnNode) == 0 {
		return nil
	}
	return missingOnNode(ctx, ssh, p.Node, folders, devices, "say --node %s, or ")
}

// nodeSSH is the way to the node that the container is on, nil for none.
func (r *Run) nodeSSH() *guest.NodeSSH {
	node := r.recorded.Node
	if r.placement != nil {
		node = r.placement.Node
	}
	return r.host.SSH.At(node).Node
}

// nodeHas is CheckNode for what a sync adds.
func (r *Run) nodeHas(ctx context.Context, settings []plan.Setting) error {
	var folders, devices []string
	onNode := false
	for _, s := range settings {
		if s.Mount != nil && s.Mount.Bind() {
			folders = append(folders, s.Mount.Source)
		}
		if s.Device != "" {
			devices = append(devices, s.Device)
		}
		onNode = onNode || s.Put.OnNode && s.Put.Key != plan.KeyPool
	}
	if r.nodeSSH() == nil || len(folders)+len(devices) == 0 && !onNode {
		return nil
	}
	return missingOnNode(ctx, r.host.SSH.At(r.recorded.Node), r.recorded.Node, folders, devices, "")
}

// missingOnNode refuses folders and devices that the node does not have, and another node than
// the container's. other is how to take the node itself instead, for a hint.
func missingOnNode(ctx context.Context, ssh guest.Options, node string, folders, devices []string, other string) error {
	name, missing, err := ssh.Node.Missing(ctx, slices.Concat(folders, devices))
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(name, node):
		if other != "" {
			other = fmt.Sprintf(other, name)
		}
		return &exit.Failure{
			Status:  exit.Usage,
			Message: fmt.Sprintf("cannot set up the container on node %s: ssh.node is %s", node, name),
			Hints:   []string{other + "set INFRAHAUS_SSH_NODE to " + node},
		}
	case len(missing) == 0:
		return nil
	}
	isFolder := func(path string) bool { return slices.Contains(folders, path) }
	f := &exit.Failure{Status: exit.Usage}
	if folders := slices.DeleteFunc(slices.Clone(missing), func(path string) bool { return !isFolder(path) }); len(folders) > 0 {
		f.Message = fmt.Sprintf("cannot mount %s: node %s does not have it", strings.Join(folders, ", "), name)
		f.Hints = []string{"make it, on the node: mkdir -p " + guest.Quote(folders[0])}
		return f
	}
	f.Message = fmt.Sprintf("cannot pass the device %s: node %s does not have it", strings.Join(missing, ", "), name)
	f.Hints = []string{"see what it has, on the node: ls -l " + guest.Quote(path.Dir(missing[0]))}
	return f
}

// setOnNode makes the settings that only root may make, before the first start: most of them
// take effect at a start only. A run that dies meanwhile leaves the mark claimed, and a resume
// makes them again, which changes nothing.
func (r *Run) setOnNode(ctx context.Context) error {
	settings := r.host.PVE.OnNode(r.job.Spec)
	if r.nodeSSH() == nil {
		keys := make([]string, len(settings))
		for i, s := range settings {
			keys[i] = fmt.Sprintf("--%s %s", s.Key, guest.Quote(s.Value))
		}
		return &exit.Failure{
			Status:  exit.Proxmox,
			Message: fmt.Sprintf("cannot set up container %d: only root@pam may make its settings, and there is no way onto the node", r.ctid),
			Hints:   []string{"set INFRAHAUS_SSH_NODE", fmt.Sprintf("or on the node: pct set %d %s", r.ctid, strings.Join(keys, " "))},
		}
	}
	if err := r.mark(ctx, event.Creating, plan.ItemOnNode, plan.Claimed, plan.Detail{}); err != nil {
		return err
	}
	pairs := make([][2]string, len(settings))
	for i, s := range settings {
		pairs[i] = [2]string{s.Key, s.Value}
		r.say(fmt.Sprintf("On the node: %s %s", s.Key, s.Value))
	}
	if err := r.nodeSSH().Set(ctx, r.ctid, pairs); err != nil {
		return err
	}
	return r.mark(ctx, event.Creating, plan.ItemOnNode, plan.Done, plan.Detail{})
}
