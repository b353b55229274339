package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// rootSwap replaces the root file system of a container by that of its image's newest digest.
//
// Proxmox has no request for that, and unpacks an image only into a new container. So a second
// container is created from the image, which never runs. Its root volume is freed (a copy
// takes its place) and handed over to the container as an unused volume: until then nothing
// of the container has changed, and it runs. Then it is stopped and saved, and one request
// sets rootfs to the new volume and keeps the old one as an unused volume: Proxmox writes the
// file once, so that either root is whole at every moment. The container itself is never
// destroyed, so that nobody else can get its id, and its mount points, MAC and address are not
// touched. The old volume and the second container, which keeps the old environment, are
// removed once the new root is ready.
type rootSwap struct {
	run  *Run
	how  plan.UpdateRequest
	want lxc.Spec // that the container is asked to be
	at   plan.Swap

	placement *pve.Placement // of the second container
}

func (u *rootSwap) swap() *plan.Swap { return &u.at }

func (u *rootSwap) privileges() (needs, optional []string) {
	return []string{"VM.Audit", "VM.Allocate", "VM.Config.Disk", "VM.Config.Options", "VM.PowerMgmt"}, []string{"VM.Snapshot", "VM.Backup"}
}

func (u *rootSwap) look(ctx context.Context, _ bool) (plan.UpdateWorld, error) {
	r := u.run
	name, cfg := r.recorded.Hostname, r.situation.Config
	image := r.recorded.Image
	refuse := func(why string, hints ...string) (plan.UpdateWorld, error) {
		return plan.UpdateWorld{}, &exit.Failure{Status: exit.Usage, Message: fmt.Sprintf("cannot update %s: %s", name, why), Hints: hints}
	}
	switch {
	case image == nil:
		return refuse("it was not made from an OCI image, and its template has no update of its own", "to apply the template as it is now: "+r.Command("sync", name))
	case !image.Application() && !cfg.Application():
		return refuse("it is a system image, whose packages and files would be lost with the root file system", "to apply the template as it is now: "+r.Command("sync", name))
	}
	asked, pinned := u.asked(image)
	w := plan.UpdateWorld{
		Record: r.recorded, What: "the image " + asked, From: oci.Short(image.Digest), Stop: true, Undoes: true, Running: r.situation.Running,
		Keeps: cfg.DataMounts(),
	}
	var err error
	if w.Pinned, err = u.isPinned(ctx, image, asked, pinned); err != nil {
		return w, err
	}
	if w.Pinned != "" {
		w.Same, u.at.Image, u.at.Image.Reference = true, *image, asked
		return w, nil
	}
	next, err := u.newest(ctx, asked, pinned)
	if err != nil {
		return w, err
	}
	if !u.at.Begun() {
		u.at.Image, u.at.Was = next, image
	}
	w.To, w.Same = oci.Short(next.Digest), next.Same(image)
	if w.Same && !u.at.Begun() {
		return w, nil
	}
	if lost := uncovered(*image, next, w.Keeps); !u.how.DiscardRoot && !u.at.Begun() && (len(w.Keeps) == 0 || len(lost) > 0) {
		why := "no mount point keeps data, and its root file system is replaced as a whole"
		if len(lost) > 0 {
			why = "its image keeps data in " + strings.Join(lost, ", ") + ", which is no mount point, and the root file system is replaced as a whole"
		}
		return refuse(why, "to discard it: "+r.Command("update", name, "--discard-root"),
			"or keep it: create the container with --mount size=8,path="+firstOf(lost, "/data"))
	}
	declared, err := r.declared()
	if err != nil {
		return w, err
	}
	if err := CheckApplication(r.job, u.placement, r.host.SSH); err != nil {
		return w, err
	}
	for _, d := range declared {
		w.Services = append(w.Services, d.Name)
	}
	storage, _, _ := strings.Cut(pve.Properties(cfg.All["rootfs"])[""], ":")
	w.Steps = []plan.UpdateStep{
		{Before: true, Line: "pull " + next.Reference + " (" + w.To + ")"},
		{Before: true, Line: "unpack it into a container beside this one, and hand its root file system over on " + storage},
		{Line: "replace the root file system; the id, MAC, address and mount points stay, and the old one is kept until the new one is ready"},
	}
	return w, r.waysToSave(ctx, u.how.Save, &w)
}

