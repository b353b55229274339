package api

// ha are the routes of the HA manager's resources. Rules can be listed only.
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
		{"GET", base + "/rules", audit, false, func(*call) (any, error) { return []any{}, nil }},
	}
}
