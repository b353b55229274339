package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/transports"
)

type execOptions struct {
	app          *app
	stdin        bool
	tty          bool
	login        bool   // of shell
	user         string // of shell
	passwordFile string
}

// passedStatuses ends the help of a command whose exit status is that of a command in the
// guest.
const passedStatuses = statusHead + `  255  infrahaus itself failed, and stderr has a line of it; no other status is its own
  127  the command's program is not there
  126  it cannot be executed
  130  SIGINT ended it, 143 SIGTERM, and so on: 128 and the signal's number
  *    the command's own`

func newExecCmd(a *app) *cobra.Command {
	o := &execOptions{app: a}
	cmd := &cobra.Command{
		Use:   "exec <container> [flags] -- COMMAND [ARG...]",
		Short: "Run a command in a container",
		Long: `Run a command in a running container as root, in /root: a container on record, or by
its ctid any that the host can reach. The arguments reach the command as they are; there
is no shell but one that you name. Nothing is recorded.

Without -i the command's stdin is /dev/null. Without -t its stdout and stderr are apart
and every byte passes as it is. SIGINT, SIGTERM and SIGHUP go to the command; a second
Ctrl-C gives up. If the link drops, the exit status is 255, and a command without -i gets
SIGHUP; it is never started twice.

-t gives it a terminal of the size of yours. Enter, ~, . ends that, as in ssh. By the
container's console (ssh.transport api) -t uses the console itself: for that time no other
command can use the console, whoever looks at it in Proxmox sees the same, and if the link
drops, the command may stay there. A command without -t shares the console with others of
the same infrahaus only; another run is waited for.` + passedStatuses,
		Example: `  infrahaus exec web -- systemctl status nginx
  infrahaus exec web -i -- sh -c 'cat >/tmp/dump' <dump
  infrahaus exec web -it -- bash`,
		Args: func(cmd *cobra.Command, args []string) error { return execArgs(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0], args[1:]) },
	}
	cmd.Flags().BoolVarP(&o.stdin, "interactive", "i", false, "pass stdin on")
	cmd.Flags().BoolVarP(&o.tty, "tty", "t", false, "give the command a terminal")
	passwordFlag(cmd.Flags(), &o.passwordFile)
	cmd.Flags().SetInterspersed(true)
	cmd.ValidArgsFunction = a.completeContainers
	return cmd
}

// execArgs wants a container, then -- and a command. An argument of the command may be
// empty.
func execArgs(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	switch {
	case len(args) == 0 || dash == 0:
		return usagef("%s takes a container and a command", cmd.Name()).hint("%s --help", cmd.CommandPath())
	case strings.TrimSpace(args[0]) == "":
		return usagef("%s got an empty argument for the container", cmd.Name()).hint("is a variable of the script empty?")
	case dash == -1 && len(args) > 1, dash > 1:
		return usagef("the command stands after --: %s", guest.Quote(args[1])).hint("%s --help", cmd.CommandPath())
	case len(args) == 1:
		return usagef("there is no command after the container").hint("%s --help", cmd.CommandPath())
	case args[1] == "":
		return usagef("the command is empty").hint("is a variable of the script empty?")
	}
	for _, arg := range args[1:] {
		if strings.ContainsRune(arg, 0) {
			return usagef("an argument of the command has a NUL byte")
		}
	}
	return nil
}

func (o *execOptions) run(ctx context.Context, ref string, argv []string) error {
	a := o.app
	if o.tty && !xterm.IsTerminal(int(a.in.Fd())) {
		return failf(ownEnd, "cannot give the command a terminal: stdin is not one").hint("leave out -t")
	}
	if o.stdin && o.passwordFile == "-" {
		return usagef("--password-file - and -i cannot both read stdin")
	}
	in, err := a.enterGuest(ctx, ref, o.passwordFile)
	if err != nil {
		return err
	}
	defer in.close()
	p := guest.Process{Argv: argv, Login: o.login, User: o.user, Stdout: a.out, Stderr: a.err}
	if o.stdin {
		p.Stdin = a.in
	}
	return o.attached(ctx, in, p)
}

// attached runs a process with the user's signals, and with -t the user's terminal.
func (o *execOptions) attached(ctx context.Context, in *inside, p guest.Process) error {
	a := o.app
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if o.tty {
		p.TTY = &guest.TTY{Term: os.Getenv("TERM"), Size: a.window(), Resized: a.resizes(ctx)}
		if in.guest.Transport() == transports.API {
			a.say("this is the console of " + in.who() + "; to leave it at any time: Enter ~ .")
		}
		restore, err := a.rawTerminal()
		if err != nil {
			return failf(ownEnd, "cannot use the terminal: %w", err)
		}
		defer restore()
		if o.stdin {
			p.Stdin = newDetachable(a.in, func() { cancel(errDetached) })
		}
	}
	var stop func()
	p.Signals, stop = a.takeSignals(func() { cancel(errGivenUp) })
	defer stop()
	status, err := guest.Exec(ctx, in.guest, p)
	return o.ended(ctx, status, err)
}

var errGivenUp = errors.New("interrupted twice: the command was left")

// ended turns the end of a command into that of the process.
func (o *execOptions) ended(ctx context.Context, status int, err error) error {
	switch {
	case err == nil:
		return silentOr(status)
	case readerLeft(err): // as if the command itself had written there
		return silent{128 + int(syscall.SIGPIPE)}
	case errors.Is(context.Cause(ctx), errDetached):
		return failf(ownEnd, "cannot say how the command ended: it was left with ~.")
	case errors.Is(context.Cause(ctx), errGivenUp):
		return failf(ownEnd, "cannot say how the command ended: interrupted twice, it was left")
	}
	return err
}

func silentOr(status int) error {
	if status == 0 {
		return nil
	}
	return silent{status}
}