// asked is the image that the container is asked to have now, whole, and the same with the
// digest that a lock file has for it: what its template or --image names, if that is of the
// same repository, else the image on record.
func (u *rootSwap) asked(was *lxc.Image) (asked, pinned string) {
	made, err := oci.Parse(was.Reference)
	for _, os := range u.want.OSChoices() {
		ref, wrong := oci.Parse(os)
		if err != nil || wrong != nil || !oci.Is(os) || ref.Repository() != made.Repository() {
			continue
		}
		whole, _ := oci.Parse(u.want.Pinned(os))
		return ref.String(), whole.String()
	}
	return was.Reference, was.Reference
}

// isPinned says why nothing is newer where the lock file has the digest that the container
// was made from. What the tag stands for now is looked up only to say so.
func (u *rootSwap) isPinned(ctx context.Context, was *lxc.Image, asked, pinned string) (string, error) {
	ref, err := oci.Parse(pinned)
	if err != nil {
		return "", err
	}
	if asked == pinned || ref.Digest != was.Digest || u.at.Begun() {
		return "", nil
	}
	moved, err := u.run.movedTo(ctx, asked, was.Digest)
	if err != nil {
		return "", err
	}
	says := "is the one that the lock file has"
	if moved != "" {
		says += fmt.Sprintf("; its tag stands for %s now, and is locked anew with: infrahaus template lock %s", oci.Short(moved), oci.Prefix+ref.Pinned("").Short())
	}
	return says, nil
}

// newest chooses a place for the second container, by which the registry is asked what the
// reference stands for now. An update that has begun stays with its digest.
func (u *rootSwap) newest(ctx context.Context, asked, pinned string) (lxc.Image, error) {
	r := u.run
	spec, wish := u.spec(), oci.Prefix+asked
	if asked != pinned {
		spec.Pins = map[string]string{wish: oci.Prefix + pinned}
	}
	if u.at.Begun() {
		ref, err := oci.Parse(u.at.Image.Reference)
		if err != nil {
			return u.at.Image, err
		}
		wish = oci.Prefix + ref.String()
		spec.Pins = map[string]string{wish: oci.Prefix + ref.Pinned(u.at.Image.Digest).String()}
	}
	spec.OSTemplate = wish
	var err error
	u.placement, err = r.host.PVE.Resolve(ctx, spec, WayOf(r.host.SSH))
	if err != nil {
		return lxc.Image{}, err
	}
	next := u.placement.Image
	if next == nil || next.Digest == "" {
		return lxc.Image{}, &exit.Failure{
			Status: exit.Unreachable, Message: fmt.Sprintf("cannot update %s: what %s stands for now cannot be found out", r.recorded.Hostname, asked),
			Tail: u.placement.Warnings, Hints: []string{"is its registry reachable from here? it is asked for the digest before anything is pulled"},
		}
	}
	if u.at.Begun() {
		next = &u.at.Image
	}
	return *next, nil
}

// same records the name by which the image is asked for now.
func (u *rootSwap) same(ctx context.Context) error {
	if u.run.recorded.Image.Reference == u.at.Image.Reference {
		return nil
	}
	return u.run.record.Update(ctx, func(c *lxc.Container) {
		if c.Image != nil {
			image := *c.Image
			image.Reference = u.at.Image.Reference
			c.Image = &image
		}
	})
}

// uncovered are the paths at which an image keeps data and that are on the root file system.
func uncovered(was, next lxc.Image, mounts []string) (paths []string) {
	for _, p := range slices.Concat(was.Volumes, next.Volumes) {
		p = strings.TrimRight(p, "/")
		covered := slices.ContainsFunc(mounts, func(m string) bool {
			m = strings.TrimRight(m, "/")
			return p == m || strings.HasPrefix(p, m+"/")
		})
		if !covered && p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

func firstOf(list []string, other string) string {
	if len(list) > 0 {
		return list[0]
	}
	return other
}
