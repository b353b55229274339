package cli

import (
	"context"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

// resources are what a container was asked to have, in the units of a template.
type resources struct {
	Cores  int `json:"cores"`
	Memory int `json:"memory"` // MiB
	Swap   int `json:"swap"`   // MiB
	Disk   int `json:"disk"`   // GiB
}

// asked returns what a container was asked to have, and its variables. The resources are nil
// for an adopted container. Without the key, the variables are nil, and a note says why.
func (a *app) asked(ctx context.Context, c lxc.Container) (*resources, []catalogue.Variable, error) {
	record := a.recordOf(c)
	was, err := record.Asked(ctx, false)
	if err != nil || was == nil {
		return nil, []catalogue.Variable{}, err
	}
	s := was.Spec
	r := &resources{s.Cores, s.MemoryMiB, s.SwapMiB, s.DiskGiB}
	variables, err := record.Variables(ctx, func(ref string, known map[string]string) (*template.Template, error) {
		return a.lookTemplate(ctx, ref, lookUp{known: known, mode: fetch.Known, use: true})
	})
	if err != nil {
		if !a.global.quiet {
			a.note("the variables of " + c.Hostname + " are not shown: " + err.Error())
		}
		return r, nil, nil
	}
	return r, variables, nil
}

// askedLines are the same for people, as labels and values.
func (a *app) askedLines(ctx context.Context, c lxc.Container) (kv [][2]string, err error) {
	r, variables, err := a.asked(ctx, c)
	if err != nil || r == nil {
		return nil, err
	}
	kv = append(kv, [2]string{"resources", fmt.Sprintf("%s, %d MiB memory, %d MiB swap, %d GiB disk", counted(r.Cores, "core"), r.Memory, r.Swap, r.Disk)})
	for _, v := range variables {
		value := "***"
		if v.Value != nil {
			value = plan.ShownValue(*v.Value)
		}
		kv = append(kv, [2]string{"variable", fmt.Sprintf("%s = %s (%s)", v.Name, value, v.From)})
	}
	return kv, nil
}
