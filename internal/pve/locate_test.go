package pve_test

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// A container that has moved is found although its old node is down. One that has not
// moved cannot be reached.
func TestLocateWithoutItsNode(t *testing.T) {
	f := newFake(t)
	c := f.client(t)
	f.on("GET /nodes/pve1/lxc/100/config", answer{status: 595, reason: "No route to host"})
	f.on("GET /nodes/pve1/lxc/101/config", answer{status: 595, reason: "No route to host"})
	f.on("GET /nodes/pve2/lxc/100/config", ok(`{"hostname":"web"}`))
	f.on("GET /cluster/resources", ok(`[{"vmid":100,"type":"lxc","node":"pve2","name":"web"},{"vmid":101,"type":"lxc","node":"pve1","name":"stuck"}]`))
	if node, cfg, err := c.Locate(t.Context(), "pve1", 100); node != "pve2" || cfg.Hostname != "web" || err != nil {
		t.Error(node, cfg.Hostname, err)
	}
	if _, _, err := c.Locate(t.Context(), "pve1", 101); !pve.IsKind(err, pve.Unreachable) {
		t.Error(err)
	}
}
