package admin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// cannot are verbs that genuine nodes have and this one does not.
func cannot(program string, words ...string) []command {
	var list []command
	for _, w := range words {
		list = append(list, command{w, nil, anything, func(*call) error {
			return fmt.Errorf("%s %s: the simulated node cannot do that", program, w)
		}})
	}
	return list
}

// anything stands for options that nobody reads.
var anything = map[string]bool{"*": true}

var pvesm = append([]command{
	{"alloc", []string{"storage", "vmid", "filename", "size"}, anything, func(*call) error {
		return fmt.Errorf("pvesm alloc: the simulated node makes volumes for containers only")
	}},
	{"free", []string{"volume"}, nil, func(c *call) error {
		if err := c.node.FreeVolume(c.args[0]); err != nil {
			return err
		}
		fmt.Fprintf(c.p.Stdout, "Removed volume '%s'\n", c.args[0])
		return nil
	}},
	{"list", []string{"storage"}, map[string]bool{"content": false, "vmid": false}, listContent},
	{"path", []string{"volume"}, nil, func(c *call) error {
		if storage, file, ok := strings.Cut(c.args[0], ":vztmpl/"); ok {
			path, err := c.node.TemplatePath(storage, file)
			if err == nil {
				_, err = fmt.Fprintln(c.p.Stdout, path)
			}
			return err
		}
		m, err := c.node.Volume(node.Root, node.Params{"volume": c.args[0], "storage": storageOf(c.args[0])})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.p.Stdout, m["path"])
		return err
	}},
	{"set", []string{"storage"}, map[string]bool{"content": false, "disable": true}, func(c *call) error {
		return c.node.SetStorage(c.args[0], node.Params(c.opt))
	}},
	{"status", nil, map[string]bool{"content": false, "enabled": true, "storage": false, "target": false, "format": true}, storageStatus},
}, cannot("pvesm", "add", "apiinfo", "export", "extractconfig", "import", "prune-backups", "remove", "scan")...)

func storageOf(volid string) string {
	for i, r := range volid {
		if r == ':' {
			return volid[:i]
		}
	}
	return ""
}

func listContent(c *call) error {
	rows, err := c.node.StorageContent(node.Root, c.args[0], node.Params{"content": c.opt["content"], "vmid": c.opt["vmid"]})
	if err != nil {
		return err
	}
	wide := len("Volid")
	for _, r := range rows {
		wide = max(wide, len(r["volid"].(string)))
	}
	fmt.Fprintf(c.p.Stdout, "%-*s %-7s %-9s %12s %s\n", wide, "Volid", "Format", "Type", "Size", "VMID")
	for _, r := range rows {
		vmid := ""
		if v, ok := r["vmid"].(int); ok {
			vmid = strconv.Itoa(v)
		}
		fmt.Fprintf(c.p.Stdout, "%-*s %-7s %-9s %12d %s\n", wide, r["volid"], r["format"], r["content"], r["size"], vmid)
	}
	return nil
}

// storageStatus has sizes in KiB.
func storageStatus(c *call) error {
	wide := len("Name")
	rows := c.node.StorageList(node.Root, node.Params{"content": c.opt["content"], "storage": c.opt["storage"], "enabled": c.opt["enabled"]})
	for _, r := range rows {
		wide = max(wide, len(r["storage"].(string)))
	}
	fmt.Fprintf(c.p.Stdout, "%-*s %10s %10s %15s %15s %15s %8s\n", wide, "Name", "Type", "Status", "Total", "Used", "Available", "%")
	kib := func(v any) int64 {
		n, _ := v.(int64)
		return n >> 10
	}
	for _, r := range rows {
		status, share := "active", 0.0
		switch {
		case r["enabled"] == 0:
			status = "disabled"
		case r["active"] == 0:
			status = "inactive"
		}
		if f, ok := r["used_fraction"].(float64); ok {
			share = f * 100
		}
		fmt.Fprintf(c.p.Stdout, "%-*s %10s %10s %15d %15d %15d %7.2f%%\n", wide, r["storage"], r["type"], status, kib(r["total"]), kib(r["used"]), kib(r["avail"]), share)
	}
	return nil
}
