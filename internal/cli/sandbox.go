package cli

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

type serveOptions struct {
	app       *app
	driver    string
	pve       string
	subnet    string
	lxcDir    string
	pctDelay  time.Duration
	console   sandbox.Console
	authDelay time.Duration
	address   time.Duration
	nodes     int
	faults    []string
	more      string // the file of further faults
}

func newSandboxCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "The embedded simulated Proxmox",
		Args:  noArgs,
		RunE:  helpOnly,
	}
	cmd.AddCommand(newServeCmd(a), newResetCmd(a))
	return cmd
}

func newServeCmd(a *app) *cobra.Command {
	o := &serveOptions{app: a}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Hold a sandbox open until SIGTERM, for any client",
		Long: `Hold a sandbox open until SIGTERM or Ctrl-C. stdout has shell export lines only
that point any client at it, INFRAHAUS_TOKEN last, once it is ready.

Faults are given as NAME[=VALUE][:COUNT]; link-cut, guest-reboot, node-reboot
and clock-jump happen once, all others always unless COUNT says how often:
` + faultHelp() + `

--faults-from reads further faults while the sandbox runs, one a line as it is
appended to the file or written to the fifo; "-NAME" takes a fault back, "-" all.
stderr says "fault LINE" once a line holds, so that the writer can wait for it.` + exitStatuses(0, 1, 2),
		Example: `  infrahaus sandbox serve >env & sleep 1; . ./env; infrahaus create web --template hello
  infrahaus sandbox serve --driver lxc
  infrahaus sandbox serve --pve 9.2 --subnet 10.9.0.0/24
  infrahaus sandbox serve --nodes 3 --fault node-down=pve3
  infrahaus sandbox serve --fault 'start-fail=no space:1'
  infrahaus sandbox serve --nodes 3 --fault node-down=pve3
  infrahaus sandbox serve --faults-from f 2>log & echo link-cut >>f`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	choose(cmd, &o.driver, "driver", "virtual", "the `kind` of guest: virtual, or lxc (Linux, as root)", "virtual", "lxc")
	choose(cmd, &o.pve, "pve", "", "the `version` of Proxmox VE: %s (default the sandbox's own, 9.2 for a new one)", sandbox.Versions()...)
	f.IntVar(&o.nodes, "nodes", 0, "the `number` of nodes in the cluster (default the sandbox's own, 1 for a new one)")
	f.StringVar(&o.subnet, "subnet", "", "the `network` of virtual guests' addresses, such as 10.9.0.0/24 (default one of 127.0.0.0/8, which this machine reaches)")
	f.StringVar(&o.lxcDir, "sandbox-dir", "", "the `folder` of lxc guests (default /var/lib/infrahaus-sandbox)")
	f.DurationVar(&o.pctDelay, "pct-delay", 0, "what starting pct costs; about 950ms on a real node")
	f.DurationVar(&o.console.Delay, "console-delay", 0, "what opening a console costs; 470ms on a real node")
	f.IntVar(&o.console.In, "console-in", 0, "the `bytes` a second that a console takes; 300000 on a real node (default no limit)")
	f.IntVar(&o.console.Out, "console-out", 0, "the `bytes` a second that a console shows; 8000000 on a real node (default no limit)")
	f.DurationVar(&o.authDelay, "auth-delay", 3*time.Second, "what a failed login costs; 3s on a real node")
	f.DurationVar(&o.address, "address-delay", 0, "the time from a start to the guest's address; about 2s on a real node")
	f.StringArrayVar(&o.faults, "fault", nil, "a `fault` to play; may be repeated")
	f.StringVar(&o.more, "faults-from", "", "a `file` or fifo of further faults, one a line")
	return cmd
}

func (o *serveOptions) run(ctx context.Context) error {
	cfg, err := o.app.config()
	if err != nil {
		return err
	}
	for _, text := range o.faults {
		if _, err := driver.ParseFault(text); err != nil {
			return usagef("--fault %s: %w", text, err).hint("infrahaus sandbox serve --help")
		}
	}
	if o.pve == "" {
		o.pve = cfg.SandboxPVE
	}
	var subnet netip.Prefix
	if o.subnet != "" {
		if subnet, err = netip.ParsePrefix(o.subnet); err != nil {
			return usagef("--subnet %s: it is no network such as 10.9.0.0/24", o.subnet).hint("infrahaus sandbox serve --subnet 10.9.0.0/24")
		}
	}
	sb, err := sandbox.Open(ctx, sandbox.Options{
		Dir: cfg.Paths.Sandbox(), Driver: o.driver, PVE: o.pve, Nodes: o.nodes, Subnet: subnet, LXCDir: o.lxcDir, PctDelay: o.pctDelay, AuthDelay: o.authDelay, AddressDelay: o.address,
		Console: o.console, Faults: o.faults, FaultsFrom: o.more, Log: o.log(),
	})
	if err != nil {
		return err
	}
	o.app.sandbox = sb
	if !sb.Owner() {
		return failf(1, "a sandbox is held open by another process already").hint("its settings: the exports that it printed")
	}
	if o.app.streams.ErrTTY {
		o.welcome()
	}
	if subnet.IsValid() && !subnet.Addr().IsLoopback() {
		o.app.say("Addresses of guests are in " + subnet.Masked().String() + ", which this machine does not reach: guests are reached through the node and the console alone.")
	}
	if _, err := fmt.Fprint(o.app.streams.Out, sandbox.Exports(sb.Endpoint())); err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	select {
	case <-ctx.Done():
	case <-hangup:
	}
	return nil // a signal is the normal end
}

