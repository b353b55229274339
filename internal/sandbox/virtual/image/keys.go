package image

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/fsys"
)

// HostKeys makes new SSH host keys and says so as Proxmox's create task does. The simulated
// sshd uses the last of them.
func HostKeys(f *fsys.FS, hostname string, log func(string)) error {
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		if err := hostKey(f, kind, hostname, log); err != nil {
			return err
		}
	}
	return nil
}

// rsaBits is the shortest key that OpenSSH takes; a real one has 3072, which cost half a
// second of each create.
const rsaBits = 1024

// sharedPrime is one of the two primes of every RSA key that this process makes. No secrecy
// depends on these keys, and to look for a prime is what they cost.
var sharedPrime = sync.OnceValues(func() (*big.Int, error) {
	for {
		p, err := rand.Prime(rand.Reader, rsaBits/2)
		if err != nil || fits(p) {
			return p, err
		}
	}
})

// exponent is the public exponent of every RSA key.
const exponent = 65537

// fits reports whether a prime can belong to a key with that exponent: p-1 must have no divisor
// in common with it. Of one prime in 65,537 no key can be made, whatever the other prime is.
func fits(p *big.Int) bool {
	less := new(big.Int).Sub(p, big.NewInt(1))
	return less.Mod(less, big.NewInt(exponent)).Sign() != 0
}

// newRSA makes a key like no other. rsa.GenerateKey takes more than twice as long, which a
// fiftieth of all sessions' CPU time was spent on.
func newRSA() (*rsa.PrivateKey, error) {
	p, err := sharedPrime()
	if err != nil {
		return nil, err
	}
	one, two := big.NewInt(1), big.NewInt(2)
	e := big.NewInt(exponent)
	for {
		q, err := rand.Int(rand.Reader, new(big.Int).Lsh(one, rsaBits/2-2))
		if err != nil {
			return nil, err
		}
		q.SetBit(q, 0, 1)
		for _, high := range []int{rsaBits/2 - 1, rsaBits/2 - 2} { // the product has all its bits
			q.SetBit(q, high, 1)
		}
		for !q.ProbablyPrime(0) {
			q.Add(q, two)
		}
		if !fits(q) || p.Cmp(q) == 0 {
			continue
		}
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return key, key.Validate()
	}
}

func newKey(kind string) (crypto.Signer, error) {
	switch kind {
	case "rsa":
		return newRSA()
	case "ecdsa":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func hostKey(f *fsys.FS, kind, hostname string, log func(string)) error {
	key, err := newKey(kind)
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
	name := "ssh_host_" + kind + "_key"
	log("Creating SSH host key '" + name + "' - this may take some time ...")
	l := &layout{v: rootView(f)}
	l.file("/etc/ssh/"+name, string(pem.EncodeToMemory(block)), 0o600)
	l.file("/etc/ssh/"+name+".pub", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))+" root@"+hostname+"\n", 0o644)
	log(fmt.Sprintf("done: %s root@%s", ssh.FingerprintSHA256(pub), hostname))
	return l.err
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
