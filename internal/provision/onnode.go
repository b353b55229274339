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
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// WayOf is what Proxmox's checks need to know of the ways into a guest and onto the node.
func WayOf(ssh guest.Options) pve.Way {
	return pve.Way{Inside: Inside(ssh.Transport), Node: ssh.Node != nil}
}

// CheckNode looks, by SSH on the node, for what only the node can tell and what would fail
// after the create: whether it is the node of the placement, where settings are to be made on
// it, and whether it has the folders and devices that the container gets. Without a way onto
// the node it checks nothing.
func CheckNode(ctx context.Context, ssh guest.Options, spec lxc.Spec, p *pve.Placement) error {
	var paths []string
	for _, m := range spec.Mounts {
		if m.Bind() {
			paths = append(paths, m.Source)
		}
	}
	devices := len(paths)
	for _, d := range spec.Devices {
		paths = append(paths, d.Path)
	}
	if ssh.Node == nil || len(paths) == 0 && len(p.OnNode) == 0 {
		return nil
	}
	name, missing, err := ssh.Node.Missing(ctx, paths)
	switch {
	case err != nil:
		return err
	case !strings.EqualFold(name, p.Node):
		return &exit.Failure{
			Status:  exit.Usage,
			Message: fmt.Sprintf("cannot set up the container on node %s: ssh.node is %s", p.Node, name),
			Hints:   []string{"say --node " + name + ", or set INFRAHAUS_SSH_NODE to " + p.Node},
		}
	case len(missing) == 0:
		return nil
	}
	isFolder := func(path string) bool { return slices.Contains(paths[:devices], path) }
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
	if r.host.SSH.Node == nil {
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
	if err := r.host.SSH.Node.Set(ctx, r.ctid, pairs); err != nil {
		return err
	}
	return r.mark(ctx, event.Creating, plan.ItemOnNode, plan.Done, plan.Detail{})
}
