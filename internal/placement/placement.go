// Package placement chooses the node of a new container. It is pure: nodes and a wish become
// a choice with its reason. It must not know how nodes are asked, or what a template is.
package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Auto is the wish for any node, whatever the config names.
const Auto = "auto"

// Node is a node of a cluster, as far as a choice depends on it.
type Node struct {
	Name        string
	Online      bool
	Maintenance bool  // the HA manager has taken it out of service, or is about to
	Free, Total int64 // bytes of memory; Total 0: the login may not see them
	Storages    []Storage
	Planned     int // containers that were placed there and do not show in Free yet
}

// Storage is a storage that a node reaches.
type Storage struct {
	Name  string
	Disks bool  // it takes root disks
	Free  int64 // bytes
	Known bool  // Free is known
}

// Archive says whether a node has the OS template that a container is made from.
type Archive int

// The states of an OS template on a node.
const (
	Here    Archive = iota // on a storage of the node, or nobody has looked
	Fetch                  // the node has to download it first
	Nowhere                // it can neither be found nor downloaded
)

// Want is what a container needs.
type Want struct {
	Nodes   []string // one of these; nil: any
	Memory  int64    // bytes
	Disk    int64    // bytes
	Storage string   // the storage that was asked for; "": any that takes disks
	Archive map[string]Archive
}

// Wish reads the text of --node: names with commas, or auto. It is nil for any node.
func Wish(text string) []string {
	if text == "" || text == Auto {
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Allows reports whether the text of --node allows a node.
func Allows(text, node string) bool {
	wish := Wish(text)
	return wish == nil || slices.Contains(wish, node)
}

// Choice is the node for a container, and the reason in a few words.
type Choice struct {
	Node string
	Why  string
}

// None is the error if no node fits. Its reasons name each node.
type None struct{ Reasons []string }

func (n *None) Error() string {
	if len(n.Reasons) == 0 {
		return "there is no node"
	}
	return strings.Join(n.Reasons, "; ")
}

// candidate is a node that fits.
type candidate struct {
	*Node
	score int64
	fetch bool
}

// Choose takes the node with the most free memory of those that fit: online, not in
// maintenance, with a storage that has room for the disk, and with the OS template or a way to
// get it. Memory counts half where the OS template has to be downloaded first. Where no memory
// is known, the node with the fewest planned containers is taken. It is no fault if no node has
// enough memory: a container's memory is a limit, and not reserved.
func Choose(nodes []Node, w Want) (Choice, error) {
	var fit []candidate
	var none None
	for i := range nodes {
		n := &nodes[i]
		if w.Nodes != nil && !slices.Contains(w.Nodes, n.Name) {
			continue
		}
		if why := n.unfit(w); why != "" {
			none.Reasons = append(none.Reasons, n.Name+" "+why)
			continue
		}
		c := candidate{Node: n, score: n.Free, fetch: w.Archive[n.Name] == Fetch}
		if c.fetch {
			c.score /= 2
		}
		fit = append(fit, c)
	}
	for _, name := range w.Nodes {
		if !slices.ContainsFunc(nodes, func(n Node) bool { return n.Name == name }) {
			none.Reasons = append(none.Reasons, "the cluster has no node "+name)
		}
	}
	if len(fit) == 0 {
		return Choice{}, &none
	}
	best := slices.MinFunc(fit, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.Planned, b.Planned), cmp.Compare(naturally(a.Name), naturally(b.Name)))
	})
	return Choice{Node: best.Name, Why: reason(best, fit, none.Reasons, w)}, nil
}

// naturally is a name for comparisons in which pve2 comes before pve10.
func naturally(name string) string {
	head := strings.TrimRight(name, "0123456789")
	return head + fmt.Sprintf("%20s", name[len(head):])
}

// unfit is the reason why a container cannot be made on a node, "" if it can.
func (n *Node) unfit(w Want) string {
	switch {
	case !n.Online:
		return "is offline"
	case n.Maintenance:
		return "is in maintenance"
	case w.Archive[n.Name] == Nowhere:
		return "does not have the OS template, and cannot download it"
	case n.Storages == nil: // the login may not see them
		return ""
	}
	why := "has no storage that takes containers"
	if w.Storage != "" {
		why = "has no storage " + w.Storage
	}
	for _, s := range n.Storages {
		switch {
		case w.Storage != "" && s.Name != w.Storage:
		case !s.Disks:
			if w.Storage != "" {
				why = "has a storage " + s.Name + " that takes no containers"
			}
		case s.Known && s.Free < w.Disk:
			why = fmt.Sprintf("has %s free on %s, and the disk wants %s", gib(s.Free), s.Name, gib(w.Disk))
		default:
			return ""
		}
	}
	return why
}

// reason says why a node was taken.
func reason(best candidate, fit []candidate, others []string, w Want) string {
	var parts []string
	switch {
	case len(fit) == 1 && len(others) == 0 && len(w.Nodes) == 1:
		return "" // as asked for
	case len(fit) == 1 && len(others) == 0:
		return "the only one"
	case len(fit) == 1:
		parts = append(parts, "the only one that fits")
	case best.Total == 0:
		parts = append(parts, fmt.Sprintf("one of %d that fit, with the fewest new containers", len(fit)))
	default:
		free := gib(max(best.Free, 0)) + " of memory free"
		if best.Planned > 0 {
			free += fmt.Sprintf(" beside %s planned there", counted(best.Planned))
		}
		parts = append(parts, fmt.Sprintf("%s, the most of %d that fit", free, len(fit)))
	}
	if best.Total > 0 && best.Free < w.Memory {
		parts = append(parts, "less than the container may use")
	}
	if best.fetch {
		parts = append(parts, "it downloads the OS template first")
	}
	const shown = 3
	parts = append(parts, others[:min(len(others), shown)]...)
	if more := len(others) - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("%d others do not fit", more))
	}
	return strings.Join(parts, "; ")
}

func counted(n int) string {
	if n == 1 {
		return "1 container"
	}
	return fmt.Sprintf("%d containers", n)
}

func gib(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// Take accounts for a container that was placed: its memory, and its disk on the storage that
// has the most room.
func Take(nodes []Node, name string, w Want) {
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return
	}
	n := &nodes[i]
	n.Planned++
	n.Free -= w.Memory
	best := -1
	for j, s := range n.Storages {
		if s.Disks && s.Known && (w.Storage == "" || s.Name == w.Storage) && (best < 0 || s.Free > n.Storages[best].Free) {
			best = j
		}
	}
	if best >= 0 {
		n.Storages[best].Free -= w.Disk
	}
}
