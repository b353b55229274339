// Package admin has the simulated node's commands besides pct: pveum, which manages users,
// tokens, roles and ACLs, pvesm for storages, pveam for OS templates, vzdump and pveversion.
// Package node makes the changes. It imports nothing of the client, so that the two
// cannot share a mistake.
package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// command is one verb: its words, the arguments that follow, its options (true: a
// boolean) and its function.
type command struct {
	words   string
	args    []string
	options map[string]bool
	run     func(*call) error
}

type call struct {
	node *node.Node
	p    *kernel.Proc
	args []string
	opt  map[string]string
}

func (c *call) flag(name string, def bool) bool {
	v, ok := c.opt[name]
	if !ok {
		return def
	}
	return v == "1"
}

// truth maps the words that the command line accepts for a boolean to 0 and 1.
func truth(v string) string {
	switch strings.ToLower(v) {
	case "on", "yes", "true":
		return "1"
	case "off", "no", "false":
		return "0"
	}
	return v
}

// list splits text that Proxmox treats as a list.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",; ", r) })
}

// Pveum is the program pveum.
func Pveum(n *node.Node) kernel.Command { return program("pveum", n, pveum) }

// Pvesm is the program pvesm.
func Pvesm(n *node.Node) kernel.Command { return program("pvesm", n, pvesm) }

// Pveversion is the program pveversion.
func Pveversion(n *node.Node) kernel.Command {
	return func(p *kernel.Proc, args []string) int {
		if len(args) > 2 || len(args) == 2 && !strings.HasPrefix("--verbose", args[1]) && args[1] != "-verbose" {
			fmt.Fprintln(p.Stderr, "USAGE: pveversion [--verbose]")
			return 255
		}
		v := n.Profile()
		if len(args) == 1 {
			fmt.Fprintf(p.Stdout, "pve-manager/%s/%s (running kernel: %s)\n", v.Version, v.RepoID, v.Kernel)
			return 0
		}
		for _, row := range n.Packages() {
			name, more := row["Package"], ""
			switch name {
			case "proxmox-ve":
				more = " (running kernel: " + v.Kernel + ")"
			case "pve-manager":
				more = " (running version: " + v.Version + "/" + v.RepoID + ")"
			}
			fmt.Fprintf(p.Stdout, "%s: %s%s\n", name, row["OldVersion"], more)
		}
		return 0
	}
}

func program(name string, n *node.Node, commands []command) kernel.Command {
	return func(p *kernel.Proc, args []string) int {
		if err := dispatch(name, n, commands, p, args[1:]); err != nil {
			fmt.Fprintln(p.Stderr, strings.TrimSuffix(err.Error(), "\n"))
			return 255
		}
		return 0
	}
}

func dispatch(name string, n *node.Node, commands []command, p *kernel.Proc, args []string) error {
	for _, cmd := range commands {
		words := strings.Fields(cmd.words)
		if len(args) < len(words) || !slices.Equal(args[:len(words)], words) {
			continue
		}
		c := &call{node: n, p: p, opt: map[string]string{}}
		usage := name + " " + cmd.words
		for _, a := range cmd.args {
			usage += " <" + a + ">"
		}
		if err := c.parse(cmd, args[len(words):]); err != nil {
			return fmt.Errorf("%w\n%s [OPTIONS]", err, usage)
		}
		err := cmd.run(c)
		var bad *node.Error
		if errors.As(err, &bad) && len(bad.Params) > 0 {
			text := "400 Parameter verification failed.\n"
			for _, k := range slices.Sorted(maps.Keys(bad.Params)) {
				text += k + ": " + bad.Params[k] + "\n"
			}
			return errors.New(text + usage + " [OPTIONS]")
		}
		return err
	}
	if len(args) == 0 {
		return fmt.Errorf("ERROR: no command specified\nUSAGE: %s <COMMAND> [ARGS] [OPTIONS]", name)
	}
	return fmt.Errorf("ERROR: unknown command '%s %s'\nUSAGE: %s <COMMAND> [ARGS] [OPTIONS]", name, strings.Join(args, " "), name)
}

// parse reads options in any of the forms -o v, --o v and --o=v.
func (c *call) parse(cmd command, args []string) error {
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if !strings.HasPrefix(a, "-") {
			c.args = append(c.args, a)
			continue
		}
		key, value, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
		boolean, known := cmd.options[key]
		if cmd.options["*"] {
			continue // it is refused whatever it says
		}
		switch {
		case !known:
			return fmt.Errorf("Unknown option: %s\n400 unable to parse option", key) //nolint:staticcheck // Perl's own words
		case has:
		case boolean && (len(args) == 0 || strings.HasPrefix(args[0], "-")):
			value = "1"
		case len(args) == 0:
			return fmt.Errorf("Option %s requires an argument\n400 unable to parse option", key) //nolint:staticcheck // likewise
		default:
			value, args = args[0], args[1:]
		}
		if boolean {
			value = truth(value)
		}
		c.opt[key] = value
	}
	if cmd.options["*"] || cmd.words == "vzdump" { // any number of arguments
		return nil
	}
	switch {
	case len(c.args) < len(cmd.args):
		return errors.New("400 not enough arguments")
	case len(c.args) > len(cmd.args):
		return errors.New("400 too many arguments")
	}
	return nil
}
