package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func FuzzCommit(f *testing.F) {
	f.Add([]byte("tree 00\nauthor A\ngpgsig -----BEGIN SSH SIGNATURE-----\n x\n -----END SSH SIGNATURE-----\n\nmessage\n"))
	f.Add([]byte("tree 00\n\ngpgsig not in the header\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload, sig := splitCommit(raw)
		if sig == nil && bytes.Contains(raw, []byte("\n\n")) && !bytes.Equal(payload, raw) {
			t.Errorf("without a signature, %q became %q", raw, payload)
		}
	})
}

// A file that nobody understands must allow nobody.
func FuzzAllowedSigners(f *testing.F) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFL5BrLhbnKSLFmRIEBkPPsGNLC+lzcQWdSTFd2EyYkC"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ada ssh-ed25519 AAAA")
	f.Add("ada namespaces=\"git\",valid-before=\"2020\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFL5BrLhbnKSLFmRIEBkPPsGNLC+lzcQWdSTFd2EyYkC")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "signers")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ok, err := Trust{Signers: file}.allows(key, Namespace, time.Now())
		if ok && (err != nil || !bytes.Contains([]byte(text), []byte("AAAAC3NzaC1lZDI1NTE5AAAAIFL5BrLhbnKSLFmRIEBkPPsGNLC"))) {
			t.Errorf("%q allows it, %v", text, err)
		}
	})
}
