package api

// pools are the routes of resource pools. Those with the pool's name in the path are
// deprecated, and most clients still use them.
func (s *Server) pools() []route {
	const (
		onePath  = "/pools/{poolid}"
		allocate = "/pool/{poolid} Pool.Allocate"
	)
	n := s.node
	update := func(c *call) (any, error) { return nil, n.UpdatePool(c.auth, c.params) }
	remove := func(c *call) (any, error) { return nil, n.DeletePool(c.params["poolid"]) }
	return []route{
		{"GET", "/pools", "", false, func(c *call) (any, error) { return n.Pools(c.auth, c.params) }},
		{"POST", "/pools", allocate, true, func(c *call) (any, error) { return nil, n.CreatePool(c.params) }},
		{"PUT", "/pools", allocate, true, update},
		{"DELETE", "/pools", allocate, true, remove},
		{"GET", onePath, "/pool/{poolid} Pool.Audit", false, func(c *call) (any, error) { return n.Pool(c.auth, c.params) }},
		{"PUT", onePath, allocate, true, update},
		{"DELETE", onePath, allocate, true, remove},
	}
}
