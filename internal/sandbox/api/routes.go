package api

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// call is one request to the node.
type call struct {
	srv    *Server
	ctx    context.Context // of the server: a client that disconnects does not stop its operation
	at     *node.Node      // that the path names; the first for other paths
	auth   node.Auth
	params node.Params
	head   http.Header
	total  *int
	file   string // an upload's, as the web server has received it

	upgrade func(net.Conn, *bufio.Reader) // takes over the connection; nil: a normal answer
}

func (c *call) vmid() int {
	id, _ := strconv.Atoi(c.params["vmid"])
	return id
}

// number returns an integer parameter that was checked before.
func (c *call) number(key string, def int) int {
	if v, err := strconv.Atoi(c.params[key]); err == nil {
		return v
	}
	return def
}

// route is one method of the API. Parameters are in package schema's table.
type route struct {
	method, path string
	perm         string // "PATH PRIV|PRIV": one of these; "": every login
	proxied      bool   // answered by pvedaemon or another node behind pveproxy
	do           func(*call) (any, error)
}

const (
	nodePath = "/nodes/{node}"
	ctPath   = nodePath + "/lxc/{vmid}"
	taskPath = nodePath + "/tasks/{upid}"
	storPath = nodePath + "/storage/{storage}"
	snapPath = ctPath + "/snapshot/{snapname}"

	audit  = "/vms/{vmid} VM.Audit"
	powers = "/vms/{vmid} VM.PowerMgmt"
	shows  = "/vms/{vmid} VM.Console"
	reads  = "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace"
)

// table is the API.
func (s *Server) table() []route {
	t := []route{
		{"GET", "/version", "", false, func(*call) (any, error) { return s.node.Version(), nil }},
		{"GET", "/access/ticket", "", false, func(*call) (any, error) { return nil, nil }},
		{"POST", "/access/ticket", "", false, createTicket},
		{"GET", "/access/permissions", "", false, permissions},
		{"GET", "/nodes", "", false, func(c *call) (any, error) { return s.node.NodeList(c.auth, s.fingerprint), nil }},
		{"GET", "/cluster/status", "/ Sys.Audit", true, func(*call) (any, error) { return s.node.ClusterStatus(), nil }},
		{"GET", "/cluster/nextid", "", false, func(c *call) (any, error) { return s.node.NextID(c.params) }},
		{"GET", "/cluster/resources", "", false, func(c *call) (any, error) { return s.node.Resources(c.auth, c.params["type"]), nil }},
		{"GET", nodePath + "/status", "/nodes/{node} Sys.Audit", false, func(c *call) (any, error) { return c.at.NodeStatus(), nil }},
		{"GET", nodePath + "/certificates/info", "", false, s.certificateInfo},
		{"GET", nodePath + "/apt/versions", "/nodes/{node} Sys.Audit", false, func(c *call) (any, error) { return c.at.Packages(), nil }},
		{"GET", nodePath + "/network", "", false, func(c *call) (any, error) { return c.at.Network(c.auth, c.params["type"]), nil }},
		{"GET", nodePath + "/aplinfo", "", false, func(c *call) (any, error) { return c.at.Appliances(), nil }},
		{"POST", nodePath + "/aplinfo", "/storage/{storage} Datastore.AllocateTemplate", true, func(c *call) (any, error) {
			return c.at.Download(c.auth, c.params)
		}},
		{"GET", nodePath + "/storage", "", true, func(c *call) (any, error) { return c.at.StorageList(c.auth, c.params), nil }},
		{"GET", storPath + "/status", reads, true, func(c *call) (any, error) { return c.at.StorageStatus(c.params["storage"]) }},
		{"GET", storPath + "/content", reads, true, func(c *call) (any, error) { return c.at.StorageContent(c.auth, c.params["storage"], c.params) }},
		{"GET", nodePath + "/tasks", "", false, tasks},
		{"GET", taskPath, "", false, func(*call) (any, error) {
			return []map[string]any{{"name": "log"}, {"name": "status"}}, nil
		}},
		{"DELETE", taskPath, "", true, func(c *call) (any, error) { return nil, c.at.StopTask(c.auth, c.params["upid"]) }},
		{"GET", taskPath + "/status", "", true, func(c *call) (any, error) { return c.at.TaskStatus(c.auth, c.params["upid"]) }},
		{"GET", taskPath + "/log", "", true, taskLog},
	}
	return slices.Concat(t, s.access(), s.pools(), s.ha(), s.datacenter(), s.reads(), nothing(), s.firewall(), s.containers(), s.images(), s.uploads(), s.indexes())
}