// welcome tells a person at a terminal what this is. Programs read only stdout.
func (o *serveOptions) welcome() {
	for _, line := range []string{
		"A simulated Proxmox VE, held open until Ctrl-C. In another terminal, try:",
		"  " + o.app.command("--sandbox", "create", "web", "--template", "hello"),
		"  " + o.app.command("--sandbox", "shell", "web"),
		"  " + o.app.command("--sandbox", "destroy", "web"),
		"These lines point any other client of Proxmox at it:",
	} {
		o.app.say(line)
	}
}

// log returns a function that prints on stderr which further faults were read. It is nil
// without --faults-from, because stderr says nothing then.
func (o *serveOptions) log() func(string) {
	if o.more == "" {
		return nil
	}
	return func(line string) { fmt.Fprintln(o.app.streams.Err, line) }
}

func newResetCmd(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Forget the sandbox's containers",
		Long:  "Forget the sandbox's containers and everything in them." + exitStatuses(0, 1, 2),
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd.Context(), yes, "Remove every container of the sandbox?"); err != nil {
				return err
			}
			return sandbox.Reset(cfg.Paths.Sandbox())
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// sandboxTopic says what the sandbox is, what it has, and where its limits are. The lists
// are those that the sandbox itself uses.
func sandboxTopic() Topic {
	s := sandbox.Simulated()
	var faults []string
	for _, f := range s.Faults {
		faults = append(faults, f.Name)
	}
	return Topic{Name: "sandbox", Short: "What the simulated Proxmox can and cannot do", parts: []part{
		{text: `A simulated Proxmox VE inside this process, on loopback only. Any command uses
it with --sandbox; serve holds one open for other programs. It is version 9.2,
or 8.4 with serve --pve 8.4 or sandbox.pve in the config; a sandbox that has
containers can be upgraded, and cannot go back.

Its node answers the HTTP API and has an SSH server with pct. Its guests are
virtual: a folder with the files of a Debian, Ubuntu or Alpine machine, and a
shell, programs and services that this process plays. They need no privilege,
and nothing of this machine can be reached from inside.

Guests have addresses of 127.0.0.0/8, so that this machine reaches them. Other
clients may leave such addresses out; serve --subnet gives others, which exist in
the simulation alone: such guests are reached through the node and the console,
and the settings of this machine's network stay as they are.

The API has containers and their firewalls, backups, pools, users, roles and the
ACL, HA resources and rules, storages, tasks and the routes that clients ask for
besides, with the answers of genuine nodes of its version. Firewalls filter
nothing, and rules are kept and not followed. Version 9.2 differs in defaults (a container is
unprivileged; a systemd without nesting is warned of), in parameters, privileges
and HA rules. It has no virtual machines; a route that it lacks answers 501.

serve --nodes N makes it a cluster: pve1, which answers the API, and others, each
with its own guests, tasks, templates and storages, and one shared storage. pve2
alone has one more OS template. The fault node-down takes a node away, and
node-maintenance and node-memory change what a client finds of one.

A virtual guest cannot run real binaries, packages from the internet or a whole
bash. A program, an option or a part of the shell's language that it lacks is
refused in one line. Real guests, with the real programs, need Linux and root:
` + "`infrahaus sandbox serve --driver lxc`"},
		{title: "Programs", text: filled(s.Programs)},
		{title: "Packages of apt-get and apk", text: filled(s.Packages)},
		{title: "Packages that install, though not all of their programs run", text: filled(s.Hollow)},
		{title: "Programs of the node alone", text: filled(s.Node)},
		{title: "Verbs of pct", text: filled(s.Pct)},
		{title: "Faults, which infrahaus sandbox serve --help explains", text: filled(faults)},
	}}
}

// filled sets words in lines of at most 78 columns, as a literal paragraph.
func filled(words []string) string {
	var b strings.Builder
	column := 0
	for _, w := range words {
		switch {
		case column == 0 || column+1+len(w) > 78:
			if column > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(literal + w)
			column = len(literal) + len(w)
		default:
			b.WriteString(" " + w)
			column += 1 + len(w)
		}
	}
	return b.String()
}

// faultHelp lists the faults that a sandbox can play.
func faultHelp() string {
	var b strings.Builder
	for _, f := range driver.FaultList() {
		name := f.Name
		if f.Value != "" {
			name += "=" + f.Value
		}
		fmt.Fprintf(&b, "  %-32s %s\n", name, f.Help)
	}
	return strings.TrimRight(b.String(), "\n")
}
