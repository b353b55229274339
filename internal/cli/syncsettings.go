package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// resourceOptions are the flags of create that a sync takes, too. From then on they count as
// given: the next sync keeps them.
type resourceOptions struct{ spec specOptions }

func (o *resourceOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	o.spec.flags, o.spec.parts.named = f, true
	f.IntVar(&o.spec.cores, "cores", 0, "`number` of CPU cores, from now on")
	f.IntVar(&o.spec.memory, "memory", 0, "memory in `MiB`, from now on")
	f.IntVar(&o.spec.swap, "swap", 0, "swap in `MiB`, from now on")
	f.IntVar(&o.spec.disk, "disk", 0, "root disk in `GiB`, from now on; it only grows")
	o.spec.registerLater(cmd)
}

// apply makes the job's spec what the container is asked to be: the template as it is now,
// with what create and this sync were given.
func (o *resourceOptions) apply(m *catalogue.Remembered) error {
	m.FollowTemplate()
	spec, err := o.spec.apply(m.Spec)
	if err == nil {
		err = pve.CheckSpec(spec)
	}
	if err != nil || m.Given == nil {
		m.Spec = spec
		return err
	}
	given := *m.Given
	given.Flags = slices.Clone(given.Flags)
	given.Tags = withTags(given.Tags, o.spec.tags)
	lists := given.Lists()
	for _, n := range o.spec.parts.lists.Interfaces {
		lists.SetInterface(n)
	}
	for _, p := range o.spec.parts.lists.Mounts {
		lists.SetMount(p)
	}
	for _, d := range o.spec.parts.lists.Devices {
		lists.SetDevice(d)
	}
	for flag, add := range map[string]func(){
		"net": func() { given.Interfaces = lists.Interfaces }, "mount": func() { given.Mounts = lists.Mounts }, "device": func() { given.Devices = lists.Devices },
	} {
		if !m.Given.AllOf(flag) {
			add()
		}
	}
	for _, flag := range plan.GivenFlags() {
		if o.spec.flags.Changed(flag) && !slices.Contains(given.Flags, flag) {
			given.Flags = append(given.Flags, flag)
		}
	}
	m.Spec, m.Given = spec, &given
	return nil
}

// given are the parts of a new container's spec that the command line says.
func (o *specOptions) given() *plan.Given {
	lists := o.parts.lists
	g := &plan.Given{Flags: []string{}, Tags: o.tags, Interfaces: lists.Interfaces, Mounts: lists.Mounts, Devices: lists.Devices}
	for _, flag := range plan.GivenFlags() {
		if o.flags.Changed(flag) {
			g.Flags = append(g.Flags, flag)
		}
	}
	return g
}
