package pve_test

import (
	"slices"
	"testing"
)

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
