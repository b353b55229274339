package pct

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// follow runs a worker in the foreground, with its lines on stdout and its error on
// stderr.
func (t *Tool) follow(c *call, upid string, err error) error {
	if err != nil {
		return err
	}
	exit, err := t.node.Follow(c.p.Context(), upid, func(line string) { fmt.Fprintln(c.p.Stdout, line) })
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

func (t *Tool) create(c *call) error {
	if file, ok := c.params["ssh-public-keys"]; ok { // here it is a path, unlike in the API
		b, err := c.p.View().ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("can't open '%s' - No such file or directory", file)
		}
		if err != nil {
			return err
		}
		c.params["ssh-public-keys"] = string(b)
	}
	upid, err := t.node.Create(t.ctx, node.Root, c.params)
	return t.follow(c, upid, err)
}

// power runs a call that starts a task of a container.
func (t *Tool) power(c *call, do func(context.Context, node.Auth, int, node.Params) (string, error)) error {
	upid, err := do(t.ctx, node.Root, c.vmid, c.params)
	return t.follow(c, upid, err)
}

func (t *Tool) start(c *call) error    { return t.power(c, t.node.Start) }
func (t *Tool) stop(c *call) error     { return t.power(c, t.node.Stop) }
func (t *Tool) shutdown(c *call) error { return t.power(c, t.node.Shutdown) }
func (t *Tool) reboot(c *call) error   { return t.power(c, t.node.Reboot) }
func (t *Tool) destroy(c *call) error  { return t.power(c, t.node.Destroy) }

func (t *Tool) set(c *call) error {
	return t.node.SetConfig(t.ctx, node.Root, c.vmid, c.params)
}

func (t *Tool) unlock(c *call) error { return t.node.Unlock(c.vmid) }

func (t *Tool) status(c *call) error {
	m, err := t.node.Status(c.vmid)
	if err != nil {
		return err
	}
	if c.params["verbose"] != "1" {
		fmt.Fprintf(c.p.Stdout, "status: %s\n", m["status"])
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(c.p.Stdout, "%s: %v\n", k, m[k])
	}
	return nil
}

func (t *Tool) list(c *call) error {
	rows := t.node.List(node.Root)
	if len(rows) == 0 {
		return nil
	}
	const format = "%-10s %-10s %-12s %-20s\n"
	fmt.Fprintf(c.p.Stdout, format, "VMID", "Status", "Lock", "Name")
	for _, r := range rows {
		lock, _ := r["lock"].(string)
		fmt.Fprintf(c.p.Stdout, format, fmt.Sprint(r["vmid"]), r["status"], lock, r["name"])
	}
	return nil
}

func (t *Tool) config(c *call) error {
	m, err := t.node.Raw(c.vmid, c.params["snapshot"])
	if err != nil {
		return err
	}
	raw := m["lxc"]
	delete(m, "lxc")
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		if k == "description" {
			v = node.EncodeText(v)
		}
		fmt.Fprintf(c.p.Stdout, "%s: %s\n", k, v)
	}
	fmt.Fprint(c.p.Stdout, raw)
	return nil
}

// pending is pct pending: the present values, those that wait for a restart, and what a
// restart deletes.
func (t *Tool) pending(c *call) error {
	rows, err := t.node.Pending(c.vmid)
	if err != nil {
		return err
	}
	for _, r := range rows {
		key := r["key"].(string)
		if key == "digest" {
			continue
		}
		show := func(what string, v any) {
			text := fmt.Sprint(v)
			if key == "description" {
				text = node.EncodeText(text)
			}
			fmt.Fprintf(c.p.Stdout, "%s %s: %s\n", what, key, text)
		}
		_, dropped := r["delete"]
		_, changes := r["pending"]
		if v, ok := r["value"]; ok {
			show("cur", v)
		}
		switch {
		case changes:
			show("new", r["pending"])
		case dropped:
			fmt.Fprintf(c.p.Stdout, "del %s\n", key)
		}
	}
	return nil
}
