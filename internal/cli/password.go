package cli

import (
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// Proxmox refuses a root password of less than 5 characters. The kernel's terminal refuses a
// line of more than 4,095.
const (
	minPassword = 5
	maxPassword = 1000
)

// rootPassword returns the password of a new container: the file's first line, or 24 random
// characters. It is sealed before Proxmox gets it.
func (o *createOptions) rootPassword() (string, error) {
	if o.passwordFile == "" {
		return vault.Password(), nil
	}
	password, err := o.app.passwordOf(o.passwordFile)
	if err == nil && len(password) < minPassword {
		return "", usagef("--password-file: root's password needs %d characters", minPassword)
	}
	return password, err
}

// passwordFlag registers --password-file for commands on an existing container.
func passwordFlag(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "password-file", "", "root's password from the file at `path` (- is stdin), where the console asks for it and it is not the one on record; it is then")
}

// passwordOf returns a file's first line, or "" if no file is named.
func (a *app) passwordOf(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := readSmall(homePath(file), a.in)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	switch {
	case password == "":
		return "", usagef("--password-file: there is no password in it")
	case len(password) > maxPassword:
		return "", usagef("--password-file: root's password has more than %d characters", maxPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", usagef("--password-file: root's password is one line without control characters")
	}
	return password, nil
}

// useRootPassword makes a run try a file's password instead of the one on record.
func (a *app) useRootPassword(m *catalogue.Remembered, file string) error {
	password, err := a.passwordOf(file)
	if password != "" {
		m.Password = password
	}
	return err
}
