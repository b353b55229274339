package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/infrahaus/infrahaus/internal/bake"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/provision/outcome"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/transports"
)

// BakeRequest asks for an image of a template.
type BakeRequest struct {
	Template  *template.Template // whole; the job has its image part
	Job       plan.Job
	Placement *pve.Placement
	Storage   string // of the image
	TempDir   string // where the archive lies until it is uploaded
}

// BakedWish is the image that a create of a job would use; nil: none. bakeCommand is for hints.
func BakedWish(job plan.Job, bakeCommand string) *pve.BakedWish {
	t := job.Template
	if job.NoBake || t.Legacy || !t.Bakeable() || oci.Is(job.Spec.OSTemplate) {
		return nil
	}
	w := &pve.BakedWish{Like: bake.Like(t.Name), MaxAge: t.MaxAge, Bake: bakeCommand, Name: func(name string, size int64) string {
		os := bake.OS{Name: name, Size: size}
		return bake.Name(t.Name, bake.Digest(t, os), os)
	}}
	switch {
	case len(job.Spec.Mounts) > 0:
		w.Not = "a mount point would hide what its packages have put there"
	case job.Spec.Unprivileged != t.Unprivileged:
		w.Not = "its packages were installed in a container of the other kind, privileged or not"
	case job.Spec.OSType == lxc.Unmanaged:
		w.Not = "Proxmox sets up nothing in an unmanaged container"
	}
	return w
}

// Bake makes an image: it creates a container from the template's image part, cleans and packs
// it, stores the archive on the node as an OS template, and destroys the container, also after
// a failure. It ends with a complete or an error event.
// It returns the volume of the image.
func (r *Run) Bake(ctx context.Context, q BakeRequest) (Result, string, error) {
	r.verb, r.changing, r.phase = plan.Create, true, Phases[0]
	r.placement, r.destroyOnFailure, r.baking = q.Placement, true, &q
	r.take(q.Job)
	err := r.record.SaveJob(ctx, r.job)
	if err == nil {
		last := len(Phases) - 1
		phases := append(Phases[:last:last], Phase{event.Finalizing, "Pack", Phases[last].From, Phases[last].To, (*Run).pack})
		err = r.perform(ctx, phases)
	}
	res, err := r.end(ctx, err)
	return res, r.baked, err
}

// pack cleans the container, stores its root file system as an OS template, and destroys it.
func (r *Run) pack(ctx context.Context) error {
	if err := r.step(r.phase.From, "Removing what containers must not share"); err != nil {
		return err
	}
	os, err := r.osArchive(ctx)
	if err != nil {
		return err
	}
	digest := bake.Digest(r.baking.Template, os)
	name := bake.Name(r.baking.Template.Name, digest, os)
	if err := r.prepareImage(ctx); err != nil {
		return err
	}
	if err := r.store(ctx, name); err != nil {
		return err
	}
	if err := r.step(r.phase.To, "Destroying the container"); err != nil {
		return err
	}
	r.closeGuest()
	r.guest = nil
	if err := r.remove(ctx, r.placement.Node, 0); err != nil {
		return err
	}
	r.exists(outcome.Destroyed)
	r.baked = r.baking.Storage + ":vztmpl/" + name
	return nil
}

// osArchive is the OS template that the container was made from, as the storage lists it.
func (r *Run) osArchive(ctx context.Context) (bake.OS, error) {
	a, err := r.host.PVE.FindArchive(ctx, r.placement.Node, r.placement.Template.VolID)
	return bake.OS{Name: a.Name, Size: a.Size}, err
}

// prepareImage removes from the running container what must not be in an image.
func (r *Run) prepareImage(ctx context.Context) error {
	defer r.wait("the container to be cleaned", 0)()
	var late []string
	for _, f := range r.baking.Template.Files {
		if f.Stage != template.StageImage && f.Policy != template.Replace {
			late = append(late, f.Target)
		}
	}
	var said bounded
	said.limit = 8 << 10
	status, err := r.guest.Run(ctx, guest.Cmd{Label: "clean the container", Script: bake.PrepareScript(late), Stdout: &said, Stderr: &said})
	if err != nil || status == 0 {
		return err
	}
	f := &exit.Failure{Status: exit.Guest, Message: fmt.Sprintf("cannot clean the container for an image: exit status %d", status), Tail: splitLines(r.Bus.Redact(said.String()))}
	if status == bake.Leftovers {
		f.Message = "cannot make an image: it would have private keys that all containers share"
		f.Hints = []string{"make them in a script without stage: image"}
	}
	return f
}

