package api

import (
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// datacenter are the routes that clients ask for before and beside containers. Those of
// virtual machines know that there is none.
func (s *Server) datacenter() []route {
	const (
		volume = storPath + "/content/{volume}"
		vmPath = nodePath + "/qemu/{vmid}"
		sees   = "/nodes/{node} Sys.Audit"
	)
	n := s.node
	list := []route{
		{"GET", "/storage", "", false, func(c *call) (any, error) { return n.StorageConfigs(c.auth, c.params), nil }},
		{"GET", "/storage/{storage}", "/storage/{storage} Datastore.Allocate", false, func(c *call) (any, error) {
			return n.StorageConfig(c.params["storage"])
		}},
		{"GET", "/cluster/tasks", "", false, func(c *call) (any, error) { return n.ClusterTasks(c.auth), nil }},
		{"GET", "/cluster/options", "", false, func(c *call) (any, error) { return n.DatacenterOptions(c.auth), nil }},
		{"GET", "/access/domains", "", false, func(*call) (any, error) { return n.Realms(), nil }},
		{"GET", "/access/domains/{realm}", "/access/realm Realm.Allocate|Sys.Audit", false, func(c *call) (any, error) {
			return n.Realm(c.params["realm"])
		}},
		{"GET", "/access/groups", "", false, func(*call) (any, error) { return []any{}, nil }},
		{"GET", "/access/groups/{groupid}", "/access/groups Sys.Audit|Group.Allocate", false, func(c *call) (any, error) {
			return nil, &node.Error{Status: 500, Message: "group '" + c.params["groupid"] + "' does not exist"}
		}},
		{"GET", nodePath + "/version", "", false, func(*call) (any, error) { return n.Version(), nil }},
		{"GET", nodePath + "/network/{iface}", sees, false, func(c *call) (any, error) { return n.NetworkInterface(c.params["iface"]) }},
		{"GET", nodePath + "/rrddata", sees, true, func(c *call) (any, error) { return n.NodeRRD(c.params), nil }},
		{"GET", storPath + "/rrddata", reads, true, func(c *call) (any, error) { return n.StorageRRD(c.params) }},
		{"GET", ctPath + "/rrddata", audit, true, func(c *call) (any, error) { return n.ContainerRRD(c.vmid(), c.params), nil }},
		{"GET", ctPath + "/firewall/options", audit, false, func(*call) (any, error) {
			return map[string]any{"digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, nil // of an empty file
		}},
		{"POST", ctPath + "/status/suspend", powers, true, func(c *call) (any, error) { return n.Suspend(c.ctx, c.auth, c.vmid()) }},
		{"POST", ctPath + "/status/resume", powers, true, func(c *call) (any, error) { return n.Resume(c.auth, c.vmid()) }},
		{"GET", volume, "", true, func(c *call) (any, error) { return n.Volume(c.auth, c.params) }},
		{"DELETE", volume, "", true, func(c *call) (any, error) { return n.RemoveVolume(c.ctx, c.auth, c.params) }},
		{"GET", nodePath + "/qemu", "", true, func(*call) (any, error) { return []any{}, nil }},
	}
	for _, r := range []struct{ method, path, priv string }{
		{"DELETE", "", "VM.Allocate"}, {"GET", "/config", "VM.Audit"}, {"PUT", "/config", "VM.Config.Options"}, {"POST", "/config", "VM.Config.Options"},
		{"GET", "/pending", "VM.Audit"}, {"GET", "/snapshot", "VM.Audit"}, {"GET", "/status/current", "VM.Audit"},
		{"POST", "/clone", "VM.Clone"}, {"POST", "/template", "VM.Allocate"}, {"POST", "/status/start", "VM.PowerMgmt"},
		{"POST", "/status/stop", "VM.PowerMgmt"}, {"POST", "/status/shutdown", "VM.PowerMgmt"}, {"POST", "/status/reboot", "VM.PowerMgmt"},
		{"GET", "/agent/network-get-interfaces", "VM.Audit"},
	} {
		list = append(list, route{r.method, vmPath + r.path, "/vms/{vmid} " + r.priv, true, func(c *call) (any, error) {
			return nil, n.NoVM(c.params["vmid"])
		}})
	}
	return list
}
