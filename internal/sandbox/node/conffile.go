package node

import (
	"slices"
	"strconv"
	"strings"
)

// ConfigFile is the text of a container's file in /etc/pve, as write_pct_config writes it: the
// description as comments, the settings, and sections for what waits for a restart and for
// each snapshot.
func (n *Node) ConfigFile(vmid int) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	writeSection(&b, c.Conf)
	if len(c.Pending)+len(c.Dropped) > 0 {
		b.WriteString("\n[pve:pending]\n")
		if len(c.Dropped) > 0 {
			b.WriteString("delete: " + strings.Join(slices.Sorted(slices.Values(c.Dropped)), ",") + "\n")
		}
		writeSection(&b, c.Pending)
	}
	for _, name := range sortedKeys(c.Snapshots) {
		s := c.Snapshots[name]
		b.WriteString("\n[" + name + "]\n")
		conf := map[string]string{"snaptime": strconv.FormatInt(s.Time, 10), "description": s.Description, "snapstate": s.State}
		for k, v := range s.Conf {
			if k != "description" {
				conf[k] = v
			}
		}
		writeSection(&b, conf)
	}
	return b.String(), nil
}

func writeSection(b *strings.Builder, conf map[string]string) {
	for line := range strings.SplitSeq(strings.TrimRight(conf["description"], "\n"), "\n") {
		if line != "" {
			b.WriteString("#" + EncodeText(line) + "\n")
		}
	}
	for _, k := range sortedKeys(conf) {
		if k != "description" && k != "env" && k != "lxc" && conf[k] != "" {
			b.WriteString(k + ": " + conf[k] + "\n")
		}
	}
	for v := range strings.SplitSeq(conf["env"], "\x00") {
		if v != "" {
			b.WriteString("lxc.environment.runtime: " + v + "\n")
		}
	}
	b.WriteString(conf["lxc"])
}

// EncodeText is encode_text: a text in one line of a config file.
func EncodeText(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 0x20 || c == '%' || c > 0x7e {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Mount is pct mount: the root file system can be read on the node, and the container is
// locked.
func (n *Node) Mount(vmid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	if err != nil {
		return err
	}
	if err := c.checkLock(); err != nil {
		return err
	}
	c.Conf["lock"] = "mounted"
	return n.save()
}

// Unmount is pct unmount.
func (n *Node) Unmount(vmid int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := n.find(vmid)
	switch {
	case err != nil:
		return err
	case c.Conf["lock"] == "":
		return fail("no lock found trying to remove 'mounted'  lock")
	case c.Conf["lock"] != "mounted":
		return fail("found lock '%s' trying to remove 'mounted' lock", c.Conf["lock"])
	}
	delete(c.Conf, "lock")
	return n.save()
}

// MountedRoot is the folder of the root file system of a container that pct mount has mounted;
// "" for another one.
func (n *Node) MountedRoot(vmid int) string {
	n.mu.Lock()
	c, err := n.find(vmid)
	mounted := err == nil && c.Conf["lock"] == "mounted"
	n.mu.Unlock()
	d, ok := n.drv.(interface {
		Root(vmid int) (string, error)
	})
	if !mounted || !ok {
		return ""
	}
	dir, err := d.Root(vmid)
	if err != nil {
		return ""
	}
	return dir
}