// store packs the container and puts the archive on the storage. A container that is reached
// through its node is packed there, if the storage is a folder of the node: then the archive does
// not travel to this machine and back.
func (r *Run) store(ctx context.Context, name string) error {
	if err := r.step(r.phase.From+2, "Packing the root file system"); err != nil {
		return err
	}
	if r.guest.Transport() != transports.Node || r.nodeSSH() == nil {
		return r.storeByUpload(ctx, name)
	}
	err := r.storeOnNode(ctx, name)
	var not *guest.NotOnNode
	if errors.As(err, &not) {
		r.say("The image goes by way of this machine: " + not.Error())
		return r.storeByUpload(ctx, name)
	}
	return err
}

// storeOnNode has the node pack the container into the folder of the storage.
func (r *Run) storeOnNode(ctx context.Context, name string) error {
	done := r.wait("the node to pack the root file system", 0)
	size, err := r.host.SSH.At(r.placement.Node).PackOnNode(ctx, r.ctid, guest.NodeArchive{
		VolID: r.baking.Storage + ":vztmpl/" + name, Script: bake.PackScript, Whole: bake.Packed,
	})
	done()
	if err != nil {
		return err
	}
	r.say(fmt.Sprintf("The node has put %s on %s (%d MiB)", name, r.baking.Storage, size>>20))
	return r.verifyImage(ctx, name, size)
}

// storeByUpload fetches the archive through the transport and uploads it by the API.
func (r *Run) storeByUpload(ctx context.Context, name string) error {
	file, err := os.CreateTemp(r.baking.TempDir, "image-*.tar.gz")
	if err != nil {
		return &exit.Failure{Status: exit.Other, Message: "cannot make a file for the image: " + err.Error(), Err: err}
	}
	defer os.Remove(file.Name())
	defer file.Close()
	_ = os.Remove(file.Name()) // a killed process leaves nothing then, where the system allows it
	sum, count := sha256.New(), &counter{}
	done := r.wait("the archive of the root file system", 0)
	var said bounded
	said.limit = 8 << 10
	status, err := r.guest.Run(ctx, guest.Cmd{Label: "pack the root file system", Script: bake.PackScript, Stdout: io.MultiWriter(file, sum, count), Stderr: &said})
	done()
	switch {
	case err != nil:
		return err
	case status != 0 || !strings.Contains(said.String(), bake.Packed):
		return &exit.Failure{Status: exit.Guest, Message: "cannot pack the root file system", Tail: splitLines(r.Bus.Redact(said.String()))}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := r.step(r.phase.From+4, fmt.Sprintf("Uploading %s to %s (%d MiB)", name, r.baking.Storage, count.n>>20)); err != nil {
		return err
	}
	defer r.wait("the upload", 0)()
	err = r.host.PVE.UploadArchive(ctx, pve.Upload{
		Node: r.placement.Node, Storage: r.baking.Storage, Name: name, Size: count.n, SHA256: hex.EncodeToString(sum.Sum(nil)), Body: file,
	}, r.watch())
	if err != nil {
		return err
	}
	return r.verifyImage(ctx, name, count.n)
}

// verifyImage compares what the storage lists with what was packed.
func (r *Run) verifyImage(ctx context.Context, name string, size int64) error {
	a, err := r.host.PVE.FindArchive(ctx, r.placement.Node, r.baking.Storage+":vztmpl/"+name)
	if err != nil {
		return err
	}
	if a.Size != size {
		err := fmt.Errorf("the storage has %d bytes of %s, and %d were packed", a.Size, name, size)
		return errors.Join(err, r.host.PVE.RemoveArchive(ctx, a))
	}
	return nil
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) { c.n += int64(len(b)); return len(b), nil }

// fromImage records, once a container was made from a baked image, that the scripts of the image
// are done.
func (r *Run) fromImage(ctx context.Context) error {
	if r.placement.Baked == nil {
		return nil
	}
	for _, s := range r.job.Scripts() {
		if s.Stage != template.StageImage {
			continue
		}
		d := plan.Detail{SHA256: r.job.ScriptSHA(s.Name), Image: r.placement.Baked.VolID}
		if err := r.mark(ctx, event.Syncing, s.Name, plan.Done, d); err != nil {
			return err
		}
	}
	return nil
}
