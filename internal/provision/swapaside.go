package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// unlockTimeout is how long a task of an earlier run may hold the second container locked.
const unlockTimeout = 2 * time.Minute

// asideMarker begins the description of the second container. It is no ownership mark.
const asideMarker = "infrahaus-update:"

// spec is the second container.
func (u *rootSwap) spec() lxc.Spec {
	r, cfg := u.run, u.run.situation.Config
	root := pve.Properties(cfg.All["rootfs"])
	storage, _, _ := strings.Cut(root[""], ":")
	s := lxc.Spec{
		Hostname: fmt.Sprintf("update-of-%d", r.ctid), Node: r.recorded.Node, Storage: storage,
		Cores: 1, MemoryMiB: 128, DiskGiB: max(1, (pve.SizeMiB(root["size"])+1023)/1024), Unprivileged: cfg.Unprivileged, Pool: r.job.Spec.Pool,
		Network: lxc.Network{Bridge: cfg.Net0.Bridge, VLAN: cfg.Net0.VLAN},
	}
	if cfg.OSType == "unmanaged" {
		s.OSType = cfg.OSType
	}
	return s
}

// prepare makes the new root and hands it over to the container.
func (u *rootSwap) prepare(ctx context.Context) error {
	r := u.run
	if err := r.step(8, "Pulling "+u.at.Image.Reference); err != nil {
		return err
	}
	if u.placement.Template.Download {
		if err := r.host.PVE.Download(ctx, u.placement, r.watch()); err != nil {
			return err
		}
	}
	u.at.Image.Archive = u.placement.Template.VolID
	if err := r.step(12, "Unpacking it beside the container"); err != nil {
		return err
	}
	aside, err := u.makeAside(ctx)
	if err != nil {
		return err
	}
	if err := u.comparable(aside); err != nil {
		return err
	}
	return u.handOver(ctx, aside)
}

// makeAside creates the second container, or finds the one that an earlier run has created.
func (u *rootSwap) makeAside(ctx context.Context) (pve.Config, error) {
	r := u.run
	if u.at.Aside != 0 {
		if u.at.UPID != "" {
			if _, err := r.follow(ctx, u.at.UPID, pve.Watch{}); err != nil && !pve.IsKind(err, pve.TaskFailed) {
				return pve.Config{}, err
			}
		}
		cfg, err := u.aside(ctx)
		if err != nil || cfg.MAC != "" {
			return cfg, err
		}
	}
	cfg, spec := pve.Config{}, u.spec()
	u.at.AsideMAC = pve.NewMAC()
	created, err := r.host.PVE.Create(ctx, pve.CreateRequest{
		Spec: spec, Placement: u.placement, MAC: u.at.AsideMAC, Description: asideMarker + r.recordID, Watch: r.watch(),
	}, func(ctid int) error {
		u.at.Aside, u.at.UPID = ctid, ""
		return r.stage(ctx, u, plan.SwapMade)
	})
	if err != nil {
		return cfg, err
	}
	u.at.UPID = created.UPID
	if err := r.stage(ctx, u, plan.SwapMade); err != nil {
		return cfg, err
	}
	if _, err := r.followTask(ctx, created.UPID); err != nil {
		return cfg, err
	}
	return u.aside(ctx)
}

// aside is the configuration of the second container; without a MAC if it is not there, or if
// somebody else's container has its id now.
func (u *rootSwap) aside(ctx context.Context) (pve.Config, error) {
	if u.at.Aside == 0 {
		return pve.Config{}, nil
	}
	wait, cancel := context.WithTimeout(ctx, unlockTimeout)
	defer cancel()
	cfg, err := u.run.host.PVE.AwaitUnlocked(wait, u.run.recorded.Node, u.at.Aside)
	if pve.IsKind(err, pve.NotFound) {
		return pve.Config{}, nil
	}
	if err == nil && !strings.EqualFold(cfg.MAC, u.at.AsideMAC) {
		return pve.Config{}, nil
	}
	return cfg, err
}

