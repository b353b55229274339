package config

import "testing"

func TestNodeAddress(t *testing.T) {
	for _, c := range []struct{ given, node, want string }{
		{"root@pve.lan", "pve2", "root@pve.lan"},
		{"root@{node}.lan:2222", "pve2", "root@pve2.lan:2222"},
		{"{node}", "pve2", "pve2"},
		{"pve1=root@10.0.0.1, pve2=root@10.0.0.2:22", "pve2", "root@10.0.0.2:22"},
		{"pve1=root@10.0.0.1,pve2=root@10.0.0.2", "", "root@10.0.0.1"},
		{"pve1=root@10.0.0.1,pve2=root@10.0.0.2", "pve3", ""},
		{"pve1=root@10.0.0.1,root@10.0.0.2", "", "!"},
		{"pve1=", "", "!"},
		{"root@{node}:x", "", "!"},
	} {
		s, err := nodeAddress(c.given)
		if got := (SSH{Node: s}).At(c.node); err == nil && got != c.want || (err != nil) != (c.want == "!") {
			t.Errorf("%s at %s: %s, %v", c.given, c.node, got, err)
		}
	}
}