func (s *Server) containers() []route {
	power := func(path string, do func(*node.Node, context.Context, node.Auth, int, node.Params) (string, error)) route {
		return route{"POST", ctPath + "/status/" + path, powers, true, func(c *call) (any, error) {
			return do(c.at, c.ctx, c.auth, c.vmid(), c.params)
		}}
	}
	snapshot := func(method, path, privs string, do func(*node.Node, node.Auth, int, node.Params) (string, error)) route {
		return route{method, ctPath + "/snapshot" + path, "/vms/{vmid} " + privs, true, func(c *call) (any, error) {
			return do(c.at, c.auth, c.vmid(), c.params)
		}}
	}
	const config = "/vms/{vmid} VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|VM.Config.Options"
	return []route{
		{"GET", nodePath + "/lxc", "", true, func(c *call) (any, error) { return c.at.List(c.auth), nil }},
		{"POST", nodePath + "/lxc", "", true, func(c *call) (any, error) { return c.at.Create(c.ctx, c.auth, c.params) }},
		{"DELETE", ctPath, "/vms/{vmid} VM.Allocate", true, func(c *call) (any, error) {
			return c.at.Destroy(c.ctx, c.auth, c.vmid(), c.params)
		}},
		{"GET", ctPath + "/config", audit, false, func(c *call) (any, error) { return c.at.Config(c.vmid(), c.params) }},
		{"PUT", ctPath + "/config", config, true, func(c *call) (any, error) {
			return nil, c.at.SetConfig(c.ctx, c.auth, c.vmid(), c.params)
		}},
		{"GET", ctPath + "/pending", audit, false, func(c *call) (any, error) { return c.at.Pending(c.vmid()) }},
		{"GET", ctPath + "/interfaces", audit, true, interfaces},
		{"POST", ctPath + "/termproxy", shows, true, termproxy},
		{"GET", ctPath + "/vncwebsocket", shows, false, vncwebsocket},
		{"GET", ctPath + "/status/current", audit, true, func(c *call) (any, error) { return c.at.Status(c.vmid()) }},
		{"PUT", ctPath + "/resize", "/vms/{vmid} VM.Config.Disk", true, func(c *call) (any, error) {
			return c.at.Resize(c.ctx, c.auth, c.vmid(), c.params)
		}},
		{"GET", ctPath + "/feature", audit, true, func(c *call) (any, error) { return c.at.Feature(c.vmid(), c.params) }},
		{"GET", ctPath + "/snapshot", audit, true, func(c *call) (any, error) { return c.at.Snapshots(c.vmid()) }},
		snapshot("POST", "", "VM.Snapshot", (*node.Node).TakeSnapshot),
		{"GET", snapPath, "", false, func(*call) (any, error) {
			return []map[string]any{{"cmd": "rollback"}, {"cmd": "config"}}, nil
		}},
		snapshot("DELETE", "/{snapname}", "VM.Snapshot", (*node.Node).DeleteSnapshot),
		snapshot("POST", "/{snapname}/rollback", "VM.Snapshot|VM.Snapshot.Rollback", (*node.Node).Rollback),
		// It is not certain that VM.Audit is enough in 8.4; in 5.0 it was not.
		{"GET", snapPath + "/config", "/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback|VM.Audit", false, func(c *call) (any, error) {
			return c.at.SnapshotConfig(c.vmid(), c.params["snapname"])
		}},
		{"PUT", snapPath + "/config", "/vms/{vmid} VM.Snapshot", true, func(c *call) (any, error) {
			return nil, c.at.SetSnapshotConfig(c.ctx, c.vmid(), c.params)
		}},
		{"POST", ctPath + "/clone", mayClone, true, func(c *call) (any, error) { return c.at.Clone(c.ctx, c.auth, c.params) }},
		{"POST", ctPath + "/template", "/vms/{vmid} VM.Allocate", true, func(c *call) (any, error) {
			_, err := c.at.MakeTemplate(c.ctx, c.auth, c.vmid()) // the task's id is not told
			return nil, err
		}},
		power("start", (*node.Node).Start),
		power("stop", (*node.Node).Stop),
		power("shutdown", (*node.Node).Shutdown),
		power("reboot", (*node.Node).Reboot),
	}
}

// interfaces of a stopped container are null, not an empty list.
func interfaces(c *call) (any, error) {
	if c.srv.node.Profile().NoInterfaces {
		return nil, &node.Error{Status: 501, Message: "Method 'GET /nodes/" + c.params["node"] + "/lxc/" + c.params["vmid"] + "/interfaces' not implemented"}
	}
	rows, err := c.at.Interfaces(c.ctx, c.vmid())
	if rows == nil {
		return nil, err
	}
	return rows, err
}

func permissions(c *call) (any, error) {
	who := c.auth
	n := c.srv.node
	if id := c.params["userid"]; id != "" && id != who.ID() {
		if err := n.Check(c.auth, "/access", "Sys.Audit"); err != nil {
			return nil, err
		}
		who = node.ParseAuth(id)
	}
	return n.Permissions(who, c.params["path"]), nil
}

func tasks(c *call) (any, error) {
	rows, total := c.at.Tasks(c.auth, c.params)
	c.total = &total
	return rows, nil
}

func taskLog(c *call) (any, error) {
	rows, total, err := c.at.TaskLog(c.auth, c.params["upid"], c.number("start", 0), c.number("limit", 50))
	c.total = &total
	return rows, err
}