// comparable refuses an image whose raw LXC settings are others: the API cannot set them.
func (u *rootSwap) comparable(aside pve.Config) error {
	r := u.run
	if now := r.situation.Config; u.at.New != "" || aside.Low() == now.Low() {
		return nil
	}
	return &exit.Failure{
		Status:  exit.Proxmox,
		Message: fmt.Sprintf("cannot update %s: the new image has another user, working directory or stop signal, and Proxmox lets nobody set these by its API", r.recorded.Hostname),
		Tail:    []string{"now: " + r.situation.Config.Low(), "new: " + aside.Low()},
		Hints:   []string{"destroy it and create it anew; what is on its mount points can be handed over with: pct move-volume"},
	}
}

// handOver gives the new root to the container as an unused volume.
func (u *rootSwap) handOver(ctx context.Context, aside pve.Config) error {
	r, node := u.run, u.run.recorded.Node
	root := pve.Properties(aside.All["rootfs"])
	if len(aside.Unused()) == 0 && u.at.Given == "" {
		storage, _, _ := strings.Cut(root[""], ":")
		upid, err := r.host.PVE.CopyVolume(ctx, node, u.at.Aside, "rootfs", storage)
		if err == nil {
			_, err = r.followTask(ctx, upid)
		}
		if err == nil {
			aside, err = u.aside(ctx)
		}
		if err != nil {
			return err
		}
	}
	now, err := r.host.PVE.Config(ctx, node, r.ctid)
	if err != nil {
		return err
	}
	if u.at.Given == "" {
		keys := now.FreeUnused(2)
		u.at.Given, u.at.OldKey = keys[0], keys[1]
		u.at.Old, u.at.Program = now.All["rootfs"], now.All["entrypoint"]
		if err := r.stage(ctx, u, plan.SwapMade); err != nil {
			return err
		}
	}
	if now.Unused()[u.at.Given] == "" {
		var key string
		for k := range aside.Unused() {
			key = k
		}
		upid, err := r.host.PVE.GiveVolume(ctx, node, u.at.Aside, key, r.ctid, u.at.Given)
		if err == nil {
			_, err = r.followTask(ctx, upid)
		}
		if err == nil {
			now, err = r.host.PVE.AwaitUnlocked(ctx, node, r.ctid)
		}
		if err != nil {
			return err
		}
	}
	u.at.New = pve.WithProperties(u.at.Old, map[string]string{"": now.Unused()[u.at.Given], "size": root["size"]})
	if err := r.stage(ctx, u, plan.SwapMade); err != nil {
		return err
	}
	return u.keepOldEnv(ctx, now)
}

// removeUpdate removes the second container of an update that has begun and not ended. With
// the record of the container that is updated, nothing would name it any more.
func (r *Run) removeUpdate(ctx context.Context) error {
	begun := plan.UpdateBegun(r.marks)
	if begun.Aside == 0 || r.host.PVE == nil {
		return nil
	}
	if err := r.tell(fmt.Sprintf("Removing container %d, which an update has left", begun.Aside)); err != nil {
		return err
	}
	return (&rootSwap{run: r, at: begun}).removeAside(ctx)
}

// removeAside destroys the second container, if it is still the one that was made.
func (u *rootSwap) removeAside(ctx context.Context) error {
	r, node := u.run, u.run.recorded.Node
	if running, _, err := r.host.PVE.TaskRunning(ctx, u.at.UPID); u.at.UPID != "" && err == nil && running {
		if err := r.host.PVE.StopTask(ctx, u.at.UPID); err != nil {
			return err
		}
		if _, err := r.follow(ctx, u.at.UPID, pve.Watch{}); err != nil && !pve.IsKind(err, pve.TaskFailed) {
			return err
		}
	}
	cfg, err := u.aside(ctx)
	if err != nil || cfg.MAC == "" || cfg.Description != "" && !strings.Contains(cfg.Description, asideMarker+r.recordID) {
		return err
	}
	upid, err := r.host.PVE.Destroy(ctx, node, u.at.Aside, pve.DestroyOptions{Purge: true})
	if err == nil {
		_, err = r.follow(ctx, upid, pve.Watch{})
	}
	if pve.IsKind(err, pve.NotFound) {
		return nil
	}
	return err
}
