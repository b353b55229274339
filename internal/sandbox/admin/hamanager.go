package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
)

// HAManager is the program ha-manager.
func HAManager(n *node.Node) kernel.Command { return program("ha-manager", n, haManager) }

var resourceOptions = map[string]bool{"state": false, "comment": false, "max_relocate": false, "max_restart": false, "group": false, "type": false}

var haManager = append([]command{
	{"add", []string{"sid"}, resourceOptions, func(c *call) error { return c.node.AddHA(c.resource()) }},
	{"set", []string{"sid"}, resourceOptions, func(c *call) error { return c.node.ChangeHA(c.resource()) }},
	{"remove", []string{"sid"}, nil, func(c *call) error { return c.node.RemoveHA(c.args[0]) }},
	{"status", nil, nil, func(c *call) error {
		for _, r := range c.node.HAStatus() {
			if _, err := fmt.Fprintf(c.p.Stdout, "%s %s\n", r["type"], r["status"]); err != nil {
				return err
			}
		}
		return nil
	}},
	{"crm-command node-maintenance enable", []string{"node"}, nil, func(c *call) error { return c.node.Maintenance(c.args[0], true) }},
	{"crm-command node-maintenance disable", []string{"node"}, nil, func(c *call) error { return c.node.Maintenance(c.args[0], false) }},
	{"migrate", []string{"sid", "node"}, nil, haMigrate},
	{"crm-command migrate", []string{"sid", "node"}, nil, haMigrate},
}, cannot("ha-manager", "config", "crm-command relocate", "crm-command stop", "groupadd", "groupconfig", "groupremove", "groupset", "relocate", "rules")...)

func (c *call) resource() node.Params {
	p := node.Params(c.opt)
	p["sid"] = c.args[0]
	return p
}

// haMigrate asks the manager, which moves the container later.
func haMigrate(c *call) error {
	vmid, err := strconv.Atoi(strings.TrimPrefix(c.args[0], "ct:"))
	if err != nil {
		return fmt.Errorf("unable to parse service id '%s'", c.args[0])
	}
	if _, err := c.node.HAResource(c.args[0]); err != nil {
		return err
	}
	at := c.node.HomeOf(vmid)
	if at == nil {
		return fmt.Errorf("no such resource '%s'", c.args[0])
	}
	_, err = at.Migrate(context.WithoutCancel(c.p.Context()), node.Root, vmid, node.Params{"target": c.args[1], "restart": "1"})
	return err
}
