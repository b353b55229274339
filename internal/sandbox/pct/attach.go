package pct

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// Attach is the node's lxc-attach, which pct exec runs once it has found the container.
// It is not a Perl program, so it starts at once. It knows the options -n, --clear-env
// and --keep-env, which is the default.
func (t *Tool) Attach(p *kernel.Proc, args []string) int {
	name, keep := "", true
	rest := args[1:]
options:
	for len(rest) > 0 {
		word := rest[0]
		switch rest = rest[1:]; {
		case word == "--":
			break options
		case (word == "-n" || word == "--name") && len(rest) > 0:
			name, rest = rest[0], rest[1:]
		case strings.HasPrefix(word, "--name="):
			name = strings.TrimPrefix(word, "--name=")
		case word == "--clear-env":
			keep = false
		case word == "--keep-env":
		case strings.HasPrefix(word, "-"):
			p.Errorf("unrecognized option '%s'", word)
			return 1
		default:
			rest = append([]string{word}, rest...)
			break options
		}
	}
	vmid, err := strconv.Atoi(name)
	if err != nil || !t.node.Running(vmid) {
		fmt.Fprintf(p.Stderr, "lxc-attach: %s: ../src/lxc/attach.c: get_attach_context: 406 Connection refused - Failed to get init pid\n"+
			"lxc-attach: %[1]s: ../src/lxc/attach.c: lxc_attach: 1470 Connection refused - Failed to get attach context\n", name)
		return 1
	}
	if len(rest) == 0 {
		rest = []string{"/bin/sh"}
	}
	var exit exitError
	if err := t.inside(p, vmid, rest, attachEnv(p.Env(), keep), t.node.Driver().Exec); errors.As(err, &exit) {
		return int(exit)
	}
	return 1
}

// attachEnv is the whole environment of the command that lxc-attach runs. A cleared one
// has no PATH: the shell in the guest sets its own.
func attachEnv(caller []string, keep bool) []string {
	if keep {
		return guestEnv(caller, true)
	}
	return guestEnv(caller, false)[1:]
}
