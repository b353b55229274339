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
		return a.passing(ctx, parsed, there)
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

// passing are the living records of the selected host that pass the filters.
func (a *app) passing(ctx context.Context, filters []filter, there bool) ([]lxc.Container, error) {
	if there {
		if _, err := a.hostName(); err != nil {
			return nil, err
		}
	}
	containers, hostID, err := a.recorded(ctx, asksFor(filters, "status", string(lxc.Destroyed)))
	if err != nil || len(containers) == 0 {
		return nil, err
	}
	var needs need
	for _, f := range filters {
		needs |= f.column.needs
	}
	list, err := a.listed(ctx, containers, hostID, needs)
	if err != nil {
		return nil, err
	}
	if needs&needProxmox != 0 {
		if err := a.checkSites(ctx, list); err != nil {
			return nil, err
		}
	}
	var out []lxc.Container
	for i, l := range list {
		if allHold(filters, l) {
			out = append(out, containers[i])
		}
	}
	return out, nil
}
