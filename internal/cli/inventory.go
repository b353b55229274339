package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type inventoryOptions struct {
	app    *app
	filter []string
	list   bool
	one    string
	pve    string
}

func newInventoryCmd(a *app) *cobra.Command {
	o := &inventoryOptions{app: a}
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Print the containers as an inventory for Ansible",
		Long: `Print the containers on record as a dynamic inventory for Ansible. Ansible runs a script
for it, for example:

  printf '#!/bin/sh\nexec infrahaus inventory "$@"\n' >containers && chmod +x containers
  ansible-inventory -i containers --graph

Groups are template_NAME, tag_NAME, node_NAME, host_NAME and status_NAME, where every
character that a group cannot have is an underscore. Each container has what Ansible
needs to log in as root with this tool's key, and infrahaus_id, _ctid, _name, _template,
_node, _host, _status, _tags and _urls. Text of a guest, a template or Proxmox is marked
unsafe, so that {{ in it stays text. Containers that were destroyed or have no known
address are left out.

Ansible calls --host NAME for the variables of one container; a Proxmox host is selected
with --proxmox-host, or in the environment or the config.` + exitStatuses(0, 1, 2),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.list, "list", false, "print everything (the default)")
	f.StringVar(&o.one, "host", "", "print the variables of the container with this `name` in the inventory")
	f.StringVar(&o.pve, "proxmox-host", "", "only containers of the Proxmox host with this `name` in the config")
	filterFlag(cmd, &o.filter)
	return cmd
}

func (o *inventoryOptions) run(ctx context.Context) error {
	a := o.app
	if o.list && o.one != "" {
		return usagef("--list and --host exclude each other")
	}
	if o.pve != "" {
		a.global.host = o.pve
		if err := a.knowHost(ctx); err != nil {
			return err
		}
	}
	filters, err := parseFilters(o.filter)
	if err != nil {
		return err
	}
	list, err := a.passing(ctx, filters, false, needServices|needTags)
	if err != nil {
		return err
	}
	if a.store == nil {
		return o.write(newInventory())
	}
	entries, err := a.sshEntries(ctx, containersOf(list))
	if err != nil {
		return err
	}
	inv := newInventory()
	for i, e := range entries {
		if e.Address == "" {
			a.say(e.Alias + " has no known address and is left out")
			continue
		}
		if err := inv.add(e, list[i]); err != nil {
			return err
		}
	}
	return o.write(inv)
}

func (o *inventoryOptions) write(inv *inventory) error {
	if o.one == "" {
		return ui.WriteJSON(o.app.streams, inv.document())
	}
	vars, ok := inv.vars[o.one]
	if !ok {
		return failf(1, "cannot find container %s in the inventory", o.one).hint("%s", o.app.command("inventory"))
	}
	return ui.WriteJSON(o.app.streams, vars)
}

// inventory is an Ansible inventory in the making.
type inventory struct {
	groups map[string][]string
	vars   map[string]map[string]any
}

func newInventory() *inventory {
	return &inventory{groups: map[string][]string{}, vars: map[string]map[string]any{}}
}

// unsafeText is text that Ansible must not read as a template.
type unsafeText struct {
	Text string `json:"__ansible_unsafe"`
}

func unsafeTexts(list []string) []unsafeText {
	out := []unsafeText{}
	for _, text := range list {
		out = append(out, unsafeText{text})
	}
	return out
}

// add puts a container into its groups.
func (inv *inventory) add(e sshEntry, l listed) error {
	args, err := e.sshArgs()
	if err != nil {
		return err
	}
	c := l.Container
	vars := map[string]any{
		"ansible_host": unsafeText{e.Address}, "ansible_port": sshPort, "ansible_user": "root", "ansible_ssh_common_args": unsafeText{args},
		"infrahaus_id": c.RecordID, "infrahaus_ctid": c.CTID, "infrahaus_name": unsafeText{c.Hostname}, "infrahaus_template": unsafeText{c.Template},
		"infrahaus_node": unsafeText{c.Node}, "infrahaus_host": unsafeText{c.Host}, "infrahaus_status": l.condition(), "infrahaus_tags": unsafeTexts(l.Tags),
	}
	if e.Identity != "" {
		vars["ansible_ssh_private_key_file"] = unsafeText{e.Identity}
	}
	urls := map[string]any{}
	for _, p := range pages(l.Services) {
		urls[groupName("", p.Service)] = unsafeText{p.URL}
	}
	vars["infrahaus_urls"] = urls
	inv.vars[e.Alias] = vars
	groups := []string{groupName("node_", c.Node), groupName("host_", c.Host), groupName("status_", l.condition())}
	if c.Template != "" {
		groups = append(groups, groupName("template_", c.Template))
	}
	for _, tag := range l.Tags {
		groups = append(groups, groupName("tag_", tag))
	}
	slices.Sort(groups)
	for _, g := range slices.Compact(groups) {
		inv.groups[g] = append(inv.groups[g], e.Alias)
	}
	return nil
}

// groupName makes a name that a group or a variable of Ansible may have.
func groupName(prefix, name string) string {
	return prefix + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name)
}

func (inv *inventory) document() map[string]any {
	doc := map[string]any{
		"_meta": map[string]any{"hostvars": inv.vars},
		"all":   map[string]any{"hosts": slices.Sorted(maps.Keys(inv.vars)), "children": slices.Sorted(maps.Keys(inv.groups))},
	}
	if len(inv.vars) == 0 {
		doc["all"] = map[string]any{"hosts": []string{}}
	}
	for name, hosts := range inv.groups {
		doc[name] = map[string]any{"hosts": hosts}
	}
	return doc
}

// sshArgs are the options of ssh-config as words of a shell, which Ansible splits.
func (e sshEntry) sshArgs() (string, error) {
	trust, err := e.trust()
	if err != nil {
		return "", err
	}
	var words []string
	for _, o := range trust {
		words = append(words, "-o", guest.Quote(o.key+"="+o.value))
	}
	if e.Identity != "" {
		words = append(words, "-o", "IdentitiesOnly=yes")
	}
	if e.Jump != nil {
		words = append(words, "-o", guest.Quote("ProxyCommand="+e.Jump.command()))
	}
	return strings.Join(words, " "), nil
}

// command is the ssh that connects through the jump host. ProxyJump in an option would
// leave no place for the jump host's own key.
func (j *sshJump) command() string {
	words := []string{"ssh", "-W", "[%h]:%p"}
	if j.Port != 0 {
		words = append(words, "-p", strconv.Itoa(j.Port))
	}
	for _, o := range []option{{"IdentityFile", j.Identity}, {"UserKnownHostsFile", j.KnownHosts}} {
		if o.value != "" {
			words = append(words, "-o", guest.Quote(fmt.Sprintf("%s=%s", o.key, strings.ReplaceAll(o.value, "%", "%%%%"))))
		}
	}
	to := j.Host
	if j.User != "" {
		to = j.User + "@" + to
	}
	return strings.Join(append(words, guest.Quote(to)), " ")
}
