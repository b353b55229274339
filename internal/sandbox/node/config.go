package node

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

// integers are the keys that config answers as JSON numbers. cpulimit is a
// "number" and comes as a string.
var integers = []string{
	"cores", "memory", "swap", "cpuunits", "tty", "unprivileged", "onboot", "protection", "template", "console", "debug",
}

// hotplug are the keys that take effect on a running container at once; all
// others wait, silently, for its restart. A mount point and, from version 9 on, a device are
// among them only where the container has none of that key.
func (n *Node) hotplug(c *container, key string) bool {
	switch key {
	case "description", "onboot", "startup", "protection", "hostname", "hookscript", "cores", "tags", "lock",
		"cpulimit", "cpuunits", "memory", "swap":
		return true
	}
	if numbered(key, "mp") || numbered(key, "dev") && n.prof.Major >= 9 {
		return c.Conf[key] == ""
	}
	return numbered(key, "net") || numbered(key, "unused")
}

// file is the config file's text, whose SHA-1 is the digest.
func (c *container) file() string {
	var b strings.Builder
	section := func(m map[string]string) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			b.WriteString(k + ": " + m[k] + "\n")
		}
	}
	section(c.Conf)
	b.WriteString("\n[pve:pending]\ndelete: " + strings.Join(c.Dropped, ",") + "\n")
	section(c.Pending)
	for _, name := range slices.Sorted(maps.Keys(c.Snapshots)) {
		s := c.Snapshots[name]
		fmt.Fprintf(&b, "\n[%s]\n#%s\nsnapstate: %s\nsnaptime: %d\n", name, s.Description, s.State, s.Time)
		section(s.Conf)
	}
	return b.String()
}

func (c *container) digest() string {
	sum := sha1.Sum([]byte(c.file()))
	return hex.EncodeToString(sum[:])
}

// merged is the config with what is pending as if it were applied.
func (c *container) merged(current bool) map[string]string {
	m := maps.Clone(c.Conf)
	if !current {
		maps.Copy(m, c.Pending)
		for _, k := range c.Dropped {
			delete(m, k)
		}
	}
	return m
}

// Config is GET /lxc/ID/config.
func (n *Node) Config(vmid int, p Params) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	if name := p["snapshot"]; name != "" {
		s, err := c.snapshot(name)
		if err != nil {
			return nil, err
		}
		m := s.view()
		m["digest"] = c.digest()
		return m, nil
	}
	conf := c.merged(p.bool("current"))
	m := map[string]any{"digest": c.digest()}
	for k, v := range conf {
		m[k] = typed(k, v)
	}
	return m, nil
}

func typed(key, value string) any {
	if slices.Contains(integers, key) {
		if i, err := strconv.Atoi(value); err == nil {
			return i
		}
	}
	switch key {
	case "description":
		return kept(value)
	case "lxc":
		return parseLXC(value)
	}
	return value
}

// kept is a text as the config file gives it back: as comment lines, with one newline at
// its end.
func kept(text string) string {
	if text == "" {
		return ""
	}
	return strings.TrimRight(text, "\n") + "\n"
}

// Raw is the stored config as strings, pending changes included, as pct config prints it.
// With a snapshot it is the config of the snapshot.
func (n *Node) Raw(vmid int, snapshot string) (map[string]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	m := c.merged(false)
	if snapshot != "" {
		s, err := c.snapshot(snapshot)
		if err != nil {
			return nil, err
		}
		m = maps.Clone(s.Conf)
		m["snaptime"] = strconv.FormatInt(s.Time, 10)
		if s.Description != "" {
			m["description"] = s.Description
		}
	}
	if d, ok := m["description"]; ok {
		m["description"] = kept(d)
	}
	return m, nil
}

// Pending is GET /lxc/ID/pending.
func (n *Node) Pending(vmid int) ([]map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for k := range c.Conf {
		keys[k] = true
	}
	for k := range c.Pending {
		keys[k] = true
	}
	rows := []map[string]any{}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if k == "lxc" {
			continue
		}
		m := map[string]any{"key": k}
		if v, ok := c.Conf[k]; ok {
			m["value"] = typed(k, v)
		}
		if v, ok := c.Pending[k]; ok {
			m["pending"] = typed(k, v)
		}
		if slices.Contains(c.Dropped, k) {
			m["delete"] = 1
		}
		rows = append(rows, m)
	}
	return append(rows, map[string]any{"key": "digest", "value": c.digest()}), nil
}

// SetConfig is PUT /lxc/ID/config: done when it returns, but for what waits for
// a restart of a running container.
func (n *Node) SetConfig(ctx context.Context, a Auth, vmid int, p Params) error {
	set := maps.Clone(p)
	for _, k := range notSet {
		delete(set, k)
	}
	_, drops := p["delete"]
	_, reverts := p["revert"]
	if len(set) == 0 && !drops && !reverts {
		return fail("no options specified")
	}
	if err := n.Exists(vmid); err != nil {
		return err
	}
	unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
	if err != nil {
		return err
	}
	defer unlock()
	drop, revert := splitList(p["delete"]), splitList(p["revert"])
	if err := n.mayChange(a, vmid, p["digest"], set, drop, revert); err != nil {
		return err
	}
	if err := n.checkDevices(set); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	before := container{Conf: maps.Clone(c.Conf), Pending: maps.Clone(c.Pending), Dropped: slices.Clone(c.Dropped)}
	if err := n.change(c, set, drop, revert, n.pid(vmid) != 0); err != nil {
		c.Conf, c.Pending, c.Dropped = before.Conf, before.Pending, before.Dropped
		return err
	}
	if err := n.save(); err != nil {
		return err
	}
	if err := n.bridged(c); err != nil {
		return err
	}
	return n.reconfigure(ctx, c)
}

