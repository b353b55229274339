package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/placement"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Completion runs while somebody types. It makes no file but its own cache (and SQLite's own
// beside a database), writes to no database, runs no token_command, and prints nothing. Where something is missing or slow,
// it offers less.

// completionDeadline is the time for all questions over a network. With the start of the
// process it stays below 150 ms, after which typing feels slow. Local files take a few
// milliseconds, and are read without a deadline.
const completionDeadline = 100 * time.Millisecond

// complete is a completion of one word: cmd is the command with its flags read, args the
// arguments before the word.
type complete func(ctx context.Context, p *peeker, cmd *cobra.Command, args []string) []string

// peeker answers the questions of one completion.
type peeker struct {
	app   *app
	cfg   *config.Config
	store *store.Store // nil: there is no catalogue
}

// completeTree registers completions for the whole tree, by the names of flags and by the
// word for the first argument, so that a new command has them without asking.
func (a *app) completeTree(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() && len(cmd.ValidArgs) == 0 {
		words := strings.Fields(cmd.Use)
		switch first := strings.Trim(strings.Join(words[1:min(2, len(words))], ""), "[]<>.…"); {
		case strings.EqualFold(first, "container"):
			cmd.ValidArgsFunction = a.completeContainers
		case strings.EqualFold(first, "host"):
			cmd.ValidArgsFunction = a.completeHosts
		case strings.EqualFold(first, "template"):
			cmd.ValidArgsFunction = a.completeTemplates
		case len(words) == 1:
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	flags := map[string]complete{
		"node": func(ctx context.Context, p *peeker, _ *cobra.Command, _ []string) []string {
			return append(p.places(ctx, "").Nodes, placement.Auto)
		},
		"storage": func(ctx context.Context, p *peeker, cmd *cobra.Command, _ []string) []string {
			return p.places(ctx, flagText(cmd, "node")).Storages
		},
		"bridge": func(ctx context.Context, p *peeker, cmd *cobra.Command, _ []string) []string {
			return p.places(ctx, flagText(cmd, "node")).Bridges
		},
		"pool": func(ctx context.Context, p *peeker, cmd *cobra.Command, _ []string) []string {
			return p.places(ctx, flagText(cmd, "node")).Pools
		},
		"script":      scriptNames,
		"skip-script": scriptNames,
		"from":        fromNames,
		"service":     foundServices,
		"unit":        foundServices,
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Name == "set":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, a.completeVariables(cobra.ShellCompDirectiveNoFileComp))
		case f.Name == "set-file":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, a.completeVariables(cobra.ShellCompDirectiveDefault))
		case f.Name == "os":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, a.completeOS)
		case flags[f.Name] != nil:
			_ = cmd.RegisterFlagCompletionFunc(f.Name, a.completion(flags[f.Name]))
		case f.Value.Type() != "bool" && !takesPath(f):
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	})
	for _, sub := range cmd.Commands() {
		a.completeTree(sub)
	}
}

// takesPath reports that files complete a flag's value.
func takesPath(f *pflag.Flag) bool {
	name, usage := pflag.UnquoteUsage(f)
	for _, word := range []string{"file", "folder", "path", "dir"} {
		if strings.Contains(f.Name, word) || strings.Contains(name, word) || strings.Contains(usage, " "+word) {
			return true
		}
	}
	return false
}

func flagText(cmd *cobra.Command, name string) string {
	if f := cmd.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// completion makes cobra's function of ours.
func (a *app) completion(find complete) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		a.peek(func(ctx context.Context, p *peeker) { names = find(ctx, p, cmd, args) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// peek opens what a completion may look at, and closes it again.
func (a *app) peek(look func(context.Context, *peeker)) {
	ctx := context.Background()
	host := a.global.host
	if a.global.sandbox {
		host = config.SandboxHost
	}
	cfg, err := config.Load(config.Overrides{ConfigFile: homePath(a.global.configFile), StateDir: homePath(a.global.stateDir), Host: host})
	if err != nil {
		return
	}
	a.cfg = cfg
	p := &peeker{app: a, cfg: cfg}
	if at := placeOf(cfg); at.URL != "" || store.Exists(at.Dir) {
		if s, err := store.Peek(ctx, at); err == nil {
			p.store, a.store = s, s
			defer func() { s.Close(); a.store = nil }()
		}
	}
	look(ctx, p)
}

// completeContainers offers the containers on record, except those that are given already.
// After the first argument it offers more only to a command that takes several.
func (a *app) completeContainers(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && !strings.Contains(cmd.Use, "...") && !strings.Contains(cmd.Use, "…") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	a.peek(func(ctx context.Context, p *peeker) {
		for _, c := range p.containers(ctx) {
			if !slices.Contains(args, c.Hostname) {
				names = append(names, cobra.CompletionWithDesc(c.Hostname, strings.Trim(c.Template+", "+c.Condition(), ", ")))
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeTemplates offers the templates of the catalogue, and folders.
func (a *app) completeTemplates(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	a.peek(func(ctx context.Context, p *peeker) {
		for _, e := range template.List(a.templateSources(ctx, lookUp{mode: fetch.Local})) {
			names = append(names, cobra.CompletionWithDesc(e.Name, e.Description))
		}
	})
	return names, cobra.ShellCompDirectiveDefault
}

// completeOS offers OS templates, also after a comma.
func (a *app) completeOS(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	before := word[:strings.LastIndexByte(word, ',')+1]
	var names []string
	a.peek(func(ctx context.Context, p *peeker) {
		for _, name := range p.osNames(ctx, flagText(cmd, "node")) {
			if !strings.Contains(","+before, ","+name+",") {
				names = append(names, before+name)
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeHosts offers the hosts of the config and the sandbox.
func (a *app) completeHosts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	a.peek(func(_ context.Context, p *peeker) {
		for _, name := range append(p.cfg.HostNames(), config.SandboxHost) {
			if !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// containers are those of the selected host, or of every host if none is selected.
func (p *peeker) containers(ctx context.Context) []lxc.Container {
	if p.store == nil {
		return nil
	}
	var filter store.Filter
	if name := p.cfg.HostName(); name != "" {
		all, err := p.store.Hosts(ctx)
		if err != nil {
			return nil
		}
		if h, ok := all.Called(name); ok && !p.cfg.Calls(name) {
			filter.HostID = h.ID
		} else {
			filter.HostID = all.Match(p.app.facts(name)).ID
		}
		if filter.HostID == "" {
			return nil
		}
	}
	list, err := p.store.Containers(ctx, filter)
	if err != nil {
		return nil
	}
	return list
}

// container is the one that an argument names.
func (p *peeker) container(ctx context.Context, args []string) (lxc.Container, bool) {
	if len(args) == 0 {
		return lxc.Container{}, false
	}
	for _, c := range p.containers(ctx) {
		if c.Hostname == args[0] || c.RecordID == args[0] {
			return c, true
		}
	}
	return lxc.Container{}, false
}
