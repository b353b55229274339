package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// NodeSSH is the way to the Proxmox node. Empty fields have the value that ssh would use,
// from its configuration or its defaults. Only the default user is root.
type NodeSSH struct {
	Host        string // name, address, or an alias of ~/.ssh/config
	Port        int
	User        string // any user except root needs passwordless sudo for pct
	Identity    string // a private key's path, or its text
	KnownHosts  string // path; "": the user's and the machine's
	ConfigFile  string // path; "": the user's and the machine's; "none": no file
	AgentSocket string // "": what ssh would use

	hop  bool   // a jump host or another server: every default is that of ssh, even the user
	whom string // for messages; "": as what hop says
}

// settings are a NodeSSH with everything filled in.
type settings struct {
	host, user, alias string
	port              int
	keys              keyring
	hostFiles         []string
	jump              []string // the hosts of ProxyJump, in order
	command           string   // the ProxyCommand
	left              []string // notes about settings of the user that are not used
}

const nodeFix = "set INFRAHAUS_SSH_NODE (user@host:port), or ssh.node in the config"

// resolve fills in the empty fields of n.
func (n NodeSSH) resolve(ctx context.Context) (settings, error) {
	conf, left, err := n.settingsOf(ctx)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		host: orElse(conf.first("hostname"), n.Host), user: orElse(n.User, conf.first("user")), alias: conf.first("hostkeyalias"),
		port: n.Port, left: left,
	}
	if not := conf.notFollowed(n.Host); not != "" {
		s.left = append(s.left, not)
	}
	if s.user == "" {
		s.user = "root"
		if n.hop {
			s.user = localUser().Username
		}
	}
	if s.port == 0 {
		s.port, _ = strconv.Atoi(orElse(conf.first("port"), "22"))
	}
	x := expander{host: s.host, typed: n.Host, user: s.user, alias: s.alias, port: s.port}
	if err := s.fill(n, conf, x); err != nil {
		return s, &Error{Kind: BadSettings, Transport: transports.Node, Message: "cannot use the SSH settings of " + n.Host, Err: err,
			Fix: "to see them: ssh -G " + Quote(n.Host)}
	}
	return s, nil
}

// fill sets the values that may contain words to expand.
func (s *settings) fill(n NodeSSH, conf sshSettings, x expander) (err error) {
	if err := s.fillKeys(n, conf, x); err != nil {
		return err
	}
	if n.KnownHosts == "" || n.hop {
		for _, list := range []string{
			orElse(conf.first("userknownhostsfile"), "~/.ssh/known_hosts ~/.ssh/known_hosts2"),
			orElse(conf.first("globalknownhostsfile"), "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"),
		} {
			for _, f := range paths(list) {
				if f, err = x.expand(f); err != nil {
					return err
				}
				if f != "none" {
					s.hostFiles = append(s.hostFiles, f)
				}
			}
		}
	}
	if n.KnownHosts != "" {
		s.hostFiles = append(s.hostFiles, n.KnownHosts)
	}
	if jump := conf.first("proxyjump"); jump != "" {
		s.jump = strings.Split(jump, ",")
	} else if conf.first("proxycommand") != "" {
		if conf.first("proxyusefdpass") == "yes" {
			return errors.New("ProxyUseFdpass is not known here")
		}
		s.command, err = x.expand(conf.first("proxycommand"))
	}
	return err
}

func (s *settings) fillKeys(n NodeSSH, conf sshSettings, x expander) error {
	s.keys = keyring{agentAt: n.AgentSocket, onlyNamed: conf.first("identitiesonly") == "yes"}
	if s.keys.agentAt == "" {
		at, err := x.expand(orElse(conf.first("identityagent"), "SSH_AUTH_SOCK"))
		if err != nil {
			return err
		}
		switch name, isVariable := strings.CutPrefix(at, "$"); {
		case at == "none":
		case at == "SSH_AUTH_SOCK", isVariable:
			s.keys.agentAt = os.Getenv(name)
		default:
			s.keys.agentAt = at
		}
	}
	switch files := conf["identityfile"]; {
	case n.Identity != "" && !n.hop:
		s.keys.named, s.keys.strict = []string{n.Identity}, true
	case len(files) == 0 || conf.isDefault():
		s.keys.usual = true
	default:
		for _, f := range files {
			if f == "none" {
				continue
			}
			f, err := x.expand(f)
			if err != nil {
				return err
			}
			s.keys.named = append(s.keys.named, f)
		}
	}
	if n.hop && n.Identity != "" { // a CI runner has one key for all hosts
		s.keys.named = append(s.keys.named, n.Identity)
	}
	return nil
}

