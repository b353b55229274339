package api

import (
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// reads are the routes by which monitoring clients look at a node and its cluster. What the
// sandbox does not have is an empty list only where nothing can put anything into it: the
// requests that would are 501.
func (s *Server) reads() []route {
	const (
		sees    = "/nodes/{node} Sys.Audit"
		audits  = "/ Sys.Audit"
		service = nodePath + "/services/{service}"
		logs    = "/nodes/{node} Sys.Syslog"
		tfaPath = "/access/tfa/{userid}"
	)
	n := s.node
	return []route{
		{"GET", nodePath + "/services", sees, true, func(c *call) (any, error) { return c.at.Services(), nil }},
		{"GET", service + "/state", sees, true, func(c *call) (any, error) { return c.at.Service(c.params["service"]), nil }},
		{"GET", nodePath + "/subscription", "", true, func(c *call) (any, error) { return c.at.Subscription(c.auth), nil }},
		{"GET", nodePath + "/time", sees, true, func(c *call) (any, error) { return c.at.Time(), nil }},
		{"GET", nodePath + "/dns", sees, true, func(c *call) (any, error) { return c.at.DNS(), nil }},
		{"GET", nodePath + "/hosts", audits, true, func(c *call) (any, error) { return c.at.Hosts(), nil }},
		{"GET", nodePath + "/report", sees, true, func(c *call) (any, error) { return c.at.Report(), nil }},
		{"GET", nodePath + "/netstat", sees, true, func(c *call) (any, error) { return c.at.NetStat(), nil }},
		{"GET", nodePath + "/config", audits, true, func(*call) (any, error) { return map[string]any{}, nil }},
		{"GET", nodePath + "/syslog", logs, true, func(c *call) (any, error) { return lines(c, c.at.Syslog()) }},
		{"GET", nodePath + "/disks/list", "", true, func(c *call) (any, error) {
			if n.Check(c.auth, "/", "Sys.Audit") != nil && n.Check(c.auth, "/nodes/"+c.params["node"], "Sys.Audit") != nil {
				return nil, &node.Error{Status: 403, Message: "Permission check failed"}
			}
			return []any{}, nil
		}},
		{"GET", nodePath + "/disks/smart", audits, true, fails("not a valid block device")},
		{"GET", nodePath + "/ceph/status", "/ Sys.Audit|Datastore.Audit", true, fails(noCeph)},
		{"GET", nodePath + "/firewall/log", logs, true, func(c *call) (any, error) { return lines(c, noLines) }},
		{"GET", nodePath + "/firewall/options", sees, true, noOptions},
		{"GET", nodePath + "/firewall/rules/{pos}", sees, true, noRule},

		{"GET", "/cluster/ceph/status", "/ Sys.Audit|Datastore.Audit", true, fails(noCeph)},
		{"GET", "/cluster/log", "", false, func(c *call) (any, error) { return n.ClusterLog(c.auth, c.number("max", 0)), nil }},
		{"GET", "/cluster/backup-info/not-backed-up", audits, true, func(c *call) (any, error) { return n.NotBackedUp(c.auth), nil }},
		{"GET", "/cluster/backup/{id}", audits, false, func(c *call) (any, error) {
			return nil, node.BadParams(map[string]string{"id": "No such job '" + c.params["id"] + "'"})
		}},
		{"GET", "/cluster/replication/{id}", "", false, func(c *call) (any, error) {
			return nil, &node.Error{Status: 500, Message: "no such replication job '" + c.params["id"] + "'"}
		}},
		{"GET", "/cluster/config/apiversion", audits, false, func(*call) (any, error) { return 1, nil }},
		{"GET", "/cluster/config/nodes", audits, false, func(*call) (any, error) { return n.CorosyncNodes(), nil }},
		{"GET", "/cluster/config/qdevice", audits, true, func(*call) (any, error) { return map[string]any{}, nil }},
		{"GET", "/cluster/config/join", audits, false, func(*call) (any, error) {
			if n.Clustered() {
				return nil, &node.Error{Status: 501, Message: "the sandbox cannot be joined"}
			}
			return nil, &node.Error{Status: 424, Message: "node is not in a cluster, no join info available!"}
		}},
		{"GET", "/cluster/firewall/options", audits, false, noOptions},
		{"GET", "/cluster/firewall/macros", "", false, func(*call) (any, error) { return n.FirewallMacros(), nil }},
		{"GET", "/cluster/firewall/rules/{pos}", audits, false, noRule},
		{"GET", "/cluster/firewall/aliases/{name}", audits, false, noAlias},
		{"GET", "/cluster/firewall/ipset/{name}", audits, false, noIPSet},
		{"GET", "/cluster/firewall/groups/{group}", audits, false, func(c *call) (any, error) {
			return nil, &node.Error{Status: 500, Message: "no such security group '" + c.params["group"] + "'"}
		}},
		{"GET", ctPath + "/firewall/log", shows, true, func(c *call) (any, error) { return lines(c, noLines) }},
		{"GET", ctPath + "/firewall/aliases/{name}", audit, false, noAlias},
		{"GET", ctPath + "/firewall/ipset/{name}", audit, false, noIPSet},

		{"GET", "/access/tfa", "", true, func(c *call) (any, error) { return n.AllTFA(c.auth), nil }},
		{"GET", tfaPath, selfOrSee, true, func(c *call) (any, error) { return n.UserTFA(c.params["userid"]), nil }},
		{"GET", tfaPath + "/{id}", selfOrSee, true, func(c *call) (any, error) { return n.TFAEntry(c.params["userid"], c.params["id"]) }},
		{"GET", "/access/users/{userid}/tfa", selfOrSee, true, func(c *call) (any, error) {
			return n.TFATypes(c.params["userid"], c.params["multiple"] == "1"), nil
		}},
	}
}

// empty are the routes of lists that have nothing in the sandbox: a path, and who may see it.
var empty = []struct{ path, perm string }{
	{"/cluster/backup", "/ Sys.Audit"},
	{"/cluster/firewall/aliases", "/ Sys.Audit"},
	{"/cluster/firewall/groups", ""},
	{"/cluster/firewall/ipset", "/ Sys.Audit"},
	{"/cluster/firewall/refs", "/ Sys.Audit"},
	{"/cluster/firewall/rules", "/ Sys.Audit"},
	{"/cluster/jobs/realm-sync", "/ Sys.Audit"},
	{"/cluster/mapping/dir", ""},
	{"/cluster/mapping/pci", ""},
	{"/cluster/mapping/usb", ""},
	{"/cluster/metrics/server", "/ Sys.Audit"},
	{"/cluster/replication", ""},
	{"/cluster/sdn/vnets", ""},
	{"/cluster/sdn/zones", ""},
	{nodePath + "/apt/update", "/nodes/{node} Sys.Modify"},
	{nodePath + "/disks/directory", "/ Sys.Audit"},
	{nodePath + "/disks/zfs", "/ Sys.Audit"},
	{nodePath + "/firewall/rules", "/nodes/{node} Sys.Audit"},
	{nodePath + "/hardware/pci", "/ Sys.Audit|Sys.Modify"},
	{nodePath + "/hardware/usb", "/ Sys.Modify"},
	{nodePath + "/replication", ""},
	{ctPath + "/firewall/aliases", audit},
	{ctPath + "/firewall/ipset", audit},
	{ctPath + "/firewall/refs", audit},
}

func nothing() []route {
	list := []route{}
	for _, x := range empty {
		list = append(list, route{"GET", x.path, x.perm, true, func(*call) (any, error) { return []any{}, nil }})
	}
	return list
}

const noCeph = "binary not installed: /usr/bin/ceph-mon"

// noLines is how Proxmox shows an empty log.
var noLines = []node.LogLine{{N: 1, T: "no content"}}

// lines is a log that is short enough for one page.
func lines(c *call, all []node.LogLine) (any, error) {
	total := len(all)
	c.total = &total
	return all, nil
}

func fails(text string) func(*call) (any, error) {
	return func(*call) (any, error) { return nil, &node.Error{Status: 500, Message: text} }
}

// noOptions are the options of a firewall that nobody has set.
func noOptions(*call) (any, error) {
	return map[string]any{"digest": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, nil
}

func noRule(c *call) (any, error) {
	return nil, &node.Error{Status: 500, Message: "no rule at position " + c.params["pos"]}
}

func noAlias(*call) (any, error) {
	return nil, node.BadParams(map[string]string{"name": "no such alias"})
}

func noIPSet(c *call) (any, error) {
	return nil, &node.Error{Status: 500, Message: "no such IPSet '" + c.params["name"] + "'"}
}
