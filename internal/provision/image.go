package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// detected is the line of a create task's log by which Proxmox says that it has an image.
const detected = "Detected OCI archive"

// madeFromImage records what Proxmox has made of an image, and sets the container's
// environment. Proxmox takes the image's environment instead of that of the create request,
// so it is set afterwards, before the first start. lines are the log of the create task. It
// is idempotent: a run that dies here leaves the create task unread, and a resume reads it
// again.
func (r *Run) madeFromImage(ctx context.Context, lines []string) error {
	img := r.recorded.Image
	if r.placement.Image != nil {
		img = r.placement.Image
	}
	switch isImage := slices.Contains(lines, detected); {
	case img == nil && !isImage:
		return nil
	case !isImage:
		return &exit.Failure{
			Status:  exit.Proxmox,
			Message: fmt.Sprintf("cannot use %s: Proxmox does not see an OCI image in it", img.Archive),
			Hints:   []string{"remove it, on the node: pvesm free " + img.Archive},
		}
	case img == nil:
		img = &lxc.Image{Archive: r.recorded.OSTemplate}
		if r.placement.Template.VolID != "" {
			img.Archive = r.placement.Template.VolID
		}
	}
	cfg, err := r.host.PVE.Config(ctx, r.placement.Node, r.ctid)
	if err != nil {
		return err
	}
	img = pve.ImageMade(img, cfg)
	if err := r.runsHere(ctx, img, cfg); err != nil {
		return err
	}
	if err := r.setEnvironment(ctx, img, cfg); err != nil {
		return err
	}
	r.recorded.Image = img
	return r.record.Update(ctx, func(c *lxc.Container) { c.Image = img })
}

// runsHere refuses an image for another architecture than the node's before it is started,
// where the registry could not say so before.
func (r *Run) runsHere(ctx context.Context, img *lxc.Image, cfg pve.Config) error {
	arch, node := cfg.All["arch"], r.host.PVE.Architecture(ctx, r.placement.Node)
	if arch == "" || arch == node || arch == "i386" && node == "amd64" || arch == "armhf" && node == "arm64" {
		return nil
	}
	return &exit.Failure{
		Status:  exit.Usage,
		Message: fmt.Sprintf("cannot use the image %s: it is for %s, and node %s is %s", img.Reference, arch, r.placement.Node, node),
		Hints:   []string{"remove its archive, on the node: pvesm free " + img.Archive},
	}
}

// setEnvironment adds the job's variables to the environment that the image sets.
func (r *Run) setEnvironment(ctx context.Context, img *lxc.Image, cfg pve.Config) error {
	env := r.job.Environment(img.Kind)
	if len(env) == 0 {
		return nil
	}
	pairs, names := make([][2]string, len(env)), make([]string, len(env))
	for i, v := range env {
		pairs[i], names[i] = [2]string{v.Name, v.Value}, v.Name
		if !img.HasEnv(v.Name) {
			img.EnvNames = append(img.EnvNames, v.Name)
		}
	}
	r.say(fmt.Sprintf("Setting the environment: %s (%s)", strings.Join(names, ", "), plan.EnvReaders))
	value := pve.WithEnv(cfg.All["env"], pairs)
	if value == cfg.All["env"] {
		return nil
	}
	return r.host.PVE.SetConfig(ctx, r.placement.Node, r.ctid, "env", value)
}

// changeEnvironment gives the container the job's variables, and takes away those that gone
// names, with commas. All others stay.
func (r *Run) changeEnvironment(ctx context.Context, gone string) error {
	cfg, err := r.host.PVE.Config(ctx, r.recorded.Node, r.ctid)
	if err != nil || r.recorded.Image == nil {
		return err
	}
	value := r.job.EnvSet(r.recorded.Image.Kind, cfg.All[plan.KeyEnv], gone)
	if err := r.host.PVE.SetConfig(ctx, r.recorded.Node, r.ctid, plan.KeyEnv, value); err != nil {
		return err
	}
	return r.record.Update(ctx, func(c *lxc.Container) {
		if c.Image != nil {
			image := *c.Image
			image.EnvNames = pve.EnvNames(value)
			c.Image = &image
		}
	})
}
