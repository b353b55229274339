package guest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kevinburke/ssh_config"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// settings are a NodeSSH with everything filled in.
type settings struct {
	host, user string
	port       int
	keys       keyring
	hostFiles  []string
}

// resolve fills in what n leaves open, as ssh would: ~/.ssh/config, then the
// system's, then defaults.
func (n NodeSSH) resolve() settings {
	conf := sshConfig(n.ConfigFile)
	s := settings{host: n.Host, user: n.User, port: n.Port}
	if h := conf("HostName", n.Host); h != "" {
		s.host = h
	}
	if s.user == "" {
		s.user = conf("User", n.Host)
	}
	if s.user == "" {
		s.user = "root"
	}
	if s.port == 0 {
		s.port, _ = strconv.Atoi(conf("Port", n.Host))
	}
	if s.port == 0 {
		s.port = 22
	}
	s.keys = keyring{agentAt: n.AgentSocket, onlyNamed: conf("IdentitiesOnly", n.Host) == "yes"}
	if s.keys.agentAt == "" {
		s.keys.agentAt = os.Getenv("SSH_AUTH_SOCK")
	}
	switch file := conf("IdentityFile", n.Host); {
	case n.Identity != "":
		s.keys.named, s.keys.strict = []string{n.Identity}, true
	case file != "":
		s.keys.named = []string{file}
		s.keys.usual = !s.keys.onlyNamed
	default:
		s.keys.usual = true
	}
	s.hostFiles = []string{n.KnownHosts}
	if n.KnownHosts == "" {
		s.hostFiles = []string{expandHome("~/.ssh/known_hosts"), expandHome("~/.ssh/known_hosts2"), "/etc/ssh/ssh_known_hosts"}
		if f := conf("UserKnownHostsFile", n.Host); f != "" {
			s.hostFiles[0] = expandHome(f)
		}
	}
	return s
}

// sshConfig looks keys up in one file, or in the user's and the system's. A file
// that cannot be read or understood has nothing to say.
func sshConfig(file string) func(key, host string) string {
	files := []string{file}
	if file == "" {
		files = []string{expandHome("~/.ssh/config"), "/etc/ssh/ssh_config"}
	}
	var configs []*ssh_config.Config
	for _, name := range files {
		f, err := os.Open(filepath.Clean(name))
		if err != nil {
			continue
		}
		if c, err := ssh_config.Decode(f); err == nil {
			configs = append(configs, c)
		}
		f.Close()
	}
	return func(key, host string) string {
		for _, c := range configs {
			if v, err := c.Get(host, key); err == nil && v != "" {
				return v
			}
		}
		return ""
	}
}

// dialer makes the dialer to the node. Its host key is looked up in known_hosts
// and never trusted at first sight: a user of the node has it there.
func (n NodeSSH) dialer() (*dialer, error) {
	if n.Host == "" {
		return nil, &Error{Kind: NotConfigured, Transport: "node", Message: "cannot use the node: no SSH address is set for it", Fix: nodeFix}
	}
	s := n.resolve()
	var files []string
	for _, f := range s.hostFiles {
		if _, err := os.Stat(f); err == nil {
			files = append(files, f)
		}
	}
	address := net.JoinHostPort(s.host, strconv.Itoa(s.port))
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, &Error{Kind: NotConfigured, Transport: "node", Message: "cannot read known_hosts", Err: err}
	}
	return &dialer{
		transport: "node", whom: "the node " + s.host, address: address, user: s.user,
		dial: tcp, signers: s.keys.signers, check: nodeCheck(known, s.host, n.Host),
		families: [][]string{knownTypes(known, address)},
	}, nil
}

const nodeFix = "set INFRAHAUS_SSH_NODE (user@host:port), or ssh.node in the config"

// nodeCheck says in our own words what known_hosts says of a key.
func nodeCheck(known ssh.HostKeyCallback, host, asked string) ssh.HostKeyCallback {
	return func(name string, remote net.Addr, key ssh.PublicKey) error {
		err := known(name, remote, key)
		var ke *knownhosts.KeyError
		var re *knownhosts.RevokedError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &ke) && len(ke.Want) == 0:
			return &Error{Kind: HostKeyUnknown, Transport: "node",
				Message: "cannot trust the node " + host + ": its host key " + ssh.FingerprintSHA256(key) + " is not in known_hosts",
				Fix:     "compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the node, then log in once with `ssh " + asked + "`"}
		case errors.As(err, &ke):
			return &Error{Kind: HostKeyChanged, Transport: "node",
				Message: "cannot trust the node " + host + ": its host key " + ssh.FingerprintSHA256(key) + " is not the one in " + ke.Want[0].Filename,
				Fix:     "if the node was reinstalled: ssh-keygen -R " + host}
		case errors.As(err, &re):
			return &Error{Kind: HostKeyChanged, Transport: "node", Message: "cannot trust the node " + host + ": its host key is revoked"}
		}
		return &Error{Kind: HostKeyUnknown, Transport: "node", Message: "cannot check the host key of the node " + host, Err: err}
	}
}

// knownTypes are the host key algorithms to ask for: those of which a key is
// known, so that a server with several shows one that can be compared.
func knownTypes(known ssh.HostKeyCallback, address string) []string {
	all := families()[0]
	var ke *knownhosts.KeyError
	if !errors.As(known(address, &net.TCPAddr{IP: net.IPv4zero}, nobody{}), &ke) || len(ke.Want) == 0 {
		return all
	}
	var out []string
	for _, algorithm := range all {
		for _, want := range ke.Want {
			t := want.Key.Type()
			if t == algorithm || t == ssh.KeyAlgoRSA && (algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512) {
				out = append(out, algorithm)
				break
			}
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// nobody is a key that no file knows.
type nobody struct{}

func (nobody) Type() string                        { return "none" }
func (nobody) Marshal() []byte                     { return []byte("none") }
func (nobody) Verify([]byte, *ssh.Signature) error { return errors.New("not a key") }
