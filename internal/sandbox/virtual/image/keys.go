package image

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// HostKeys makes new SSH host keys and says so as Proxmox's create task does.
func HostKeys(f *fsys.FS, hostname string, log func(string)) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "root@"+hostname)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	pub := signer.PublicKey()
	l := &layout{v: rootView(f)}
	l.file("/etc/ssh/ssh_host_ed25519_key", string(pem.EncodeToMemory(block)), 0o600)
	l.file("/etc/ssh/ssh_host_ed25519_key.pub", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))+" root@"+hostname+"\n", 0o644)
	if l.err != nil {
		return l.err
	}
	log("Creating SSH host key 'ssh_host_ed25519_key' - this may take some time ...")
	log(fmt.Sprintf("done: %s root@%s", ssh.FingerprintSHA256(pub), hostname))
	return nil
}

// crypt stands in for crypt(3): a salted hash that only Check reads.
func crypt(password string) string {
	salt := make([]byte, 8)
	rand.Read(salt)
	return hashWith(password, base64.RawStdEncoding.EncodeToString(salt))
}

func hashWith(password, salt string) string {
	h := sha256.Sum256([]byte(salt + "$" + password))
	return "$5$" + salt + "$" + base64.RawStdEncoding.EncodeToString(h[:])
}

// Check says whether password is the one behind the field of /etc/shadow.
func Check(field, password string) bool {
	p := strings.Split(field, "$")
	return len(p) == 4 && hashWith(password, p[2]) == field
}

// Crypt is the field of /etc/shadow for a password.
func Crypt(password string) string { return crypt(password) }
