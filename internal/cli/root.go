package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// globalOptions are the flags that every command takes.
type globalOptions struct {
	host       string
	configFile string
	stateDir   string
	json       bool
	quiet      bool
	verbose    bool
	noColor    bool
	sandbox    bool
	timeout    time.Duration
}

// Root is the command tree, for what is made from its help: the man pages.
func Root() *cobra.Command { return newRootCmd(&app{}) }

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "infrahaus",
		Short: "Turn a template and a Proxmox VE node into a running, configured container",
		Long: `infrahaus turns a template and a Proxmox VE node into a running, configured,
catalogued LXC container, in five phases: create, start, deploy, sync, discover.

Try it without a Proxmox node:  infrahaus create web --template hello --sandbox`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: a.prepare,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	g := &a.global
	flags := root.PersistentFlags()
	flags.StringVar(&g.host, "host", "", "the Proxmox host, as named in the config")
	flags.StringVar(&g.configFile, "config", "", "the config file (default $XDG_CONFIG_HOME/infrahaus/config.yaml)")
	flags.StringVar(&g.stateDir, "state-dir", "", "where records, logs and the sandbox live (default $XDG_STATE_HOME/infrahaus)")
	flags.BoolVar(&g.json, "json", false, "print JSON: one event a line, or one document")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "print results and errors only")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "say more about what is chosen and why")
	flags.BoolVar(&g.noColor, "no-color", false, "no colours (as NO_COLOR does)")
	flags.BoolVar(&g.sandbox, "sandbox", false, "use the embedded simulated Proxmox (the host named sandbox)")
	flags.DurationVar(&g.timeout, "timeout", 0, "give up after this long, for example 10m (default: none)")

	root.AddGroup(
		&cobra.Group{ID: "make", Title: "Make and find:"},
		&cobra.Group{ID: "ask", Title: "What is recorded:"},
		&cobra.Group{ID: "life", Title: "Lifecycle:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s", strings.ToLower(err.Error()[:1])+err.Error()[1:]).hint("infrahaus %s --help", commandPath(cmd))
	})
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("make", newCreateCmd(a), newDiscoverCmd(a), newTemplateCmd(a))
	add("ask", newListCmd(a), newShowCmd(a), newEventsCmd(a), newLogsCmd(a), newCredentialsCmd(a))
	add("life", newLifecycleCmd(a, startVerb()), newLifecycleCmd(a, stopVerb()), newLifecycleCmd(a, restartVerb()), newDestroyCmd(a))
	add("more", newSandboxCmd(a), newVersionCmd(a))
	return root
}

// commandPath is the command's words after "infrahaus".
func commandPath(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), "infrahaus"), " ")
}

// exitStatuses ends a command's help. The meanings are the contract's.
func exitStatuses(which ...int) string {
	meaning := map[int]string{
		0:   "done",
		1:   "anything else that failed; no such container; state, key or database trouble",
		2:   "usage, config or template is wrong; a name is taken; a needed --yes is missing: nothing was touched",
		3:   "Proxmox refused or failed",
		4:   "cannot get there, or it is not trusted",
		5:   "a package, file or script failed in the container",
		6:   "the container is up, but a declared service does not answer",
		130: "interrupted by SIGINT; state saved",
		143: "interrupted by SIGTERM; state saved",
	}
	var b strings.Builder
	b.WriteString("\n\nExit status:\n")
	for _, n := range which {
		fmt.Fprintf(&b, "  %-4d %s\n", n, meaning[n])
	}
	return strings.TrimRight(b.String(), "\n")
}

// exactArgs is cobra.ExactArgs with an error in the words of this tool.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usagef("%s takes %s, got %d arguments", cmd.Name(), strings.Join(names, " and "), len(args)).
			hint("infrahaus %s --help", commandPath(cmd))
	}
}

// rangeArgs allows optional arguments after the required ones.
func rangeArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usagef("%s takes %s, got %d arguments", cmd.Name(), what, len(args)).
			hint("infrahaus %s --help", commandPath(cmd))
	}
}
