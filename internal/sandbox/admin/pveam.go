package admin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// Pveam is the program pveam.
func Pveam(n *node.Node) kernel.Command { return program("pveam", n, pveam) }

// Vzdump is the program vzdump.
func Vzdump(n *node.Node) kernel.Command {
	return func(p *kernel.Proc, args []string) int {
		return program("vzdump", n, vzdumpCommands(n))(p, append([]string{args[0], "vzdump"}, args[1:]...))
	}
}

// follow prints the lines of a task, and returns its error.
func (c *call) follow(upid string, err error) error {
	if err != nil {
		return err
	}
	exit, err := c.node.Follow(c.p.Context(), upid, func(line string) { fmt.Fprintln(c.p.Stdout, line) })
	switch {
	case err != nil:
		return err
	case exit == "OK":
		return nil
	case strings.HasPrefix(exit, "WARNINGS: "):
		fmt.Fprintf(c.p.Stderr, "Task finished with %s warning(s)!\n", strings.TrimPrefix(exit, "WARNINGS: "))
		return nil
	}
	return errors.New(exit)
}

var pveam = []command{
	{"available", nil, map[string]bool{"section": false}, func(c *call) error {
		for _, r := range c.node.Appliances() {
			if c.opt["section"] == "" || c.opt["section"] == r["section"] {
				fmt.Fprintf(c.p.Stdout, "%-15s %s\n", r["section"], r["template"])
			}
		}
		return nil
	}},
	{"download", []string{"storage", "template"}, nil, func(c *call) error {
		return c.follow(c.node.Download(node.Root, node.Params{"storage": c.args[0], "template": c.args[1]}))
	}},
	{"list", []string{"storage"}, nil, func(c *call) error {
		rows, err := c.node.StorageContent(node.Root, c.args[0], node.Params{"content": "vztmpl"})
		if err != nil || len(rows) == 0 {
			return err
		}
		fmt.Fprintf(c.p.Stdout, "%-60s %-6s\n", "NAME", "SIZE")
		for _, r := range rows {
			fmt.Fprintf(c.p.Stdout, "%-60s %-4.2fMB\n", r["volid"], float64(r["size"].(int64))/(1<<20))
		}
		return nil
	}},
	{"remove", []string{"template_path"}, nil, func(c *call) error {
		_, err := c.node.RemoveVolume(c.p.Context(), node.Root, node.Params{"volume": c.args[0], "storage": storageOf(c.args[0]), "delay": "30"})
		return err
	}},
	{"update", nil, nil, func(c *call) error {
		_, err := fmt.Fprintln(c.p.Stdout, "update successful")
		return err
	}},
}

// vzdumpCommands is the one command of vzdump. Its options are those of the API.
func vzdumpCommands(n *node.Node) []command {
	options := map[string]bool{
		"all": true, "compress": false, "exclude": false, "mode": false, "notes-template": false, "pool": false, "protected": true,
		"prune-backups": false, "quiet": true, "remove": true, "storage": false, "bwlimit": false, "ionice": false, "dumpdir": false, "zstd": false,
	}
	if n.Profile().Major < 9 {
		options["maxfiles"] = false
	}
	return []command{{"vzdump", nil, options, func(c *call) error {
		p := node.Params(c.opt)
		if len(c.args) > 0 {
			p["vmid"] = strings.Join(c.args, ",")
		}
		upid, err := c.node.Backup(node.Root, p)
		if err == nil && upid == "OK" {
			return nil
		}
		return c.follow(upid, err)
	}}}
}
