package guest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// maxKeys is how many keys are offered: sshd hangs up after six tries.
const maxKeys = 5

// keyring gathers the keys to offer, in the order of ssh: what was named, the
// agent's, the usual files.
type keyring struct {
	own       ssh.Signer // offered first; may be nil
	named     []string   // key files, or the text of one
	strict    bool       // a named key that cannot be read is an error
	agentAt   string     // the agent's socket, "" for none
	onlyNamed bool       // IdentitiesOnly
	usual     bool       // ~/.ssh/id_ed25519 and its kin
}

// signers reads them; the closer, if any, is the agent's connection and must
// stay open during the login.
func (k keyring) signers() ([]ssh.Signer, io.Closer, error) {
	var keys []ssh.Signer
	if k.own != nil {
		keys = append(keys, k.own)
	}
	locked := ""
	var wanted []ssh.PublicKey // of the named files, whether or not they can be used
	for _, name := range k.named {
		s, err := readKey(name)
		var pass *ssh.PassphraseMissingError
		switch {
		case err == nil:
			keys = append(keys, s)
			wanted = append(wanted, s.PublicKey())
			continue
		case errors.As(err, &pass):
			locked = name
		case k.strict && publicHalf(name) == nil:
			return nil, nil, &Error{Kind: NotConfigured, Message: "cannot read the SSH identity", Err: err,
				Fix: "name a private key that can be read, or its text"}
		}
		if public := publicHalf(name); public != nil {
			wanted = append(wanted, public)
		} else if pass != nil && pass.PublicKey != nil {
			wanted = append(wanted, pass.PublicKey)
		}
	}
	more, closer := k.agentKeys(wanted)
	keys = append(keys, more...)
	if locked != "" && len(keys) == 0 {
		if closer != nil {
			closer.Close()
		}
		return nil, nil, &Error{Kind: NotConfigured, Message: "cannot use the SSH identity: it has a passphrase",
			Fix: "add it to the agent: ssh-add " + Quote(locked)}
	}
	if k.usual {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			if s, err := readKey(filepath.Join(userHome(), ".ssh", name)); err == nil {
				keys = append(keys, s)
			}
		}
	}
	return distinct(keys), closer, nil
}

// agentKeys returns the agent's keys, the wanted ones first. With IdentitiesOnly ssh
// still uses the agent for the keys that are named, and for no others.
func (k keyring) agentKeys(wanted []ssh.PublicKey) ([]ssh.Signer, io.Closer) {
	if k.agentAt == "" {
		return nil, nil
	}
	conn, err := net.Dial("unix", expandHome(k.agentAt))
	if err != nil {
		return nil, nil
	}
	all, err := agent.NewClient(conn).Signers()
	if err != nil {
		conn.Close()
		return nil, nil
	}
	var first, others []ssh.Signer
	for _, s := range all {
		if slices.ContainsFunc(wanted, func(w ssh.PublicKey) bool { return same(w, s.PublicKey()) }) {
			first = append(first, s)
		} else if !k.onlyNamed {
			others = append(others, s)
		}
	}
	return append(first, others...), conn
}

// publicHalf returns the public key of a key file: from the .pub file beside it, or from
// the file itself. It is nil if neither has one.
func publicHalf(name string) ssh.PublicKey {
	for _, file := range []string{name + ".pub", name} {
		text, err := os.ReadFile(expandHome(file))
		if err != nil {
			continue
		}
		if key, _, _, _, err := ssh.ParseAuthorizedKey(text); err == nil {
			return key
		}
	}
	return nil
}

// readKey reads a private key given as a path or as its text.
func readKey(pathOrText string) (ssh.Signer, error) {
	text := []byte(pathOrText)
	if !strings.Contains(pathOrText, "PRIVATE KEY-----") {
		var err error
		if text, err = os.ReadFile(expandHome(pathOrText)); err != nil {
			return nil, err
		}
	} else if !strings.HasSuffix(pathOrText, "\n") {
		text = append(text, '\n')
	}
	s, err := ssh.ParsePrivateKey(text)
	if err != nil {
		if strings.Contains(pathOrText, "PRIVATE KEY-----") {
			return nil, fmt.Errorf("the key's text is not a private key: %w", err)
		}
		return nil, fmt.Errorf("%s: %w", pathOrText, err)
	}
	return s, nil
}

// distinct drops keys that came twice and those beyond maxKeys.
func distinct(keys []ssh.Signer) []ssh.Signer {
	seen := map[string]bool{}
	var out []ssh.Signer
	for _, k := range keys {
		id := string(k.PublicKey().Marshal())
		if !seen[id] && len(out) < maxKeys {
			seen[id] = true
			out = append(out, k)
		}
	}
	return out
}

func expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}
