package cli

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/bake"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/oci"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// bakeOptions are the flags of `template bake`.
type bakeOptions struct {
	app          *app
	spec         specOptions
	imageStorage string
	anew, plan   bool

	ref string
}

func newTemplateBakeCmd(a *app) *cobra.Command {
	o := &bakeOptions{app: a}
	cmd := &cobra.Command{
		Use:   "bake <template>",
		Short: "Make an OS template with a template's packages in it, for faster creates",
		Long: `Make an OS template that has a template's packages in it already. A container is created
with the template's repositories and packages, its files and scripts of "stage: image" are
applied, and what containers must not share is removed: machine id, host keys, the packages'
own keys, ids and databases, logs and caches. Its root file system is packed and stored on the
node as an OS template, named by the digest of what went in, and the container is destroyed.

From then on, create uses the image by itself, unless --no-bake is given: as long as the
template and its OS template are as they were, and the image is not older than the template's
maxAge (30 days). What is made for one container alone is made at its first start.

An image that is there and current is left. What an interrupted bake has left is removed by
the next one. The login needs Datastore.AllocateTemplate on the image's storage.` + exitStatuses(0, 1, 2, 3, 4, 5, 130, 143),
		Example: `  infrahaus template bake nginx
  infrahaus template bake ./blog --node pve2 --image-storage nfs
  infrahaus template bake nginx --anew`,
		Args: exactArgs("one template"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ref = args[0]
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	o.spec.flags = f
	f.StringVar(&o.spec.node, "node", "", "the Proxmox node of this `name`")
	f.StringVar(&o.spec.storage, "storage", "", "the storage of the container's disk, by `name`")
	f.StringVar(&o.imageStorage, "image-storage", "", "the storage of the image, by `name` (content vztmpl)")
	f.StringVar(&o.spec.bridge, "bridge", "", "the bridge of the container, by `name`")
	f.IntVar(&o.spec.vlan, "vlan", 0, "its VLAN `tag`, 1 to 4094")
	f.StringVar(&o.spec.ip, "ip", "", "its IPv4: dhcp, or `CIDR[,gateway]`")
	f.StringArrayVar(&o.spec.nameservers, "nameserver", nil, "a DNS server's `address`; may be repeated")
	f.StringVar(&o.spec.parts.os, "os", "", "the OS `template`, instead of the template's: a prefix such as debian-13, or a volume")
	f.BoolVar(&o.anew, "anew", false, "make the image again, although there is one")
	f.BoolVar(&o.plan, "plan", false, "show what would happen and touch nothing")
	a.lockedFlag(f)
	cmd.ValidArgsFunction = a.completeTemplates
	return cmd
}

// baking is a bake that has passed every check.
type baking struct {
	prepared
	template *template.Template
	storage  string // of the image
}

func (o *bakeOptions) run(ctx context.Context) error {
	a := o.app
	b, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	there, err := o.there(ctx, b)
	if err != nil {
		return err
	}
	if o.plan {
		return o.showPlan(b, there)
	}
	left, err := o.left(ctx, b.job.Spec.Hostname)
	if err != nil {
		return err
	}
	if left != nil {
		if err := o.remove(ctx, b, *left); err != nil {
			return err
		}
	}
	if there != nil {
		a.say("the image is there and current")
		return o.show(ctx, b, there.VolID)
	}
	return o.make(ctx, b)
}

// prepare makes every check that comes before the first change.
func (o *bakeOptions) prepare(ctx context.Context) (b baking, err error) {
	a := o.app
	if _, err := a.config(); err != nil {
		return b, err
	}
	if b.template, err = a.lookTemplate(ctx, o.ref, lookUp{use: true}); err != nil {
		return b, err
	}
	image := b.template.ForImage()
	spec, err := o.spec.apply(image.Spec())
	if err != nil {
		return b, err
	}
	switch {
	case image.Legacy:
		return b, usagef("cannot bake %s: it is a template.conf", image.Name).hint("%s", a.command("template", "import", o.ref, image.Name))
	case !b.template.Bakeable():
		return b, usagef("cannot bake %s: it has neither packages nor scripts with stage: image, so that an image would save nothing", image.Name)
	case slices.ContainsFunc(spec.OSChoices(), oci.Is):
		return b, usagef("cannot bake %s: it is made from an OCI image, which has its programs already", image.Name)
	}
	label := strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9-]+`).ReplaceAllString(image.Name, "-"), "-")
	spec.Hostname, spec.Tags, spec.Description = strings.ToLower(fmt.Sprintf("bake-%.50s", label)), nil, "An image is made of template "+image.Name
	if err := pve.CheckSpec(spec); err != nil {
		return b, err
	}
	values, err := image.Resolve(nil, nil)
	if err != nil {
		return b, err
	}
	b.job = plan.Job{Spec: spec, Template: image, Values: values, Password: vault.Password(), NoBake: true, Given: o.spec.given()}
	if b.prepared, err = (&createOptions{app: a}).preflight(ctx, b.job); err != nil {
		return b, err
	}
	if err := a.mayKeep(); err != nil {
		return b, err
	}
	p := b.placement
	if b.storage, err = b.place.pve.ArchiveStorage(ctx, p.Node, o.imageStorage); err != nil {
		return b, err
	}
	b.job.Bake = &plan.Bake{Storage: b.storage}
	if p.Template.Download {
		return b, nil
	}
	os, err := b.place.pve.FindArchive(ctx, p.Node, p.Template.VolID)
	if err != nil {
		return b, err
	}
	from := bake.OS{Name: os.Name, Size: os.Size}
	b.job.Bake.Name = bake.Name(image.Name, bake.Digest(b.template, from), from)
	return b, nil
}

// there is the current image on the node; nil if it has to be made.
func (o *bakeOptions) there(ctx context.Context, b baking) (*pve.Archive, error) {
	if o.anew || b.job.Bake.Name == "" {
		return nil, nil
	}
	list, err := b.place.pve.Baked(ctx, b.placement.Node)
	for _, image := range list {
		if image.Name == b.job.Bake.Name && (o.imageStorage == "" || image.Storage == b.storage) && time.Since(image.Made.Time) < b.template.MaxAge {
			return &image, nil
		}
	}
	return nil, err
}

// showPlan prints what a bake would do.
func (o *bakeOptions) showPlan(b baking, there *pve.Archive) error {
	a := o.app
	b.job.Spec = b.place.defaults(b.job.Spec)
	steps, err := provision.Plan(b.job, b.placement, b.place.ssh)
	if err != nil {
		return err
	}
	for i := range steps {
		if there != nil {
			steps[i].Does = []string{"nothing: " + there.VolID + " is there and current"}
		}
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, planDocument{Template: b.job.Template.Name, Host: b.place.name, Spec: b.job.Spec, Placement: b.placement, Steps: steps})
	}
	return a.printPlan(steps)
}

// left is the container of an earlier bake of the template; nil: there is none.
func (o *bakeOptions) left(ctx context.Context, hostname string) (*lxc.Container, error) {
	a := o.app
	host, err := a.hostName()
	if err != nil {
		return nil, err
	}
	hostID, err := a.hostBefore(ctx, host)
	if err != nil || hostID == "" || a.store == nil {
		return nil, err
	}
	c, err := a.store.Named(ctx, hostID, hostname)
	if c != nil {
		c.Host = host
	}
	return c, err
}

// remove destroys what an earlier bake has left. If that one still runs in another process, it
// is refused.
func (o *bakeOptions) remove(ctx context.Context, b baking, c lxc.Container) error {
	a := o.app
	if bakes, err := a.recordOf(c).Bakes(ctx); err != nil || !bakes {
		if err == nil {
			err = &store.NameTaken{Existing: c}
		}
		return err
	}
	a.say("removing what an earlier bake has left: " + c.Hostname)
	display := &lastEvent{waits: a.longWaits()}
	err := a.perform(ctx, c, request{
		verb: "destroy", at: b.place, display: display,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			return provision.Result{}, (&destroyOptions{app: a}).remove(ctx, s, c)
		},
		show: func(context.Context, *session, lxc.Container) error { return nil },
	})
	return display.told(a, err)
}

// make records the container and makes the image.
func (o *bakeOptions) make(ctx context.Context, b baking) error {
	a := o.app
	c, err := a.record(ctx, b.place, b.job, "")
	if err != nil {
		return err
	}
	image := ""
	return a.perform(ctx, c, request{
		verb: "bake", at: b.place,
		do: func(ctx context.Context, s *session) (res provision.Result, err error) {
			res, image, err = s.run.Bake(ctx, provision.BakeRequest{
				Template: b.template, Job: b.job, Placement: b.placement, Storage: b.storage, TempDir: a.cfg.Paths.StateDir,
			})
			return res, err
		},
		show: func(ctx context.Context, _ *session, _ lxc.Container) error {
			if a.global.json { // the last event says it
				return nil
			}
			return o.show(ctx, b, image)
		},
	})
}

// show prints the image.
func (o *bakeOptions) show(ctx context.Context, b baking, volID string) error {
	image, err := b.place.pve.FindArchive(ctx, b.placement.Node, volID)
	if err != nil {
		return err
	}
	parts, _ := bake.Parse(image.Name)
	row := imageRow{Archive: image, Template: b.template.Name, Digest: parts.Digest, OS: parts.OS, State: imageCurrent}
	if o.app.global.json {
		return ui.WriteJSON(o.app.streams, row)
	}
	if o.app.global.quiet {
		return nil
	}
	return ui.WriteTable(o.app.streams, imageTable([]imageRow{row}))
}
