package api

// ha are the routes of the HA manager's resources, and of its rules in version 9.
func (s *Server) ha() []route {
	const (
		base    = "/cluster/ha"
		onePath = base + "/resources/{sid}"
		audit   = "/ Sys.Audit"
		change  = "/ Sys.Console"
	)
	n := s.node
	return []route{
		{"GET", base + "/resources", audit, false, func(c *call) (any, error) { return n.HAResources(c.params), nil }},
		{"POST", base + "/resources", change, true, func(c *call) (any, error) { return nil, n.AddHA(c.params) }},
		{"GET", onePath, audit, false, func(c *call) (any, error) { return n.HAResource(c.params["sid"]) }},
		{"PUT", onePath, change, true, func(c *call) (any, error) { return nil, n.ChangeHA(c.params) }},
		{"DELETE", onePath, change, true, func(c *call) (any, error) { return nil, n.RemoveHA(c.params["sid"]) }},
		{"GET", base + "/groups", audit, false, func(*call) (any, error) { return n.HAGroups("index groups") }},
		{"POST", base + "/groups", change, true, func(*call) (any, error) { return n.HAGroups("create group") }},
		{"GET", base + "/status/current", audit, false, func(*call) (any, error) { return n.HAStatus(), nil }},
		{"GET", base + "/status/manager_status", audit, false, func(*call) (any, error) { return n.HAManagerStatus(), nil }},
		{"GET", base + "/rules", audit, false, func(c *call) (any, error) { return n.HARules(c.params), nil }},
		{"POST", base + "/rules", change, true, func(c *call) (any, error) { return nil, n.AddHARule(c.params) }},
		{"GET", base + "/rules/{rule}", audit, false, func(c *call) (any, error) { return n.HARule(c.params["rule"]) }},
		{"PUT", base + "/rules/{rule}", change, true, func(c *call) (any, error) { return nil, n.ChangeHARule(c.params) }},
		{"DELETE", base + "/rules/{rule}", change, true, func(c *call) (any, error) { return nil, n.RemoveHARule(c.params["rule"]) }},
	}
}