// dialer makes the dialer to the node. The host key must be in known_hosts; it is never
// trusted at first sight, because a user of the node has it there already. left notes the
// SSH settings of the user that are not used.
func (n NodeSSH) dialer(ctx context.Context) (d *dialer, left []string, err error) {
	if n.Host == "" {
		return nil, nil, &Error{Kind: NotConfigured, Transport: transports.Node, Message: "cannot use the node: no SSH address is set for it", Fix: nodeFix}
	}
	return n.dialerBy(ctx, 0)
}

func (n NodeSSH) dialerBy(ctx context.Context, depth int) (*dialer, []string, error) {
	s, err := n.resolve(ctx)
	if err != nil {
		return nil, nil, err
	}
	whom := "the node " + s.host
	if n.hop {
		whom = "the jump host " + s.host
	}
	if n.whom != "" {
		whom = n.whom + " " + s.host
	}
	known := readKnown(s.hostFiles, s.host, s.port, s.alias)
	d := &dialer{
		transport: transports.Node, whom: whom, address: net.JoinHostPort(s.host, strconv.Itoa(s.port)), user: s.user,
		dial: tcp, signers: s.keys.signers, families: [][]string{known.algorithms()},
		check: hostKeyCheck(known, whom, n.trustHints(s)),
	}
	left := s.left
	switch {
	case s.command != "":
		d.dial = byCommand(s.command)
	case len(s.jump) > 0:
		last, more, err := n.jump(ctx, s.jump, depth)
		if err != nil {
			return nil, nil, err
		}
		d.dial, left = over(last), append(left, more...)
	}
	return d, left, nil
}

// trustHints are the hints for adding an unknown host key to known_hosts: first compare
// it, then log in once with ssh itself, which takes the same way. If the config names its
// own known_hosts file and the host is reached directly, ssh-keyscan adds the key
// instead.
func (n NodeSSH) trustHints(s settings) func(ssh.PublicKey) []string {
	return func(key ssh.PublicKey) []string {
		kind := strings.TrimPrefix(key.Type(), "ssh-")
		if strings.HasPrefix(kind, "ecdsa-") {
			kind = "ecdsa"
		}
		compare := "compare it with the key on the host itself: ssh-keygen -lf /etc/ssh/ssh_host_" + kind + "_key.pub"
		if n.KnownHosts != "" && s.alias == "" && len(s.jump) == 0 && s.command == "" {
			scan := "ssh-keyscan -t " + kind
			if s.port != 22 {
				scan += " -p " + strconv.Itoa(s.port)
			}
			return []string{compare, "then add it: " + scan + " " + Quote(s.host) + " >> " + Quote(n.KnownHosts)}
		}
		words, file, kept := []string{"ssh"}, n.ConfigFile, n.KnownHosts
		if home := homeElsewhere(); home != "" && file == "" {
			if at := filepath.Join(home, ".ssh", "config"); fileThere(at) {
				file = at
			}
			if kept == "" && len(s.hostFiles) > 0 {
				kept = s.hostFiles[0]
			}
		}
		if file != "" {
			words = append(words, "-F", file)
		}
		if kept != "" {
			words = append(words, "-o", "UserKnownHostsFile="+kept)
		}
		if n.Port != 0 && n.Port != 22 {
			words = append(words, "-p", strconv.Itoa(n.Port))
		}
		return []string{compare, "then log in once: " + command(append(words, s.user+"@"+n.Host))}
	}
}

// hostKeyCheck turns the result of known_hosts for a key into our own messages.
func hostKeyCheck(known *knownHosts, whom string, trust func(ssh.PublicKey) []string) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		err := known.check(key)
		if err == nil {
			return nil
		}
		var other otherKey
		var revoked revokedKey
		says := fmt.Sprintf("cannot trust %s: its host key %s ", whom, ssh.FingerprintSHA256(key))
		switch {
		case errors.As(err, &other):
			return &Error{Kind: HostKeyChanged, Transport: transports.Node, Message: says + "is not the one in " + other.at(),
				Fix: "if the host was reinstalled: " + known.remove(other.knownEntry)}
		case errors.As(err, &revoked):
			return &Error{Kind: HostKeyChanged, Transport: transports.Node, Message: says + "is revoked in " + revoked.at()}
		case errors.Is(err, errNotKnown):
			says += "is not in known_hosts"
			if len(known.unread) > 0 {
				says += ", of which not all can be read: " + known.unread[0].Error()
			} else if len(known.entries) > 0 {
				says += ": the key in " + known.entries[0].at() + " is another"
			}
			return &Error{Kind: HostKeyUnknown, Transport: transports.Node, Message: says, Fix: strings.Join(trust(key), "\n")}
		}
		return &Error{Kind: HostKeyChanged, Transport: transports.Node, Message: "cannot trust " + whom + ": its certificate is not valid", Err: err}
	}
}
