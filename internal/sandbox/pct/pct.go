// Package pct is the other side of the simulated node: an SSH server for root with SFTP
// and a shell in which pct works, as on a Proxmox node. Shell and files are those of a
// simulated machine (package kernel), so nothing of the host can be reached. Guests and
// tasks are in package node. It imports nothing of the client, so that the two cannot
// share a mistake.
package pct

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// Tool is the pct command of one node.
type Tool struct {
	node   *node.Node
	delay  time.Duration
	starts atomic.Int64
	ctx    context.Context // for processes that outlive their SSH session
	cancel context.CancelFunc
}

// NewTool returns the pct command. delay is how long it takes to start: nearly a second
// of Perl on a real node (0.95 s measured), 0 here by default.
func NewTool(n *node.Node, delay time.Duration) *Tool {
	t := &Tool{node: n, delay: delay}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Close ends processes in guests that have outlived their session.
func (t *Tool) Close() { t.cancel() }

// Starts counts how often pct was started.
func (t *Tool) Starts() int { return int(t.starts.Load()) }

// exitError ends pct with a status without a further message.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// subcommand is one verb of pct.
type subcommand struct {
	usage string
	args  []string // positional parameters
	route string   // path of the schema that checks the options, "" for none
	extra bool     // takes further arguments
	run   func(t *Tool, c *call) error
}

// call is one run of pct.
type call struct {
	p      *kernel.Proc
	verb   string
	vmid   int
	params node.Params
	extra  []string
	major  int // version of Proxmox VE, whose options there are
}

// subcommands are the verbs. It is a function because help looks at them all.
func subcommands() map[string]subcommand {
	const ct = "/nodes/{node}/lxc/{vmid}"
	return map[string]subcommand{
		"clone":          {"clone <vmid> <newid> [OPTIONS]", []string{"vmid", "newid"}, "POST " + ct + "/clone", false, (*Tool).clone},
		"enter":          {"enter <vmid> [OPTIONS]", []string{"vmid"}, "", false, (*Tool).enter},
		"migrate":        {"migrate <vmid> <target> [OPTIONS]", []string{"vmid", "target"}, "POST " + ct + "/migrate", false, (*Tool).migrate},
		"move-volume":    {"move-volume <vmid> <volume> [<storage>] [<target-vmid>] [<target-volume>] [OPTIONS]", []string{"vmid", "volume"}, "POST " + ct + "/move_volume", true, (*Tool).moveVolume},
		"rescan":         {"rescan [OPTIONS]", nil, "", false, (*Tool).rescan},
		"resize":         {"resize <vmid> <disk> <size> [OPTIONS]", []string{"vmid", "disk", "size"}, "PUT " + ct + "/resize", false, (*Tool).resize},
		"restore":        {"restore <vmid> <ostemplate> [OPTIONS]", []string{"vmid", "ostemplate"}, "POST /nodes/{node}/lxc", false, (*Tool).restore},
		"resume":         {"resume <vmid>", []string{"vmid"}, "POST " + ct + "/status/resume", false, (*Tool).resume},
		"suspend":        {"suspend <vmid>", []string{"vmid"}, "POST " + ct + "/status/suspend", false, (*Tool).suspend},
		"template":       {"template <vmid>", []string{"vmid"}, "POST " + ct + "/template", false, (*Tool).template},
		"console":        {"console <vmid> [OPTIONS]", nil, "", true, (*Tool).cannot},
		"cpusets":        {"cpusets", nil, "", true, (*Tool).cannot},
		"df":             {"df <vmid>", nil, "", true, (*Tool).cannot},
		"fsck":           {"fsck <vmid> [OPTIONS]", nil, "", true, (*Tool).cannot},
		"fstrim":         {"fstrim <vmid> [OPTIONS]", nil, "", true, (*Tool).cannot},
		"mount":          {"mount <vmid>", []string{"vmid"}, "", false, (*Tool).mount},
		"remote-migrate": {"remote-migrate <vmid> [<target-vmid>] <target-endpoint> --target-bridge <string> --target-storage <string> [OPTIONS]", nil, "", true, (*Tool).cannot},
		"unmount":        {"unmount <vmid>", []string{"vmid"}, "", false, (*Tool).unmount},
		"config":         {"config <vmid> [OPTIONS]", []string{"vmid"}, "GET " + ct + "/config", false, (*Tool).config},
		"create":         {"create <vmid> <ostemplate> [OPTIONS]", []string{"vmid", "ostemplate"}, "POST /nodes/{node}/lxc", false, (*Tool).create},
		"destroy":        {"destroy <vmid> [OPTIONS]", []string{"vmid"}, "DELETE " + ct, false, (*Tool).destroy},
		"delsnapshot":    {"delsnapshot <vmid> <snapname> [OPTIONS]", []string{"vmid", "snapname"}, "DELETE " + ct + "/snapshot/{snapname}", false, (*Tool).delSnapshot},
		"exec":           {"exec <vmid> [<extra-args>] [OPTIONS]", []string{"vmid"}, "", true, (*Tool).exec},
		"help":           {"help [<extra-args>] [OPTIONS]", nil, "", true, (*Tool).help},
		"listsnapshot":   {"listsnapshot <vmid>", []string{"vmid"}, "", false, (*Tool).listSnapshots},
		"list":           {"list", nil, "", false, (*Tool).list},
		"pending":        {"pending <vmid>", []string{"vmid"}, "GET " + ct + "/pending", false, (*Tool).pending},
		"pull":           {"pull <vmid> <path> <destination> [OPTIONS]", []string{"vmid", "path", "destination"}, "", false, (*Tool).pull},
		"push":           {"push <vmid> <file> <destination> [OPTIONS]", []string{"vmid", "file", "destination"}, "", false, (*Tool).push},
		"reboot":         {"reboot <vmid> [OPTIONS]", []string{"vmid"}, "POST " + ct + "/status/reboot", false, (*Tool).reboot},
		"rollback":       {"rollback <vmid> <snapname> [OPTIONS]", []string{"vmid", "snapname"}, "POST " + ct + "/snapshot/{snapname}/rollback", false, (*Tool).rollback},
		"set":            {"set <vmid> [OPTIONS]", []string{"vmid"}, "PUT " + ct + "/config", false, (*Tool).set},
		"shutdown":       {"shutdown <vmid> [OPTIONS]", []string{"vmid"}, "POST " + ct + "/status/shutdown", false, (*Tool).shutdown},
		"snapshot":       {"snapshot <vmid> <snapname> [OPTIONS]", []string{"vmid", "snapname"}, "POST " + ct + "/snapshot", false, (*Tool).snapshot},
		"start":          {"start <vmid> [OPTIONS]", []string{"vmid"}, "POST " + ct + "/status/start", false, (*Tool).start},
		"status":         {"status <vmid> [OPTIONS]", []string{"vmid"}, "", false, (*Tool).status},
		"stop":           {"stop <vmid> [OPTIONS]", []string{"vmid"}, "POST " + ct + "/status/stop", false, (*Tool).stop},
		"unlock":         {"unlock <vmid>", []string{"vmid"}, "", false, (*Tool).unlock},
	}
}

// Verbs are the verbs of pct that do something, in alphabetical order.
func Verbs() []string {
	all := subcommands()
	maps.DeleteFunc(all, func(_ string, s subcommand) bool { return s.refused() })
	return slices.Sorted(maps.Keys(all))
}

// refused reports whether the simulated node cannot do it; its arguments are not read then.
func (s subcommand) refused() bool { return s.extra && len(s.args) == 0 && s.name() != "help" }

// Run is the program that a shell of the node starts.
func (t *Tool) Run(p *kernel.Proc, args []string) int {
	t.starts.Add(1)
	if t.delay > 0 && !p.Sleep(t.delay) {
		return 143
	}
	warnLocale(p, t.node.Profile().PerlLocales)
	err := t.dispatch(p, args[1:])
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintln(p.Stderr, strings.TrimSuffix(err.Error(), "\n"))
	return dieStatus(err)
}

// dieStatus is the exit status of Perl's die: errno, or 255. A missing config leaves
// ENOENT in errno.
func dieStatus(err error) int {
	if strings.HasPrefix(err.Error(), "Configuration file '") {
		return 2
	}
	return 255
}

func (t *Tool) dispatch(p *kernel.Proc, args []string) error {
	if len(args) == 0 {
		return errors.New("ERROR: no command specified\nUSAGE: pct <COMMAND> [ARGS] [OPTIONS]")
	}
	cmd, ok := subcommands()[args[0]]
	if !ok {
		return fmt.Errorf("ERROR: unknown command 'pct %s'\nUSAGE: pct <COMMAND> [ARGS] [OPTIONS]", args[0])
	}
	c, err := cmd.parse(args[1:], t.node.Profile().Major)
	if err != nil {
		return err
	}
	c.p, c.verb = p, args[0]
	err = cmd.run(t, c)
	var refused *node.Error
	if errors.As(err, &refused) && len(refused.Params) > 0 {
		return badParameters(refused.Params, cmd.usage)
	}
	return err
}
