package catalogue

import (
	"context"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// sshKeyName is the name under which a shared catalogue keeps the tool's SSH key.
const sshKeyName = "ssh-key"

// SSHKey is the tool's own key for guests: the catalogue's, if it has one. A shared catalogue
// without one gets the key at path, which is made if it is missing, so that every member gets
// into every container. A catalogue in a file has only the key at path.
//
// text is the private key if it is not the one at path. An error of the vault means that this
// member cannot open the catalogue's key.
func SSHKey(ctx context.Context, s *store.Store, v *vault.Vault, path string) (signer ssh.Signer, public string, text []byte, err error) {
	kept, err := s.SharedSecret(ctx, sshKeyName)
	if err != nil {
		return nil, "", nil, err
	}
	if kept == nil {
		signer, public, err = guest.EnsureKey(path)
		if err != nil || !s.IsShared() {
			return signer, public, nil, err
		}
		if kept, err = shareKey(ctx, s, v, path, public); err != nil {
			return nil, "", nil, err
		}
	}
	text, err = v.Unseal(store.SharedRecord, sshKeyName, kept.Envelope)
	if err != nil {
		return nil, "", nil, err
	}
	if signer, public, err = guest.ParseKey(text); err != nil {
		return nil, "", nil, err
	}
	return signer, public, text, nil
}

// SharedSSHKey is the text of the catalogue's own key, nil if it has none.
func SharedSSHKey(ctx context.Context, s *store.Store, v *vault.Vault) ([]byte, error) {
	kept, err := s.SharedSecret(ctx, sshKeyName)
	if err != nil || kept == nil {
		return nil, err
	}
	return v.Unseal(store.SharedRecord, sshKeyName, kept.Envelope)
}

// shareKey seals the key at path into the catalogue. Another member may have been first.
func shareKey(ctx context.Context, s *store.Store, v *vault.Vault, path, public string) (*store.Shared, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	envelope, err := v.Seal(store.SharedRecord, sshKeyName, text)
	if err != nil {
		return nil, err
	}
	return s.KeepShared(ctx, store.Shared{Name: sshKeyName, Envelope: envelope, Public: public})
}

// ShareSSHKey gives a catalogue the key at path before it becomes a shared one: the containers
// on record know that key. It does nothing where there is no key.
func ShareSSHKey(ctx context.Context, s *store.Store, v *vault.Vault, path string) error {
	kept, err := s.SharedSecret(ctx, sshKeyName)
	if err != nil || kept != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // no container knows a key
	}
	_, public, err := guest.EnsureKey(path)
	if err == nil {
		_, err = shareKey(ctx, s, v, path, public)
	}
	return err
}
