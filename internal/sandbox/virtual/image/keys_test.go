package image

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
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

// A prime that fits no key would be looked at for ever: no other prime makes it one.
func TestFits(t *testing.T) {
	for text, want := range map[string]bool{
		"786433":  true,  // 12 * 65536 + 1
		"65537":   true,  // the exponent itself
		"786445":  false, // 12 * 65537 + 1
		"1179667": false, // 18 * 65537 + 1
	} {
		p, _ := new(big.Int).SetString(text, 10)
		if fits(p) != want {
			t.Errorf("%s: %v", text, !want)
		}
		key := new(big.Int).ModInverse(big.NewInt(exponent), new(big.Int).Sub(p, big.NewInt(1)))
		if (key != nil) != want {
			t.Errorf("%s: the private exponent is %v", text, key)
		}
	}
}
