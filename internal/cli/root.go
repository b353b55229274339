package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/fleet"
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
func Root() *cobra.Command {
	root := newRootCmd(&app{})
	addTopics(root)
	return root
}

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "infrahaus",
		Short: "Turn a template and a Proxmox VE node into a running, configured container",
		Long: `infrahaus turns a template and a Proxmox VE node into a running, configured,
catalogued LXC container, in five phases: create, start, deploy, sync, discover.

Try it without a Proxmox node:  infrahaus create web --template hello --sandbox` + exitStatuses(0, 2),
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: a.prepare,
		Version:           versionName(), // no template of ours: text/template would link every method there is
		Args:              noArgs,
		RunE:              helpOnly,
	}
	g := &a.global
	a.junit = &report{}
	flags := root.PersistentFlags()
	flags.StringVar(&g.host, "host", "", "the Proxmox host with this `name` in the config")
	flags.StringVar(&g.configFile, "config", "", "the config `file` (default $XDG_CONFIG_HOME/infrahaus/config.yaml)")
	flags.StringVar(&g.stateDir, "state-dir", "", "the `folder` of records, logs and the sandbox (default $XDG_STATE_HOME/infrahaus)")
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
		&cobra.Group{ID: "inside", Title: "Into a container:"},
		&cobra.Group{ID: "more", Title: "More:"},
	)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// Flags after the wrong one were not read. With --json among them, the error is JSON all the same.
		g.json = g.json || slices.Contains(a.args, "--json")
		return flagError(cmd, err)
	})
	root.SetHelpFunc(showHelp)
	root.SetHelpCommand(newHelpCmd())
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("make", newCreateCmd(a), newResumeCmd(a), a.ofFleet(fleet.Sync, "synced", newSyncCmd, nil, "plan", "exit-code", "diff", "publish", "take", "snapshot", "restart", "junit", "locked"), a.several("updated", newUpdateCmd, nil), a.several("discovered", newDiscoverCmd, anyContainer), newTemplateCmd(a))
	add("ask", newListCmd(a), newShowCmd(a), newStatsCmd(a), newOpenCmd(a), newSSHConfigCmd(a), newInventoryCmd(a), newEventsCmd(a), newWatchCmd(a), newLogsCmd(a), newCredentialsCmd(a))
	add("life", a.severalOf(startVerb()), a.severalOf(stopVerb()), a.severalOf(restartVerb()), a.ofFleet(fleet.Destroy, "destroyed", newDestroyCmd, foreignToo, "yes", "publish", "snapshots"))
	add("more", newInitCmd(a), newDoctorCmd(a), newHostCmd(a), newRecoverCmd(a), newKeyCmd(a), newDatabaseCmd(a), newSandboxCmd(a), newVersionCmd(a))
	add("more", newWorkerCmd(a), newJobsCmd(a))
	add("more", newDemoCmd(a))
	add("inside", newExecCmd(a), newShellCmd(a), newCpCmd(a))
	mendCompletion(root)
	if len(a.args) > 0 && strings.HasPrefix(a.args[0], cobra.ShellCompRequestCmd) {
		a.completeTree(root)
	}
	_ = root.RegisterFlagCompletionFunc("host", a.completeHosts)
	return root
}

// commandPath is the command's words after "infrahaus".
func commandPath(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), "infrahaus"), " ")
}
