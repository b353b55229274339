package guest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// Lines of known_hosts that the test also gives to ssh itself: both must trust the same
// keys.
func TestKnownHostsAsSSH(t *testing.T) {
	client := needs.Program(t, "ssh", "openssh-client")
	id := newSigner(t)
	h := newHost(t, id.PublicKey())
	identity := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(identity, []byte(keyText(t, id)), 0o600); err != nil {
		t.Fatal(err)
	}
	key := func(s ssh.Signer) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey()))) }
	right, wrong := key(h.key), key(newSigner(t))
	at := fmt.Sprintf("[localhost]:%d", h.port())
	for name, c := range map[string]struct {
		lines string
		want  error // errNotKnown, otherKey or revokedKey: the kind of error
	}{
		"as it is written":                         {at + " " + right, nil},
		"hashed":                                   {knownhosts.HashHostname(at) + " " + right, nil},
		"hashed, without the port":                 {knownhosts.HashHostname("localhost") + " " + right, nil},
		"without the port":                         {"localhost " + right, nil},
		"any port":                                 {"[localhost]:* " + right, nil},
		"a pattern":                                {"[local*]:* " + right, nil},
		"another case":                             {strings.ToUpper(at) + " " + right, nil},
		"a list":                                   {"a,b," + at + " " + right, nil},
		"negated":                                  {"!localhost,!" + at + ",* " + right, errNotKnown},
		"negated with its port":                    {"!" + at + ",* " + right, nil},
		"a comment behind":                         {at + " " + right + " a comment", nil},
		"a line of another host that is broken":    {"other ssh-ed25519 AAAA\nother\n@x y z\nother ssh-rsa !!!\n|1|x|y z\n" + at + " " + right, nil},
		"a broken line of this host":               {at + " ssh-ed25519 AAAA\n" + at + " " + right, nil},
		"SSH protocol 1":                           {at + " 1024 35 12345\n" + at + " " + right, nil},
		"a type that is not the key's":             {at + " ssh-rsa " + strings.Fields(right)[1], errNotKnown},
		"nothing":                                  {"", errNotKnown},
		"another host":                             {"[localhosts]:* " + right, errNotKnown},
		"brackets are no class":                    {"[a-z]ocalhost " + right, errNotKnown},
		"another key":                              {at + " " + wrong, otherKey{}},
		"another key, and the right one":           {at + " " + wrong + "\n" + at + " " + right, nil},
		"another key without the port":             {"localhost " + wrong, errNotKnown},
		"another key, the right one without port":  {at + " " + wrong + "\nlocalhost " + right, otherKey{}},
		"revoked":                                  {at + " " + right + "\n@revoked * " + right, revokedKey{}},
		"another is revoked":                       {at + " " + right + "\n@revoked * " + wrong, nil},
		"an authority is no host's key":            {"@cert-authority * " + right, errNotKnown},
		"windows line ends":                        {at + " " + right + "\r\n", nil},
		"blanks before":                            {"  \t" + at + " " + right, nil},
		"a comment":                                {"# " + at + " " + right, errNotKnown},
		"a marker that nobody knows":               {"@trusted " + at + " " + right, errNotKnown},
		"the last line has no end, and is not cut": {"# x\n" + at + " " + right, nil},
	} {
		file := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(file, []byte(c.lines), 0o600); err != nil {
			t.Fatal(err)
		}
		err := readKnown([]string{file}, "LocalHost", h.port(), "").check(h.key.PublicKey())
		if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", c.want) {
			t.Errorf("%s: we say %v", name, err)
		}
		args := []string{"-F", "none", "-o", "UserKnownHostsFile=" + file, "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes",
			"-o", "IdentityAgent=none", "-i", identity, "-p", itoa(h.port()), "root@LocalHost", "true"}
		said, failed := exec.Command(client, args...).CombinedOutput()
		if (failed == nil) != (c.want == nil) {
			t.Errorf("%s: ssh says %v %s", name, failed, said)
		}
	}
}

