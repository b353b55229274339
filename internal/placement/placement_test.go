package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

const g = 1 << 30

func node(name string, freeGiB int64, change ...func(*Node)) Node {
	n := Node{Name: name, Online: true, Free: freeGiB * g, Total: 64 * g, Storages: []Storage{{Name: "local-lvm", Disks: true, Free: 100 * g, Known: true}, {Name: "local"}}}
	for _, c := range change {
		c(&n)
	}
	return n
}

func off(n *Node)               { n.Online = false }
func maintained(n *Node)        { n.Maintenance = true }
func blind(n *Node)             { n.Free, n.Total, n.Storages = 0, 0, nil }
func full(n *Node)              { n.Storages[0].Free = g }
func diskless(n *Node)          { n.Storages[0].Disks = false }
func planned(k int) func(*Node) { return func(n *Node) { n.Planned = k } }

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes []Node
		want  Want
		is    string // node: a part of the reason; or error: a part of it
	}{
		{"the most free memory", []Node{node("a", 4), node("b", 9), node("c", 5)}, Want{}, "b: 9.0 GiB of memory free, the most of 3 that fit"},
		{"as many free", []Node{node("pve10", 4), node("pve2", 4)}, Want{}, "pve2: "},
		{"fewer planned of as many free", []Node{node("a", 4, planned(2)), node("b", 4, planned(1))}, Want{}, "b: 4.0 GiB of memory free beside 1 container planned there"},
		{"one", []Node{node("a", 4)}, Want{}, "a: the only one"},
		{"named", []Node{node("a", 4), node("b", 9)}, Want{Nodes: []string{"a"}}, "a: "},
		{"one of those named", []Node{node("a", 4), node("b", 9), node("c", 20)}, Want{Nodes: []string{"a", "b"}}, "b: 9.0 GiB of memory free, the most of 2"},
		{"offline", []Node{node("a", 4), node("b", 9, off)}, Want{}, "a: the only one that fits; b is offline"},
		{"maintenance", []Node{node("a", 4), node("b", 9, maintained)}, Want{}, "a: the only one that fits; b is in maintenance"},
		{"named and offline", []Node{node("a", 4), node("b", 9, off)}, Want{Nodes: []string{"b"}}, "error: b is offline"},
		{"named and unknown", []Node{node("a", 4)}, Want{Nodes: []string{"x"}}, "error: the cluster has no node x"},
		{"no room", []Node{node("a", 4), node("b", 9, full)}, Want{Disk: 8 * g}, "a: the only one that fits; b has 1.0 GiB free on local-lvm, and the disk wants 8.0 GiB"},
		{"no storage", []Node{node("a", 4, diskless)}, Want{}, "error: a has no storage that takes containers"},
		{"a named storage", []Node{node("a", 4), node("b", 9, func(n *Node) { n.Storages[0].Name = "tank" })}, Want{Storage: "local-lvm"}, "a: the only one that fits; b has no storage local-lvm"},
		{"a named storage without disks", []Node{node("a", 4)}, Want{Storage: "local"}, "error: a has a storage local that takes no containers"},
		{"the template is elsewhere", []Node{node("a", 4), node("b", 9)}, Want{Archive: map[string]Archive{"b": Nowhere}}, "a: the only one that fits; b does not have the OS template"},
		{"a download counts", []Node{node("a", 6), node("b", 9)}, Want{Archive: map[string]Archive{"b": Fetch}}, "a: 6.0 GiB of memory free"},
		{"and is done", []Node{node("a", 4), node("b", 9)}, Want{Archive: map[string]Archive{"b": Fetch}}, "b: 9.0 GiB of memory free, the most of 2 that fit; it downloads the OS template first"},
		{"too little memory everywhere", []Node{node("a", 1), node("b", 2)}, Want{Memory: 8 * g}, "b: 2.0 GiB of memory free, the most of 2 that fit; less than the container may use"},
		{"nothing is known", []Node{node("a", 0, blind, planned(1)), node("b", 0, blind)}, Want{}, "b: one of 2 that fit, with the fewest new containers"},
		{"nothing fits", []Node{node("a", 4, off), node("b", 9, maintained)}, Want{}, "error: a is offline; b is in maintenance"},
		{"none", nil, Want{}, "error: there is no node"},
	} {
		t.Run(c.name, func(t *testing.T) {
			choice, err := Choose(c.nodes, c.want)
			got := choice.Node + ": " + choice.Why
			if err != nil {
				got = "error: " + err.Error()
			}
			if !strings.HasPrefix(got, c.is) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Forty containers spread over the nodes by what is left of each.
func TestSpread(t *testing.T) {
	nodes := []Node{node("a", 32), node("b", 16), node("c", 16), node("d", 16, off), node("e", 0, func(n *Node) { n.Storages[0].Free = 4 * g })}
	w := Want{Memory: g, Disk: 2 * g}
	count := map[string]int{}
	for range 40 {
		choice, err := Choose(nodes, w)
		if err != nil {
			t.Fatal(err)
		}
		Take(nodes, choice.Node, w)
		count[choice.Node]++
	}
	var got []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		got = append(got, fmt.Sprint(name, count[name]))
	}
	if text := strings.Join(got, " "); text != "a24 b8 c8" {
		t.Errorf("got %s", text)
	}
}

func TestWish(t *testing.T) {
	for text, want := range map[string]string{"": "", "auto": "", "a": "a", "a, b,,a": "a b"} {
		if got := strings.Join(Wish(text), " "); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
