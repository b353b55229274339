package pct

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

func (t *Tool) snapshot(c *call) error    { return t.snap(c, t.node.TakeSnapshot) }
func (t *Tool) delSnapshot(c *call) error { return t.snap(c, t.node.DeleteSnapshot) }
func (t *Tool) rollback(c *call) error    { return t.snap(c, t.node.Rollback) }

func (t *Tool) snap(c *call, do func(node.Auth, int, node.Params) (string, error)) error {
	upid, err := do(node.Root, c.vmid, c.params)
	return t.follow(c, upid, err)
}

// listSnapshots prints the tree of snapshots as print_snapshot_tree does: children under
// their parent, oldest first, and current under the snapshot that it comes from.
func (t *Tool) listSnapshots(c *call) error {
	rows, err := t.node.Snapshots(c.vmid)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range rows {
		known[r["name"].(string)] = true
	}
	children := map[string][]map[string]any{}
	for _, r := range rows {
		parent, _ := r["parent"].(string)
		if !known[parent] {
			parent = ""
		}
		children[parent] = append(children[parent], r)
	}
	t.tree(c, children, "", "`->")
	return nil
}

func (t *Tool) tree(c *call, children map[string][]map[string]any, parent, prefix string) {
	rows := children[parent]
	at := func(i int) int64 { // current has no time and is last
		if v, ok := rows[i]["snaptime"].(int64); ok {
			return v
		}
		return 1<<63 - 1
	}
	sort.SliceStable(rows, func(i, j int) bool { return at(i) < at(j) })
	for i, r := range rows {
		name, when := r["name"].(string), ""
		if _, ok := r["snaptime"]; ok {
			when = time.Unix(at(i), 0).UTC().Format(time.DateTime)
		}
		text, _ := r["description"].(string)
		if text, _, _ = strings.Cut(text, "\n"); text == "" {
			text = "no-description"
		}
		fmt.Fprintf(c.p.Stdout, "%s %-*s %-23s %s\n", prefix, max(0, 30-len(prefix)), name, when, text)
		t.tree(c, children, name, "    "+prefix)
	}
}
