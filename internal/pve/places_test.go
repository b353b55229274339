package pve_test

import (
	"slices"
	"strings"
	"testing"
)

// An OS template is offered by its product, each once, without TurnKey's appliances.
func TestOSNames(t *testing.T) {
	c := newSandbox(t).client
	for _, node := range []string{"", "pve1"} {
		p, err := c.OSNames(t.Context(), node)
		if err != nil || !slices.Contains(p.OS, "debian-12-standard") || !slices.Contains(p.OS, "debian-13-standard") || !slices.IsSorted(p.OS) ||
			slices.ContainsFunc(p.OS, func(s string) bool { return strings.Contains(s, "turnkey") || strings.Contains(s, "_") }) {
			t.Errorf("%q: %+v %v", node, p.OS, err)
		}
	}
}

// The names come from the cluster's own summary, and only of storages that take root disks.
func TestPlaces(t *testing.T) {
	c := newSandbox(t).client
	p, err := c.Places(t.Context(), "")
	if err != nil || !slices.Equal(p.Nodes, []string{"pve1"}) || !slices.Equal(p.Storages, []string{"local-lvm"}) || !slices.Equal(p.Bridges, []string{"vmbr0"}) {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := c.Places(t.Context(), "other"); err != nil || p.Storages != nil || p.Bridges != nil {
		t.Errorf("of another node: %+v %v", p, err)
	}
}
