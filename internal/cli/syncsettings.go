package cli

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
)

// resourceOptions are the flags of create that a sync takes, too. From then on they count as
// given: the next sync keeps them.
type resourceOptions struct{ spec specOptions }

func (o *resourceOptions) register(f *pflag.FlagSet) {
	o.spec.flags = f
	f.IntVar(&o.spec.cores, "cores", 0, "`number` of CPU cores, from now on")
	f.IntVar(&o.spec.memory, "memory", 0, "memory in `MiB`, from now on")
	f.IntVar(&o.spec.swap, "swap", 0, "swap in `MiB`, from now on")
	f.IntVar(&o.spec.disk, "disk", 0, "root disk in `GiB`, from now on; it only grows")
}

// apply makes the job's spec what the container is asked to be: the template as it is now,
// with what create and this sync were given.
func (o *resourceOptions) apply(m *catalogue.Remembered) error {
	m.FollowTemplate()
	spec, err := o.spec.apply(m.Spec)
	if err != nil || m.Given == nil {
		m.Spec = spec
		return err
	}
	given := &plan.Given{Flags: slices.Clone(m.Given.Flags), Tags: m.Given.Tags}
	for _, flag := range plan.GivenFlags() {
		if o.spec.flags.Changed(flag) && !slices.Contains(given.Flags, flag) {
			given.Flags = append(given.Flags, flag)
		}
	}
	m.Spec, m.Given = spec, given
	return nil
}

// given are the parts of a new container's spec that the command line says.
func (o *specOptions) given() *plan.Given {
	g := &plan.Given{Flags: []string{}, Tags: o.tags}
	for _, flag := range plan.GivenFlags() {
		if o.flags.Changed(flag) {
			g.Flags = append(g.Flags, flag)
		}
	}
	return g
}
