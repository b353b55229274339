package cli

import (
	"strings"
	"unicode"

	"github.com/infrahaus/infrahaus/internal/vault"
)

// Proxmox takes no root password under 5 characters; the kernel's terminal no
// line over 4,095.
const (
	minPassword = 5
	maxPassword = 1000
)

// rootPassword is the new container's: the file's first line, or 24 random
// characters. Either is sealed before the request.
func (o *createOptions) rootPassword() (string, error) {
	if o.passwordFile == "" {
		return vault.Password(), nil
	}
	raw, err := readSmall(o.passwordFile, o.app.in)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	switch {
	case len(password) < minPassword:
		return "", usagef("--password-file: root's password needs %d characters", minPassword)
	case len(password) > maxPassword:
		return "", usagef("--password-file: root's password has more than %d characters", maxPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", usagef("--password-file: root's password is one line without control characters")
	}
	return password, nil
}
