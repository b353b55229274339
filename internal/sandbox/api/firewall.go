package api

// firewall are the routes of a container's firewall. Aliases, IP sets and the firewalls of the
// node and the cluster are not simulated: they can be read (reads.go), and have nothing.
func (s *Server) firewall() []route {
	const (
		options = ctPath + "/firewall/options"
		rules   = ctPath + "/firewall/rules"
		onePath = rules + "/{pos}"
		change  = "/vms/{vmid} VM.Config.Network"
	)
	pos := func(c *call) int { return c.number("pos", 0) }
	return []route{
		{"GET", options, audit, false, func(c *call) (any, error) { return c.at.FirewallOptions(c.vmid()), nil }},
		{"PUT", options, change, true, func(c *call) (any, error) { return nil, c.at.SetFirewallOptions(c.vmid(), c.params) }},
		{"GET", rules, audit, false, func(c *call) (any, error) { return c.at.FirewallRules(c.vmid()), nil }},
		{"POST", rules, change, true, func(c *call) (any, error) { return nil, c.at.AddFirewallRule(c.vmid(), c.params) }},
		{"GET", onePath, audit, false, func(c *call) (any, error) { return c.at.FirewallRule(c.vmid(), pos(c)) }},
		{"PUT", onePath, change, true, func(c *call) (any, error) { return nil, c.at.ChangeFirewallRule(c.vmid(), pos(c), c.params) }},
		{"DELETE", onePath, change, true, func(c *call) (any, error) { return nil, c.at.RemoveFirewallRule(c.vmid(), pos(c), c.params) }},
	}
}
