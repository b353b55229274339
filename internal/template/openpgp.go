package template

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// armorHead begins a public key as text.
const armorHead = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// openPGPKey checks that data is an OpenPGP public key, as text or binary, and returns the
// fingerprint of its primary key in upper-case hexadecimal digits. It reads the first packet
// only; apt judges the rest.
func openPGPKey(data []byte) (fingerprint string, armored bool, err error) {
	if bytes.Contains(data, []byte("PRIVATE KEY BLOCK")) {
		return "", true, errors.New("it is a private key")
	}
	packet := data
	if armored = bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN ")); armored {
		if packet, err = unarmor(string(data)); err != nil {
			return "", true, err
		}
	}
	tag, body, ok := firstPacket(packet)
	switch {
	case !ok || len(body) == 0:
		return "", armored, errors.New("it is no OpenPGP key")
	case tag == 5:
		return "", armored, errors.New("it is a private key")
	case tag != 6:
		return "", armored, errors.New("it does not begin with a public key")
	}
	switch body[0] {
	case 4:
		h := sha1.New()
		h.Write([]byte{0x99, byte(len(body) >> 8), byte(len(body))})
		h.Write(body)
		return strings.ToUpper(hex.EncodeToString(h.Sum(nil))), armored, nil
	case 6:
		h := sha256.New()
		h.Write(binary.BigEndian.AppendUint32([]byte{0x9b}, uint32(len(body))))
		h.Write(body)
		return strings.ToUpper(hex.EncodeToString(h.Sum(nil))), armored, nil
	}
	return "", armored, errors.New("its version is not known")
}

// unarmor returns the packets in the text form of a public key. Headers and the checksum are
// skipped.
func unarmor(text string) ([]byte, error) {
	wrong := errors.New("it is no OpenPGP public key as text (" + armorHead + ")")
	_, rest, ok := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), armorHead+"\n")
	if !ok {
		return nil, wrong
	}
	body, _, ok := strings.Cut(rest, "-----END PGP PUBLIC KEY BLOCK-----")
	if !ok {
		return nil, errors.New("it is cut short: its last line is missing")
	}
	if _, after, headed := strings.Cut(body, "\n\n"); headed {
		body = after
	}
	var b strings.Builder
	for line := range strings.SplitSeq(body, "\n") {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "=") {
			b.WriteString(line)
		}
	}
	out, err := base64.StdEncoding.DecodeString(b.String())
	if err != nil {
		return nil, wrong
	}
	return out, nil
}

// wrongRSA returns the reason why data is no RSA public key as apk reads it, or "".
func wrongRSA(data []byte) string {
	block, rest := pem.Decode(data)
	switch {
	case bytes.Contains(data, []byte("PRIVATE KEY")):
		return "it is a private key"
	case block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0:
		return "it is no public key as text (-----BEGIN PUBLIC KEY-----)"
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if _, ok := key.(*rsa.PublicKey); err != nil || !ok {
		return "it is no RSA key"
	}
	return ""
}

// firstPacket reads the header of an OpenPGP packet (RFC 9580, 4.2).
func firstPacket(data []byte) (tag int, body []byte, ok bool) {
	if len(data) < 3 || data[0]&0x80 == 0 {
		return 0, nil, false
	}
	head, size := 0, 0
	if data[0]&0x40 == 0 { // the old form
		tag = int(data[0]>>2) & 0xf
		switch data[0] & 3 {
		case 0:
			head, size = 2, int(data[1])
		case 1:
			head, size = 3, int(data[1])<<8|int(data[2])
		case 2:
			if len(data) < 5 {
				return 0, nil, false
			}
			head, size = 5, int(binary.BigEndian.Uint32(data[1:5]))
		default:
			return 0, nil, false
		}
	} else {
		tag = int(data[0] & 0x3f)
		switch n := int(data[1]); {
		case n < 192:
			head, size = 2, n
		case n < 224:
			head, size = 3, (n-192)<<8+int(data[2])+192
		case n == 255 && len(data) >= 6:
			head, size = 6, int(binary.BigEndian.Uint32(data[2:6]))
		default:
			return 0, nil, false
		}
	}
	if size < 0 || size > 1<<16 || len(data) < head+size {
		return 0, nil, false
	}
	return tag, data[head : head+size], true
}
