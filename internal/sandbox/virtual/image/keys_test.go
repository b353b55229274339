package image

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

// The RSA keys of two guests differ, and what one signs its public key accepts.
func TestRSA(t *testing.T) {
	a, errA := newRSA()
	b, errB := newRSA()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.N.Cmp(b.N) == 0 || a.N.BitLen() != rsaBits || b.N.BitLen() != rsaBits {
		t.Errorf("%d and %d bits, equal: %v", a.N.BitLen(), b.N.BitLen(), a.N.Cmp(b.N) == 0)
	}
	sum := sha256.Sum256([]byte("text"))
	signed, err := rsa.SignPKCS1v15(rand.Reader, a, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&a.PublicKey, crypto.SHA256, sum[:], signed); err != nil {
		t.Error(err)
	}
	if rsa.VerifyPKCS1v15(&b.PublicKey, crypto.SHA256, sum[:], signed) == nil {
		t.Error("another key accepts it, too")
	}
}
