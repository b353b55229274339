package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"
)

func newShellCmd(a *app) *cobra.Command {
	o := &execOptions{app: a, stdin: true, tty: true, login: true}
	cmd := &cobra.Command{
		Use:   "shell <container>",
		Short: "Open a shell in a container",
		Long: `Open root's login shell in a running container, or another user's: a container on
record, or by its ctid any that the host can reach. It needs a terminal. Nothing is
recorded.

Ctrl-C and all other keys go to the container; Enter, ~, . leaves at any time, as in ssh.
By the container's console (ssh.transport api) the shell runs on the console itself: for
that time no other command can use the console, whoever looks at it in Proxmox sees the
same, and if the link drops, the shell may stay open there.` + passedStatuses,
		Example: "  infrahaus shell web\n  infrahaus shell 101 --user postgres",
		Args:    exactArgs("one container"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.open(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVarP(&o.user, "user", "u", "root", "the user of the container, by `name`")
	passwordFlag(cmd.Flags(), &o.passwordFile)
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

func (o *execOptions) open(ctx context.Context, ref string) error {
	if !xterm.IsTerminal(int(o.app.in.Fd())) || !xterm.IsTerminal(int(o.app.out.Fd())) {
		return failf(ownEnd, "cannot open a shell: stdin and stdout are no terminal").
			hint("to run a script: %s", o.app.command("exec", ref, "-i", "--", "sh"))
	}
	if strings.HasPrefix(o.user, "-") || strings.ContainsAny(o.user, ":\n\x00 ") {
		return usagef("--user: %q is no name of a user", o.user)
	}
	return o.run(ctx, ref, nil)
}
