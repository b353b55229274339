package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/fleet"
)

// fleetOf makes a command for several containers take a fleet file, too.
func (a *app) fleetOf(cmd *cobra.Command, m *many, verb fleet.Verb, allowed ...string) *cobra.Command {
	limits := &manyCreates{flags: cmd.Flags(), perNode: createsAtOnce}
	limits.registerFleet(cmd)
	cmd.Flags().BoolVar(&limits.failFast, "fail-fast", false, "of several containers: begin with no further one after one has failed")
	cmd.Use += " | -f FLEET"
	cmd.Args = fleetArgs(cmd.Args)
	several := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m.failFast = limits.failFast
		if limits.file == "" {
			return several(cmd, args)
		}
		limits.parallel = m.parallel
		r, err := newFleetRun(cmd, a, limits, verb, allowed...)
		if err != nil {
			return err
		}
		if verb == fleet.Destroy {
			return r.destroy(cmd, m)
		}
		return r.sync(cmd, m)
	}
	return cmd
}

// sync is sync -f: the containers of the file that are there become what it says.
func (r *fleetRun) sync(cmd *cobra.Command, m *many) error {
	if err := r.find(cmd.Context()); err != nil {
		return err
	}
	r.enroll(map[fleet.Action]string{fleet.Apply: "synced"})
	r.crew.resume = ""
	r.missing()
	r.strays()
	flags := changed(cmd.Flags())
	r.exitCode = flagGiven(cmd.Flags(), "exit-code")
	return r.crew.run(cmd.Context(), func(ctx context.Context, b *app, i int, _ func()) error {
		s := r.plan.Steps[i]
		if s.Action != fleet.Apply {
			return r.leave(ctx, b, &s)
		}
		own := m.make(b)
		b.junit = r.app.junit
		copyFlags(own.Flags(), flags)
		for _, set := range s.Settings {
			if f := own.Flags().Lookup(set.Flag); f == nil || f.Changed && f.Value.Type() != "stringArray" {
				continue // it cannot be changed any more, or the command line says otherwise
			}
			if err := own.Flags().Set(set.Flag, set.Value); err != nil {
				return usagef("%s: --%s: %w", s.Where, set.Flag, err)
			}
		}
		own.SetContext(ctx)
		return own.RunE(own, []string{s.Record.ID})
	})
}

// destroy is destroy -f: what needs another container goes before that one.
func (r *fleetRun) destroy(cmd *cobra.Command, m *many) error {
	ctx := cmd.Context()
	if err := r.find(ctx); err != nil {
		return err
	}
	r.enroll(map[fleet.Action]string{fleet.Remove: "destroyed"})
	r.crew.resume = ""
	r.strays()
	flags := changed(cmd.Flags())
	if err := r.askDestroy(ctx, cmd); err != nil {
		return err
	}
	return r.crew.run(ctx, func(ctx context.Context, b *app, i int, _ func()) error {
		s := r.plan.Steps[i]
		if s.Action != fleet.Remove {
			return r.leave(ctx, b, &s)
		}
		own := m.make(b)
		copyFlags(own.Flags(), flags)
		_ = own.Flags().Set("yes", "true")
		own.SetContext(ctx)
		return own.RunE(own, []string{s.Record.ID})
	})
}

// find looks and decides, for a command on containers that are there. It opens the catalogue
// if there is one.
func (r *fleetRun) find(ctx context.Context) error {
	there, err := r.app.lookInto(ctx)
	if err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if !there { // nothing is on record: every container is missing
		return nil
	}
	_, _, err = r.app.catalogue(ctx)
	return err
}

// askDestroy asks once for all containers.
func (r *fleetRun) askDestroy(ctx context.Context, cmd *cobra.Command) error {
	var names []string
	for _, s := range r.plan.Steps {
		if s.Action == fleet.Remove {
			names = append(names, strings.TrimSpace(ctidText(s.Record.CTID)+" ("+s.Name+")"))
		}
	}
	if len(names) == 0 {
		return nil
	}
	yes := flagGiven(cmd.Flags(), "yes")
	return r.app.confirm(ctx, yes, fmt.Sprintf("Destroy fleet %s, %s and their disks: %s?", r.file.Name, counted(len(names), "container"), strings.Join(names, ", ")))
}

func flagGiven(set *pflag.FlagSet, name string) bool {
	f := set.Lookup(name)
	return f != nil && f.Value.String() == "true"
}
