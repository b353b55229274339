package doctor

import (
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/transports"
)

func (t Target) transport() string {
	if t.Inside.Transport == "" {
		return transports.Auto
	}
	return t.Inside.Transport
}

// usesNode reports whether a way into guests goes through the node.
func (t Target) usesNode() bool {
	return t.Inside.Node != nil && (t.transport() == transports.Node || t.transport() == transports.Auto)
}

func judgeNodeSSH(f *Facts) verdict {
	t := f.Target
	switch {
	case t.usesNode() && f.NodeSSH.err == nil:
		return ok(f.NodeSSH.value)
	case t.usesNode():
		return sshFailed(f)
	case t.transport() == transports.Node:
		return fail(exit.Unreachable, "the transport is node, and no SSH address of the node is set (ssh.node)").here(t.setting("INFRAHAUS_SSH_NODE=root@" + hostOf(t.Host.URL)))
	case t.Inside.Node != nil:
		return skip("not used: the transport is " + t.transport())
	}
	return skip("not configured (ssh.node); guests are reached by their own sshd or by the console")
}

func sshFailed(f *Facts) verdict {
	v := failed(f.NodeSSH.err)
	switch guest.KindOf(f.NodeSSH.err) {
	case guest.AuthRefused:
		return v.here("ssh-copy-id " + sshAddress(f.Target.Inside.Node))
	case guest.HostKeyUnknown, guest.HostKeyChanged:
		return v.onNode("for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done")
	case guest.BadSettings:
		return v.here("ssh -G " + quote(f.Target.Inside.Node.Host))
	}
	return v.here("ssh -v " + sshAddress(f.Target.Inside.Node))
}

// sshAddress is the node as ssh takes it.
func sshAddress(n *guest.NodeSSH) string {
	where := n.Host
	if n.User != "" {
		where = n.User + "@" + where
	}
	if n.Port != 0 && n.Port != 22 {
		return "-p " + itoa(n.Port) + " " + quote(where)
	}
	return quote(where)
}

func judgePCT(f *Facts) verdict {
	if !f.Target.usesNode() {
		return skip("not used")
	}
	if f.PCT.err == nil {
		return ok("answers")
	}
	v := failed(f.PCT.err)
	if guest.KindOf(f.PCT.err) == guest.AuthRefused {
		user := f.Target.Inside.Node.User
		return v.onNode("echo '" + user + " ALL=(root) NOPASSWD: /usr/sbin/pct, /usr/bin/lxc-attach' >/etc/sudoers.d/infrahaus")
	}
	return v.onNode("pct list")
}
