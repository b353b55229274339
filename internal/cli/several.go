package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// anyArgs allows any number of arguments that are not empty.
func anyArgs(what string) cobra.PositionalArgs { return rangeArgs(0, 1<<20, what) }

// someArgs is anyArgs for a command that needs one argument or --filter.
func someArgs(what string) cobra.PositionalArgs {
	any := anyArgs(what)
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && !cmd.Flags().Changed("filter") && !asksAll(cmd) {
			return rangeArgs(1, 1<<20, what+", or --filter")(cmd, args)
		}
		return any(cmd, args)
	}
}

// chosen resolves containers on record: those that are named, or all living ones of the
// selected host that pass the filters. Every name is resolved before the caller does
// anything. there is for commands that also use the host (see findThere).
func (a *app) chosen(ctx context.Context, refs, filters []string, there bool) ([]lxc.Container, error) {
	parsed, err := parseFilters(filters)
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		list, err := a.passing(ctx, parsed, there, 0)
		return containersOf(list), err
	}
	if len(parsed) > 0 {
		return nil, usagef("names of containers and --filter exclude each other")
	}
	var out []lxc.Container
	seen := map[string]bool{}
	for _, ref := range refs {
		find := a.find
		if there {
			find = a.findThere
		}
		c, err := find(ctx, ref)
		if err != nil {
			return nil, err
		}
		if !seen[c.RecordID] {
			out = append(out, c)
		}
		seen[c.RecordID] = true
	}
	return out, nil
}

// passing are the living records of the selected host that pass the filters, with what they
// and the caller need of them.
func (a *app) passing(ctx context.Context, filters []filter, there bool, needs need) ([]listed, error) {
	if there {
		if _, err := a.hostName(); err != nil {
			return nil, err
		}
	}
	for _, f := range filters {
		needs |= f.column.needs
	}
	rows, err := a.listing(ctx, asksFor(filters, "status", string(lxc.Destroyed)), needs)
	if err != nil {
		return nil, err
	}
	if needs&needProxmox != 0 {
		list, err := collect(rows)
		if err == nil && len(list) > 0 {
			err = a.checkSites(ctx, list)
		}
		if err != nil {
			return nil, err
		}
		rows = all(list)
	}
	var out []listed
	for l, err := range rows {
		if err != nil {
			return nil, err
		}
		if allHold(filters, l) {
			out = append(out, l)
		}
	}
	return out, nil
}

func containersOf(list []listed) []lxc.Container {
	out := make([]lxc.Container, len(list))
	for i, l := range list {
		out[i] = l.Container
	}
	return out
}
