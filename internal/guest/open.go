package guest

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"
)

// Target is the container to get into.
type Target struct {
	CTID     int
	Node     string     // the Proxmox node that owns it, for messages
	Address  netip.Addr // invalid: not known, so no guest transport
	HostKeys []string   // pinned fingerprints (SHA256:…); none: trust the first, and say so
}

// Options says how to get in.
type Options struct {
	Transport   string        // auto (or ""), guest, node
	Identity    ssh.Signer    // the tool's own key, see EnsureKey; nil: agent and key files only
	NoUserKeys  bool          // leave the user's agent and key files alone at the guest
	Node        *NodeSSH      // nil: the node transport is not configured
	Jump        bool          // guest through the node as a jump host
	Port        int           // sshd's port in the guest; 0: 22
	SSHDeadline time.Duration // how long the guest's sshd may take once Up; 0: 30 s

	// Up is closed once the container runs. Until then the guest's address is
	// dialled already, no deadline runs, and no pct is started. nil: it runs.
	Up <-chan struct{}
	// Running asks whether the container still runs, while a dropped link is
	// opened again; false ends that with Gone. nil: not asked.
	Running func(context.Context) (bool, error)

	Note       func(string)                   // one line: which transport, and why not the one before
	Waiting    func(string)                   // what is waited for now; called on change
	PinHostKey func(fingerprint string) error // the first use of an unpinned guest; its error ends Open
	KeepAlive  time.Duration                  // between two questions to a silent link; 0: 10 s
}

// NodeSSH is the way to the Proxmox node. Empty fields are taken from
// ~/.ssh/config as ssh would, then from its defaults.
type NodeSSH struct {
	Host        string // name, address, or an alias of ~/.ssh/config
	Port        int
	User        string // root; another needs passwordless sudo for pct
	Identity    string // a private key's path, or its text
	KnownHosts  string // path; "": the user's and the machine's
	ConfigFile  string // path; "": ~/.ssh/config and /etc/ssh/ssh_config
	AgentSocket string // "": $SSH_AUTH_SOCK
}

// Open gets into the guest. The transport `auto` is the guest's own sshd where
// the address answers within the deadline, else the node where it is
// configured; only absence falls through. Opening is retried until the deadline,
// in steps of 10 ms to 250 ms; nothing else is.
func Open(ctx context.Context, t Target, o Options) (Guest, error) {
	return nil, &Error{Kind: NotConfigured, Transport: o.Transport, Message: "cannot open: not implemented"}
}
