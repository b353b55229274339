package vault

import (
	"crypto/rand"
	"encoding/hex"
)

// PasswordLength is the length of a container's root password, in characters.
const PasswordLength = 24

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Password makes a random root password: PasswordLength letters and digits,
// some 142 bits.
func Password() string { return Random(PasswordLength) }

// RandomText makes n random hexadecimal digits, or letters and digits.
func RandomText(n int, hexadecimal bool) string {
	if !hexadecimal {
		return Random(n)
	}
	raw := make([]byte, (n+1)/2)
	_, _ = rand.Read(raw) // never fails: crypto/rand
	return hex.EncodeToString(raw)[:n]
}

// Random makes n random letters and digits, each equally likely.
func Random(n int) string {
	// 248 is the largest multiple of 62 in a byte. Bytes above it would make the first
	// letters more likely.
	const limit = 256 - 256%len(letters)
	out := make([]byte, 0, n)
	buf := make([]byte, n+n/8+8)
	for len(out) < n {
		rand.Read(buf)
		for _, b := range buf {
			if int(b) < limit && len(out) < n {
				out = append(out, letters[int(b)%len(letters)])
			}
		}
	}
	return string(out)
}
