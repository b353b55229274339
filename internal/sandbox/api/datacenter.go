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
		{"PUT", "/cluster/options", "/ Sys.Modify", true, func(c *call) (any, error) { return nil, n.SetDatacenterOptions(c.params) }},
		{"GET", "/access/domains", "", false, func(*call) (any, error) { return n.Realms(), nil }},
		{"GET", "/access/domains/{realm}", "/access/realm Realm.Allocate|Sys.Audit", false, func(c *call) (any, error) {
			return n.Realm(c.params["realm"])
		}},
		{"GET", "/access/groups", "", false, func(*call) (any, error) { return []any{}, nil }},
		{"GET", "/access/groups/{groupid}", "/access/groups Sys.Audit|Group.Allocate", false, func(c *call) (any, error) {
			return nil, &node.Error{Status: 500, Message: "group '" + c.params["groupid"] + "' does not exist"}
		}},
		{"GET", nodePath + "/version", "", false, func(c *call) (any, error) { return c.at.Version(), nil }},
		{"GET", nodePath + "/network/{iface}", sees, false, func(c *call) (any, error) { return c.at.NetworkInterface(c.params["iface"]) }},
		{"GET", nodePath + "/rrddata", sees, true, func(c *call) (any, error) { return c.at.NodeRRD(c.params), nil }},
		{"GET", storPath + "/rrddata", reads, true, func(c *call) (any, error) { return c.at.StorageRRD(c.params) }},
		{"GET", ctPath + "/rrddata", audit, true, func(c *call) (any, error) { return c.at.ContainerRRD(c.vmid(), c.params), nil }},
		{"POST", ctPath + "/status/suspend", powers, true, func(c *call) (any, error) { return c.at.Suspend(c.ctx, c.auth, c.vmid()) }},
		{"POST", ctPath + "/status/resume", powers, true, func(c *call) (any, error) { return c.at.Resume(c.auth, c.vmid()) }},
		{"POST", nodePath + "/vzdump", "", true, func(c *call) (any, error) { return c.at.Backup(c.auth, c.params) }},
		{"POST", storPath + "/content", "/storage/{storage} Datastore.AllocateSpace", true, func(c *call) (any, error) { return c.at.AllocateVolume(c.params) }},
		{"GET", volume, "", true, func(c *call) (any, error) { return c.at.Volume(c.auth, c.params) }},
		{"PUT", volume, "", true, func(c *call) (any, error) { return nil, c.at.ChangeVolume(c.auth, c.params) }},
		{"POST", "/storage", "/storage Datastore.Allocate", true, func(c *call) (any, error) { return n.AddStorage(c.params) }},
		{"DELETE", "/storage/{storage}", "/storage Datastore.Allocate", true, func(c *call) (any, error) { return nil, n.RemoveStorage(c.params["storage"]) }},
		{"PUT", "/storage/{storage}", "/storage Datastore.Allocate", true, func(c *call) (any, error) {
			if err := n.SetStorage(c.params["storage"], c.params); err != nil {
				return nil, err
			}
			conf, err := n.StorageConfig(c.params["storage"])
			return map[string]any{"storage": c.params["storage"], "type": conf["type"]}, err
		}},
		{"POST", ctPath + "/move_volume", "/vms/{vmid} VM.Config.Disk", true, func(c *call) (any, error) {
			return c.at.MoveVolume(c.ctx, c.auth, c.vmid(), c.params)
		}},
		{"POST", ctPath + "/migrate", "/vms/{vmid} VM.Migrate", true, func(c *call) (any, error) {
			return c.at.Migrate(c.ctx, c.auth, c.vmid(), c.params)
		}},
		{"DELETE", volume, "", true, func(c *call) (any, error) { return c.at.RemoveVolume(c.ctx, c.auth, c.params) }},
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
			return nil, c.at.NoVM(c.params["vmid"])
		}})
	}
	return list
}
