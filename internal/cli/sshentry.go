package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// sshEntry is how ssh gets into one container. Other programs, such as Ansible, get the
// same as options.
type sshEntry struct {
	Alias     string // a word that ssh and Ansible take as a host
	Record    lxc.Container
	Address   string // valid; "" if none is known
	Identity  string // the tool's key; "" for an adopted container, into which it was not put
	Pinned    bool   // the guest's host keys are known
	Jump      *sshJump
	stateDir  string
	self      string // this program
	hostAlias string // the name of the host key: the record's
}

// sshJump is the host through which a guest is reached.
type sshJump struct {
	Alias, Host, User    string
	Port                 int
	Identity, KnownHosts string
}

// sshPort is that of a guest's sshd; the tool uses no other.
const sshPort = 22

// sshEntries makes the entries of containers, with an alias of its own for each.
func (a *app) sshEntries(ctx context.Context, containers []lxc.Container) ([]sshEntry, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %w", err)
	}
	pinned, err := a.pinned(ctx, containers)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	var out []sshEntry
	identity, err := a.identityFile(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		e := sshEntry{Alias: alias(c, taken), Record: c, Pinned: pinned[c.RecordID], stateDir: a.cfg.Paths.StateDir, self: self, hostAlias: "infrahaus-" + c.RecordID}
		if address, err := netip.ParseAddr(c.Address); err == nil {
			e.Address = address.String()
		}
		if !c.Adopted {
			e.Identity = identity
		}
		if e.Jump, err = a.jumpTo(c.Host); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// pinned tells which containers have host keys on record.
func (a *app) pinned(ctx context.Context, containers []lxc.Container) (map[string]bool, error) {
	out := map[string]bool{}
	for _, c := range containers {
		pins, err := a.store.Pins(ctx, c.RecordID)
		if err != nil {
			return nil, err
		}
		out[c.RecordID] = len(pins) > 0
	}
	return out, nil
}

// alias is a container's name if it can be a host's name, and no container before it has it.
// A name may come from Proxmox, where others write it.
func alias(c lxc.Container, taken map[string]bool) string {
	name := c.Hostname
	if lxc.WrongHostname(name) != "" {
		name = "ct" + strconv.Itoa(c.CTID)
	}
	for _, try := range []string{name, name + "-" + strconv.Itoa(c.CTID), "infrahaus-" + c.RecordID} {
		if !taken[strings.ToLower(try)] {
			taken[strings.ToLower(try)] = true
			return try
		}
	}
	return c.RecordID
}

// jumpTo is the jump host that is configured for a host, nil if there is none.
func (a *app) jumpTo(host string) (*sshJump, error) {
	if host == config.SandboxHost || !a.cfg.Calls(host) {
		return nil, nil
	}
	set, err := a.cfg.WaysIn(host)
	if err != nil || set.Jump == "" {
		return nil, err
	}
	j := &sshJump{Alias: "infrahaus-jump-" + plainName(host), Host: set.Jump, Identity: set.IdentityFile, KnownHosts: set.KnownHosts}
	if user, rest, ok := strings.Cut(set.Jump, "@"); ok {
		j.User, j.Host = user, rest
	}
	if h, p, err := net.SplitHostPort(j.Host); err == nil {
		j.Host = h
		j.Port, _ = strconv.Atoi(p)
	}
	j.Host = strings.Trim(j.Host, "[]")
	for _, word := range []string{j.Host, j.User} {
		if strings.HasPrefix(word, "-") || strings.ContainsAny(word, " \t\r\n\"'\\$`") {
			return nil, usagef("cannot use the jump host %q of host %s in an SSH configuration", set.Jump, host)
		}
	}
	return j, nil
}

// plainName keeps letters, digits, dots and dashes of a name, and makes all else a dash.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, name)
}

// option is one line of an SSH configuration: a key and its value, quoted.
type option struct{ key, value string }

// trust are the options that check the guest's host key. ssh's own files hold whole keys,
// but Proxmox reports only fingerprints, so a pinned key is checked by this program. The
// key belongs to the record, not to the address, which the next container may get.
func (e sshEntry) trust() ([]option, error) {
	if !e.Pinned {
		known, err := sshPath(filepath.Join(e.stateDir, "known_hosts"))
		return []option{{"HostKeyAlias", e.hostAlias}, {"StrictHostKeyChecking", "accept-new"}, {"UserKnownHostsFile", known}, {"GlobalKnownHostsFile", "none"}}, err
	}
	self, err := sshPath(e.self)
	if err != nil {
		return nil, err
	}
	state, err := sshPath(e.stateDir)
	return []option{
		{"HostKeyAlias", e.hostAlias}, {"StrictHostKeyChecking", "yes"}, {"UserKnownHostsFile", "none"}, {"GlobalKnownHostsFile", "none"},
		// An ssh that is older than 8.5 does not know it, and then trusts no key.
		{"IgnoreUnknown", "KnownHostsCommand"},
		{"KnownHostsCommand", self + " --state-dir " + state + " ssh-config --known-host " + e.Record.RecordID + " %f %H %t %K"},
	}, err
}

// sshPath quotes a path for an SSH configuration. ssh replaces %x and ${x} in paths.
func sshPath(path string) (string, error) {
	if strings.ContainsAny(path, "\"\\\r\n\x00") || strings.Contains(path, "${") {
		return "", usagef("cannot write the path %q in an SSH configuration", path).hint("use a --state-dir without quotes, backslashes and ${")
	}
	path = strings.ReplaceAll(path, "%", "%%")
	if strings.ContainsAny(path, " \t#'*?") || path == "" {
		return `"` + path + `"`, nil
	}
	return path, nil
}

// identityFile is the file of the key that containers know, for ssh. The key of a shared
// catalogue is written beside the records, for this user alone.
func (a *app) identityFile(ctx context.Context) (string, error) {
	own := a.cfg.Paths.SSHKey()
	if a.store == nil {
		return own, nil
	}
	text, err := catalogue.SharedSSHKey(ctx, a.store, a.vault)
	var locked *vault.Error
	if errors.As(err, &locked) {
		a.warn("the SSH key of the shared catalogue is sealed: "+locked.Error(), locked.Next)
		return own, nil
	}
	if err != nil || text == nil {
		return own, err
	}
	path := filepath.Join(a.cfg.Paths.StateDir, "ssh-key")
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
		return path, nil
	}
	f, err := os.CreateTemp(a.cfg.Paths.StateDir, ".ssh-key-*") // 0600
	if err != nil {
		return "", fmt.Errorf("cannot write the SSH key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	return path, err
}
