package cli

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

// defaults fills in what the host's config says and nobody else did.
func (p *place) defaults(s lxc.Spec) lxc.Spec {
	s.Node = orElse(s.Node, p.host.Node)
	s.Storage = orElse(s.Storage, p.host.Storage)
	s.Network.Bridge = orElse(s.Network.Bridge, p.host.Bridge)
	return s
}

// secrets are the host's, which no event may carry.
func (p *place) secrets() []string {
	token := p.host.Token.Reveal()
	_, secret := pve.SplitToken(token)
	return []string{token, secret, p.host.Password.Reveal(), p.host.SSH.IdentityKey.Reveal()}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// nodeSSH returns the way to [user@]host[:port], which is the node or a jump host. For
// the sandbox the user's own SSH configuration is not read.
func (p *place) nodeSSH(address string) (*guest.NodeSSH, error) {
	s := p.host.SSH
	n := &guest.NodeSSH{Host: address, Identity: orElse(s.IdentityKey.Reveal(), s.IdentityFile), KnownHosts: s.KnownHosts}
	if p.name == config.SandboxHost {
		n.ConfigFile = "none"
	}
	if user, rest, ok := strings.Cut(address, "@"); ok {
		n.User, n.Host = user, rest
	}
	if host, port, err := net.SplitHostPort(n.Host); err == nil {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return nil, usagef("ssh.node %q: %q is no port", address, port)
		}
		n.Host, n.Port = host, int(number)
	}
	n.Host = strings.Trim(n.Host, "[]")
	if n.Host == "" {
		return nil, usagef("ssh.node %q names no host", address)
	}
	return n, nil
}

// sshOf is the way to one node of a cluster, nil if ssh.node has none for it.
func (p *place) sshOf(node string) *guest.NodeSSH {
	address := p.host.SSH.At(node)
	if address == "" {
		return nil
	}
	n, err := p.nodeSSH(address) // it was read before
	if err != nil {
		return nil
	}
	return n
}

// homePath expands ~/ at the beginning of a path. The shell expands ~ only at the
// beginning of a word, so --ssh-key=~/.ssh/id.pub reaches this program unexpanded.
func homePath(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(home, rest)
	}
	return path
}
