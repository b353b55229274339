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
	for _, k := range []string{"node", "vmid", "delete", "digest", "revert"} {
		delete(set, k)
	}
	drop := splitList(p["delete"])
	n.mu.Lock()
	c, err := n.find(vmid)
	var conf map[string]string
	if err == nil {
		conf = maps.Clone(c.Conf)
	}
	n.mu.Unlock()
	if err != nil {
		return err
	}
	if len(set)+len(drop) == 0 && p["revert"] == "" {
		return fail("no options specified")
	}
	if err := n.checkModify(a, vmid, "", conf, set, drop, conf["unprivileged"] == "1"); err != nil {
		return err
	}
	unlock, err := n.lock(ctx, vmid, n.opt.LockTimeout)
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.checkDevices(set); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, err = n.find(vmid); err != nil {
		return err
	}
	if err := c.checkLock(); err != nil {
		return err
	}
	if d := p["digest"]; d != "" && d != c.digest() {
		return fail("detected modified configuration - file changed by other user? Try again.")
	}
	before := container{Conf: maps.Clone(c.Conf), Pending: maps.Clone(c.Pending), Dropped: slices.Clone(c.Dropped)}
	if err := n.change(c, set, drop, splitList(p["revert"]), n.pid(vmid) != 0); err != nil {
		c.Conf, c.Pending, c.Dropped = before.Conf, before.Pending, before.Dropped
		return err
	}
	if err := n.save(); err != nil {
		return err
	}
	return n.reconfigure(ctx, c)
}

func (n *Node) change(c *container, set Params, drop, revert []string, running bool) error {
	for _, k := range revert {
		delete(c.Pending, k)
		c.Dropped = slices.DeleteFunc(c.Dropped, func(d string) bool { return d == k })
	}
	for _, k := range drop {
		if k == "rootfs" || k == "unprivileged" || k == "arch" || k == "ostype" {
			return fail("unable to delete required option '%s'", k)
		}
		delete(c.Pending, k)
		switch {
		case !running || n.hotplug(c, k):
			n.dropKey(c, k)
		case c.Conf[k] != "" && !slices.Contains(c.Dropped, k):
			c.Dropped = append(c.Dropped, k)
			sort.Strings(c.Dropped)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(set)) {
		v := set[k]
		switch {
		case k == "unprivileged" || k == "ostype" || k == "arch":
			if v != c.Conf[k] {
				return fail("unable to modify read-only option: '%s'", k)
			}
			continue
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