// notSet are the parameters of a change that are no options.
var notSet = []string{"node", "vmid", "delete", "digest", "revert"}

// mayChange are the checks of a change before anything is done, in Proxmox's order.
func (n *Node) mayChange(a Auth, vmid int, digest string, set Params, drop, revert []string) error {
	n.mu.Lock()
	c, err := n.find(vmid)
	if err != nil {
		n.mu.Unlock()
		return err
	}
	conf, now, locked := maps.Clone(c.Conf), c.digest(), c.checkLock()
	n.mu.Unlock()
	if locked != nil {
		return locked
	}
	if digest != "" && digest != now {
		return fail("detected modified configuration - file changed by other user? Try again.")
	}
	unprivileged := conf["unprivileged"] == "1"
	if err := n.checkModify(a, vmid, "", conf, nil, slices.Concat(drop, revert), unprivileged); err != nil {
		return err
	}
	options := schema.Table(n.prof.Major)["PUT /nodes/{node}/lxc/{vmid}/config"]
	unknown := func(key string) bool { return slices.Contains(notSet, key) || !options.Has(key) }
	for _, key := range revert {
		_, given := set[key]
		switch {
		case unknown(key):
			return badParam("revert", "unknown option '"+key+"'")
		case given:
			return badParam("revert", fmt.Sprintf("you can't use '-%s' and '-revert %s' at the same time", key, key))
		}
	}
	for _, key := range drop {
		_, given := set[key]
		switch {
		case unknown(key):
			return badParam("delete", "unknown option '"+key+"'")
		case given:
			return badParam("delete", fmt.Sprintf("you can't use '-%s' and -delete %s' at the same time", key, key))
		case slices.Contains(revert, key):
			return badParam("delete", fmt.Sprintf("you can't use '-delete %s' and '-revert %s' at the same time", key, key))
		}
	}
	return n.checkModify(a, vmid, "", conf, set, nil, unprivileged)
}

// bridged is where update_lxc_config fails, after the config was written; mu held.
func (n *Node) bridged(c *container) error {
	for _, key := range slices.Sorted(maps.Keys(c.Conf)) {
		if b := properties(c.Conf[key], "")["bridge"]; numbered(key, "net") && b != "" && !slices.Contains(n.opt.Bridges, b) {
			return fail("bridge '%s' does not exist", b)
		}
	}
	return nil
}

// mayDrop is what update_pct_config refuses to delete.
func (c *container) mayDrop(key string) error {
	switch {
	case key == "memory" || key == "rootfs" || key == "ostype":
		return fail("unable to delete required option '%s'", key)
	case key == "unprivileged":
		return fail("unable to delete read-only option: 'unprivileged'")
	case (numbered(key, "mp") || numbered(key, "unused")) && c.Conf["protection"] == "1":
		return fail("can't remove CT %d drive '%s' - protection mode enabled", c.VMID, key)
	}
	return nil
}

func (n *Node) change(c *container, set Params, drop, revert []string, running bool) error {
	for _, k := range revert {
		delete(c.Pending, k)
		c.Dropped = slices.DeleteFunc(c.Dropped, func(d string) bool { return d == k })
	}
	for _, k := range drop {
		if c.Conf[k] == "" && c.Pending[k] == "" {
			continue // with a warning in the node's log
		}
		if err := c.mayDrop(k); err != nil {
			return err
		}
		delete(c.Pending, k)
		switch {
		case !running || n.hotplug(c, k):
			if err := n.dropKey(c, k); err != nil {
				return unapplied(k, running, err)
			}
		case c.Conf[k] != "" && !slices.Contains(c.Dropped, k):
			c.Dropped = append(c.Dropped, k)
			sort.Strings(c.Dropped)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(set)) {
		v := set[k]
		switch {
		case k == "unprivileged":
			return fail("unable to modify read-only option: 'unprivileged'")
		case k == "tags":
			v = uniqueTags(v)
		case numbered(k, "net"):
			v = completeNet(keepMAC(v, c.Conf[k]))
			if slaac(v) {
				return fail("%s: SLAAC is not supported for host-managed network configuration.", k)
			}
		case numbered(k, "mp"), k == "rootfs":
			if err := n.checkMount(c, k, v); err != nil {
				return err
			}
		}
		c.Dropped = slices.DeleteFunc(c.Dropped, func(d string) bool { return d == k })
		if !running || n.hotplug(c, k) {
			delete(c.Pending, k)
			switch {
			case k == "rootfs":
				if err := n.setRoot(c, v); err != nil {
					return err
				}
				continue
			case k == "description" && v == "": // the file has no line for it
				delete(c.Conf, k)
				continue
			case !numbered(k, "mp"):
				c.Conf[k] = v
				continue
			}
			if err := n.applyMount(c, k, v); err != nil {
				return unapplied(k, running, err)
			}
			continue
		}
		if c.Pending == nil {
			c.Pending = map[string]string{}
		}
		c.Pending[k] = v
	}
	return nil
}

func keepMAC(value, old string) string {
	p := properties(value, "")
	if mac := properties(old, "")["hwaddr"]; p["hwaddr"] == "" && mac != "" {
		p["hwaddr"] = mac
	}
	return printProperties(p, "name", false)
}

// uniqueTags is get_unique_tags with its default order.
func uniqueTags(s string) string {
	tags := splitList(strings.ToLower(s))
	sort.Strings(tags)
	return strings.Join(slices.Compact(tags), ";")
}

// Unlock is pct unlock: no API endpoint does this.
func (n *Node) Unlock(vmid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	delete(c.Conf, "lock")
	return n.save()
}
