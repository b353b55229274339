package guest

import "testing"

// TestWay: the way that was taken, and what was tried before it.
func TestWay(t *testing.T) {
	node := &NodeSSH{Host: "pve"}
	tests := []struct {
		o         Options
		transport string
		notes     []string
		want      string
	}{
		{Options{}, "guest", nil, "by its own sshd, which answers"},
		{Options{Transport: "auto", Jump: &NodeSSH{Host: "pve1.lan"}}, "guest", nil, "by its own sshd, through pve1.lan, which answers"},
		{Options{Transport: "node", Node: node}, "node", nil, "by SSH to the node pve and pct there (ssh.transport node)"},
		{Options{Node: node}, "node", []string{nodePCT.next + "no sshd"}, "by SSH to the node pve and pct there (no sshd)"},
		{Options{Node: node}, "api", []string{nodePCT.next + "no sshd", "another note: x", consoleAPI.next + "no route"},
			"by its console over Proxmox's API (no sshd, and no route)"},
	}
	for _, test := range tests {
		if got := test.o.Way(test.transport, test.notes); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
