package config

import "strings"

// nodeMark stands for the node's name in ssh.node.
const nodeMark = "{node}"

// nodeAddress reads ssh.node: one address, an address with {node} in it, or a list of
// NODE=ADDRESS for a cluster whose nodes have addresses that their names do not tell.
func nodeAddress(s string) (string, error) {
	const next = "such as root@pve.example.com, root@{node}.example.com, or pve1=root@10.0.0.1,pve2=root@10.0.0.2"
	if strings.Contains(s, "=") {
		var list []string
		for one := range strings.SplitSeq(s, ",") {
			name, address, _ := strings.Cut(strings.TrimSpace(one), "=")
			if _, err := proxmoxName(name); err != nil || name == "" {
				return "", bad(next, "%q does not begin with a node and =", one)
			}
			address, err := sshAddress(address)
			if err != nil {
				return "", err
			}
			list = append(list, name+"="+address)
		}
		return strings.Join(list, ","), nil
	}
	if !strings.Contains(s, nodeMark) {
		return sshAddress(s)
	}
	a, err := sshAddress(strings.ReplaceAll(s, nodeMark, "node-mark"))
	if err != nil {
		return "", bad(next, "%q is no SSH address", s)
	}
	return strings.ReplaceAll(a, "node-mark", nodeMark), nil
}

// At is the SSH address of one node, from Node: "" if none is given for it. With "" it is the
// first.
func (s SSH) At(node string) string {
	if !s.Several() {
		return s.Node
	}
	if node != "" && strings.Contains(s.Node, nodeMark) {
		return strings.ReplaceAll(s.Node, nodeMark, node)
	}
	for one := range strings.SplitSeq(s.Node, ",") {
		name, address, pair := strings.Cut(one, "=")
		if !pair {
			return one
		}
		if node == "" || name == node {
			return address
		}
	}
	return ""
}

// Several reports whether nodes have addresses of their own.
func (s SSH) Several() bool {
	return strings.Contains(s.Node, nodeMark) || strings.Contains(s.Node, "=")
}
