package node

import (
	"maps"
	"strconv"
)

// idRange are the bounds of next-id in the datacenter's options, the upper one excluded; mu held.
func (n *Node) idRange() (lower, upper int) {
	lower, upper = 100, 1_000_000
	p := properties(n.st.Options["next-id"], "")
	if v, err := strconv.Atoi(p["lower"]); err == nil {
		lower = v
	}
	if v, err := strconv.Atoi(p["upper"]); err == nil {
		upper = v
	}
	return lower, upper
}

// DatacenterOptions is GET /cluster/options.
func (n *Node) DatacenterOptions(a Auth) map[string]any {
	if n.Check(a, "/", "Sys.Audit") != nil {
		return map[string]any{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	m := map[string]any{"keyboard": "en-us", "mac_prefix": "BC:24:11"}
	for k, v := range n.st.Options {
		m[k] = v
		if k == "next-id" {
			m[k] = properties(v, "")
		}
	}
	return m
}

// SetDatacenterOptions is PUT /cluster/options.
func (n *Node) SetDatacenterOptions(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	options := maps.Clone(n.st.Options)
	if options == nil {
		options = map[string]string{}
	}
	for k, v := range p {
		if k != "delete" {
			options[k] = v
		}
	}
	for _, k := range splitList(p["delete"]) {
		delete(options, k)
	}
	n.st.Options = options
	return n.save()
}
