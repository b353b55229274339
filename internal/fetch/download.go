package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// download writes a new file and returns its SHA-256.
func download(path string, r io.Reader) (sum string, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if err := errors.Join(save(io.MultiWriter(out, h), r), out.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
