package guest

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The console of an application container is never opened, whatever the settings say.
func TestApplicationNeverTypes(t *testing.T) {
	id := newSigner(t)
	node := newNode(t, id)
	opened := func(context.Context, string, int) (io.ReadWriteCloser, error) {
		t.Error("the console was opened")
		return nil, io.EOF
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	for name, c := range map[string]struct {
		target Target
		o      Options
		kind   Kind
		says   string
		fix    string
	}{
		"api": {Target{CTID: 101}, Options{Transport: "api"}, NotConfigured,
			"cannot get into container 101: its console is the terminal of its own program, and there is no login", "INFRAHAUS_SSH_NODE"},
		"auto, nothing": {Target{CTID: 101}, Options{Transport: "auto"}, NotConfigured, "no SSH to the node is configured", "INFRAHAUS_SSH_NODE"},
		"auto, no sshd": {Target{CTID: 101, Address: loopback}, Options{Transport: "auto", Port: freePort(t)}, NoSSHD,
			"no sshd answers at 127.0.0.1", "INFRAHAUS_SSH_NODE"},
		"guest, no sshd": {Target{CTID: 101, Address: loopback}, Options{Transport: "guest", Port: freePort(t)}, NoSSHD,
			"it runs one program of an OCI image", "INFRAHAUS_SSH_NODE"},
		"node, not set": {Target{CTID: 101}, Options{Transport: "node"}, NotConfigured, "no SSH address is set", "INFRAHAUS_SSH_NODE"},
		"auto, no shell": {Target{CTID: 101}, Options{Transport: "auto", Node: node.nodeSSH(keyText(t, id))}, NoShell,
			"cannot get into container 101: it has no /bin/sh", "often has no shell"},
	} {
		t.Run(name, func(t *testing.T) {
			c.target.Application, c.o.Console, c.o.Identity, c.o.NoUserKeys = true, opened, id, true
			node.tool("pct", `echo "lxc-attach: 101: ../src/lxc/attach.c: lxc_attach_run_command: 1845 No such file or directory - Failed to exec \"/bin/sh\"" >&2; exit 127`)
			began := time.Now()
			_, err := Open(ctxFor(t), c.target, c.o)
			if KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", KindOf(err), err)
			}
			if next := hintOf(err); !strings.Contains(next, c.fix) {
				t.Errorf("hints: %s", next)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestApplicationWays(t *testing.T) {
	node := &NodeSSH{Host: "pve1"}
	for _, c := range []struct {
		o       Options
		address bool
		want    string
	}{
		{Options{Transport: "auto", Node: node}, true, "by SSH to the node pve1 and pct there, if it has a shell"},
		{Options{Transport: "auto"}, true, "by its own sshd, if it has one (no SSH to the node is configured)"},
		{Options{Transport: "auto"}, false, "cannot get inside: no SSH to the node is configured"},
		{Options{Transport: "api"}, true, "cannot get into container 0: its console is the terminal of its own program, and there is no login"},
		{Options{Transport: "guest"}, true, "by its own sshd, if it has one (ssh.transport guest)"},
		{Options{Transport: "node", Node: node}, true, "by SSH to the node pve1 and pct there (ssh.transport node)"},
	} {
		got, err := c.o.ApplicationWays(c.address)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s", c.o.Transport, got)
		}
	}
}
