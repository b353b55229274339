package guest

import (
	"crypto/subtle"
	"net"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// pins are the fingerprints of a guest's host keys. Without pinned ones the first key seen is
// accepted, and then no other.
type pins struct {
	whom string
	pin  func(fingerprint string) error

	mu    sync.Mutex
	keys  []string
	first string // seen, not pinned yet
}

// check is the host key callback of the guest transport.
func (p *pins) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := ssh.FingerprintSHA256(key)
	for _, k := range p.keys {
		if subtle.ConstantTimeCompare([]byte(strings.TrimRight(k, "=")), []byte(seen)) == 1 {
			return nil
		}
	}
	if len(p.keys) > 0 {
		return &Error{
			Kind: HostKeyChanged, Transport: transports.Guest,
			Message: "cannot trust " + p.whom + ": its host key is " + seen + ", not the one that was pinned (" + strings.Join(p.keys, ", ") + ")",
			Fix:     "if the container was not remade on purpose, something else answers at its address",
		}
	}
	p.first = seen
	return nil
}

// confirm pins the first key seen, after the login has worked. So another machine that had
// the address for a moment pins nothing.
func (p *pins) confirm() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) > 0 || p.first == "" {
		return nil
	}
	if p.pin != nil {
		if err := p.pin(p.first); err != nil {
			return &Error{Kind: HostKeyChanged, Transport: transports.Guest, Message: "cannot pin the host key of " + p.whom, Err: err}
		}
	}
	p.keys = []string{p.first}
	return nil
}

// families is one list of all key types, in a fixed order so that the same server always
// offers the same key, and then a list for each type alone.
func families() [][]string {
	var all []string
	for _, f := range hostKeyTypes {
		all = append(all, f...)
	}
	return append([][]string{all}, hostKeyTypes...)
}