// These cases check only the message and the hint.
func TestKnownHostsWords(t *testing.T) {
	key, other := newSigner(t).PublicKey(), newSigner(t).PublicKey()
	line := func(hosts string, k ssh.PublicKey) string { return hosts + " " + string(ssh.MarshalAuthorizedKey(k)) }
	dir := filepath.Join(t.TempDir(), "a dir")
	os.Mkdir(dir, 0o700)
	file := filepath.Join(dir, "known_hosts")
	for name, c := range map[string]struct {
		lines, alias string
		port         int
		says, fix    string
	}{
		"another key": {"# x\n" + line("[pve.lan]:2222", other), "", 2222, "is not the one in " + file + ":2", "ssh-keygen -R '[pve.lan]:2222' -f '" + file + "'"},
		"port 22":     {line("pve.lan,10.0.0.1", other), "", 22, "is not the one in " + file + ":1", "ssh-keygen -R pve.lan -f '" + file + "'"},
		"hashed":      {line(knownhosts.HashHostname("pve.lan"), other), "", 22, "is not the one in", "ssh-keygen -R pve.lan -f"},
		"an alias":    {line("node", other), "Node", 2222, "is not the one in", "ssh-keygen -R node -f"},
		"a pattern":   {line("*.lan", other), "", 22, "is not the one in", "remove line 1 from " + file},
		"revoked":     {line("@revoked *", key), "", 22, "is revoked in " + file + ":1", ""},
		"no port":     {line("pve.lan", other), "", 2222, "is not in known_hosts: the key in " + file + ":1 is another", "ssh-keyscan -t ed25519 -p 2222 pve.lan >> '" + file + "'"},
		"unknown":     {"", "", 22, "is not in known_hosts", "ssh-keyscan -t ed25519 pve.lan >> '" + file + "'"},
	} {
		if err := os.WriteFile(file, []byte(c.lines), 0o600); err != nil {
			t.Fatal(err)
		}
		n := NodeSSH{Host: "pve.lan", Port: c.port, KnownHosts: file}
		s := settings{host: "pve.lan", port: c.port, alias: c.alias, user: "root"}
		known := readKnown([]string{file}, s.host, s.port, s.alias)
		err := hostKeyCheck(known, "the node pve.lan", n.trustHints(s))("", nil, key)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.says) || !strings.Contains(e.Fix, c.fix) {
			t.Errorf("%s: %v\n%s", name, err, e.Fix)
		}
	}
	n := NodeSSH{Host: "pve", Port: 2222}
	hints := n.trustHints(settings{host: "pve.lan", port: 2222, user: "admin"})(key)
	if len(hints) != 2 || hints[1] != "then log in once: ssh -p 2222 admin@pve" {
		t.Errorf("%q", hints)
	}
}

// A host certificate is trusted through its authority, for its names and its period.
func TestKnownHostsCertificate(t *testing.T) {
	authority, host, stranger := newSigner(t), newSigner(t), newSigner(t)
	sign := func(by ssh.Signer, names []string, until time.Time, kind uint32) *ssh.Certificate {
		cert := &ssh.Certificate{Key: host.PublicKey(), CertType: kind, ValidPrincipals: names, ValidBefore: uint64(until.Unix())}
		if err := cert.SignCert(rand.Reader, by); err != nil {
			t.Fatal(err)
		}
		return cert
	}
	later, names := time.Now().Add(time.Hour), []string{"pve.lan"}
	line := func(hosts string, s ssh.Signer) string {
		return hosts + " " + string(ssh.MarshalAuthorizedKey(s.PublicKey()))
	}
	trusted := line("@cert-authority *.lan,[*.lan]:*", authority)
	for name, c := range map[string]struct {
		lines string
		cert  *ssh.Certificate
		ok    bool
	}{
		"trusted":              {trusted, sign(authority, names, later, ssh.HostCert), true},
		"too late":             {trusted, sign(authority, names, time.Now().Add(-time.Hour), ssh.HostCert), false},
		"of another name":      {trusted, sign(authority, []string{"web.lan"}, later, ssh.HostCert), false},
		"of a user":            {trusted, sign(authority, names, later, ssh.UserCert), false},
		"of another authority": {trusted, sign(stranger, names, later, ssh.HostCert), false},
		"the key itself":       {line("[pve.lan]:2222", host), sign(stranger, names, later, ssh.HostCert), true},
		"a revoked authority":  {trusted + line("@revoked *", authority), sign(authority, names, later, ssh.HostCert), false},
	} {
		file := filepath.Join(t.TempDir(), "known_hosts")
		os.WriteFile(file, []byte(c.lines), 0o600)
		known := readKnown([]string{file}, "pve.lan", 2222, "")
		if err := known.check(c.cert); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if first := known.algorithms()[0]; strings.Contains(first, "cert") != strings.Contains(c.lines, "@cert-authority") {
			t.Errorf("%s: asks for %s first", name, first)
		}
	}
}

func TestKnownHostsUnreadable(t *testing.T) {
	dir := t.TempDir() // reading a folder fails, for root too
	known := readKnown([]string{dir, filepath.Join(dir, "none")}, "h", 22, "")
	err := hostKeyCheck(known, "the node h", NodeSSH{Host: "h"}.trustHints(settings{}))("", nil, newSigner(t).PublicKey())
	if KindOf(err) != HostKeyUnknown || !strings.Contains(err.Error(), "not all can be read: read "+dir) {
		t.Errorf("%v", err)
	}
}

func FuzzKnownHosts(f *testing.F) {
	f.Add("[h]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Zk0Z6Zk0Z6Zk0Z6Zk0Z6Zk0Z6Zk0Z6Zk0Z6Zk0Z6A= x", "[h]:2222")
	f.Add("@revoked *,!a |1|", "a")
	f.Add("|1|c2FsdA==|c3Vt ssh-rsa AAAA", "h")
	f.Fuzz(func(t *testing.T, line, name string) {
		e, ok := parseKnown(line)
		if ok && (e.key == nil || e.hosts == "") {
			t.Errorf("%q: %+v", line, e)
		}
		matchHosts(line, name)
		if !strings.ContainsAny(name, "\x01\x02\x03\x04,*?!|") && name != "" && name == strings.ToLower(name) && !matchHosts(name, name) {
			t.Errorf("%q does not match itself", name)
		}
	})
}
