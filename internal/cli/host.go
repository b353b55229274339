package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func newHostCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "host",
		Short: "The Proxmox hosts that are known",
		Long: `The Proxmox hosts that the config, the environment or the catalogue know. Nothing is
asked of a host, except by remove --revoke.` + exitStatuses(0, 2),
		Args: noArgs,
		RunE: helpOnly,
	}
	cmd.AddCommand(newHostListCmd(a), newHostShowCmd(a), newHostRenameCmd(a), newHostRemoveCmd(a))
	return cmd
}

func newHostListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the hosts that are known",
		Long: `List the hosts that are known. In a pipe each is a row: name, URL, where it is known
from (config, environment, sandbox, or catalogue alone), "default" if commands without
--host use it, node, and the number of containers on record that are not destroyed.` + exitStatuses(0, 1, 2),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listHosts(cmd.Context()) },
	}
}

func newHostShowCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show <name>",
		Short: "Show what is known of a host",
		Long: `Show the settings of a host and what is on record of it. No secret is looked up or
shown.` + exitStatuses(0, 1, 2),
		Args: exactArgs("the name of a host"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.showHost(cmd.Context(), args[0]) },
	}
	cmd.ValidArgsFunction = a.completeHostNames
	return cmd
}

// inCatalogue is where a host is known from that only the records name.
const inCatalogue = "catalogue"

// knownHost is a host in the settings, on record, or both.
type knownHost struct {
	config.Known
	ID         string `json:"hostId,omitempty"` // on record
	Containers int    `json:"containers"`       // on record, without destroyed ones
	LastShown  string `json:"lastShownCertificate,omitempty"`

	recorded string   // its name on record
	others   []string // other names in the settings for the same host
}

// knownHosts are all hosts of the settings, and those that only the catalogue has.
func (a *app) knownHosts(ctx context.Context) ([]knownHost, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	there, err := a.lookInto(ctx)
	if err != nil {
		return nil, err
	}
	var all store.Hosts
	counts := map[string]int{}
	if there {
		if all, err = a.store.Hosts(ctx); err != nil {
			return nil, err
		}
		containers, err := a.store.Containers(ctx, store.Filter{})
		if err != nil {
			return nil, err
		}
		for _, c := range containers {
			counts[c.HostID]++
		}
	}
	var out []knownHost
	seen := map[string]bool{}
	for _, k := range cfg.Known() {
		h := knownHost{Known: k}
		if on, ok := all.ByID(all.Match(a.facts(k.Name)).ID); ok {
			seen[on.ID] = true
			h.ID, h.Containers, h.LastShown, h.recorded = on.ID, counts[on.ID], on.Certificate(), on.Name
		}
		out = append(out, h)
	}
	for _, on := range all {
		if !seen[on.ID] {
			out = append(out, knownHost{Known: config.Known{Name: on.Name, From: inCatalogue}, ID: on.ID, Containers: counts[on.ID], LastShown: on.Certificate(), recorded: on.Name})
		}
	}
	for i := range out {
		for j := range out {
			if i != j && out[i].ID != "" && out[i].ID == out[j].ID && out[j].From != config.IsSandbox {
				out[i].others = append(out[i].others, out[j].Name)
			}
		}
	}
	return out, nil
}

func (a *app) listHosts(ctx context.Context) error {
	all, err := a.knownHosts(ctx)
	if err != nil {
		return err
	}
	// A record of a destroyed container is history.
	all = slices.DeleteFunc(all, func(h knownHost) bool { return h.From == inCatalogue && h.Containers == 0 })
	if a.global.json {
		return ui.WriteJSON(a.streams, all)
	}
	t := ui.Table{Columns: []ui.Column{
		{Title: "NAME", Keep: true}, {Title: "URL"}, {Title: "FROM", Drop: 2}, {Title: "DEFAULT", Drop: 1}, {Title: "NODE", Drop: 3}, {Title: "CONTAINERS", Right: true},
	}}
	for _, h := range all {
		preset := ""
		if h.Default {
			preset = "default"
		}
		t.Rows = append(t.Rows, []string{h.Name, h.URL, h.From, preset, h.Node, strconv.Itoa(h.Containers)})
	}
	return ui.WriteTable(a.streams, t)
}

// findHost finds a known host by its name.
func (a *app) findHost(ctx context.Context, name string) (knownHost, error) {
	all, err := a.knownHosts(ctx)
	if err != nil {
		return knownHost{}, err
	}
	if i := slices.IndexFunc(all, func(h knownHost) bool { return h.Name == name }); i >= 0 {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i, h := range all {
		names[i] = h.Name
	}
	return knownHost{}, usagef("cannot find host %q", name).hint("known: %s", strings.Join(names, ", "))
}

func (a *app) showHost(ctx context.Context, name string) error {
	h, err := a.findHost(ctx, name)
	if err != nil {
		return err
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, h)
	}
	rows := [][2]string{
		{"name", h.Name}, {"from", h.From}, {"url", h.URL}, {"login", h.Login}, {"fingerprint", h.Fingerprint}, {"ca file", h.CAFile},
		{"certificates", ""}, {"node", h.Node}, {"storage", h.Storage}, {"bridge", h.Bridge}, {"transport", h.Transport}, {"ssh to the node", h.SSHNode},
		{"token made by init", h.MadeToken}, {"last certificate", h.LastShown}, {"containers", strconv.Itoa(h.Containers)},
	}
	if h.Insecure {
		rows[6][1] = "not verified (insecure: true)"
	}
	t := ui.Table{Columns: []ui.Column{{Title: "", Keep: true}, {Title: "", Keep: true}}}
	for _, r := range rows {
		if r[1] != "" {
			t.Rows = append(t.Rows, r[:])
		}
	}
	return ui.WriteTable(a.streams, t)
}

// completeHostNames completes the first argument by the hosts of the settings.
func (a *app) completeHostNames(cmd *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeHosts(cmd, args, to)
}
