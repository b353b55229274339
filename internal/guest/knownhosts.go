package guest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // known_hosts hashes its names with it
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// knownHosts holds the entries of known_hosts files about one host. It reads the files as
// ssh does: line by line, and it skips useless lines, so that a broken line about another
// host does no harm. (x/crypto's reader refuses the whole file, takes [h]:* and upper
// case literally, and does not use an entry without a port for a port other than 22.)
type knownHosts struct {
	name    string // the name in the files: h, [h]:2222, or the HostKeyAlias; lower case
	bare    string // h if name is [h]:2222: ssh tries it second; otherwise ""
	host    string // the principal that a certificate must have
	files   []string
	entries []knownEntry
	unread  []error // errors of files that exist
}

// knownEntry is one line about the host.
type knownEntry struct {
	file   string
	line   int
	marker string // "", @cert-authority or @revoked
	hosts  string // as written in the file
	key    ssh.PublicKey
	bare   bool // it names the host without its port
}

func (e knownEntry) at() string { return e.file + ":" + strconv.Itoa(e.line) }

// readKnown reads the files that exist.
func readKnown(files []string, host string, port int, alias string) *knownHosts {
	k := &knownHosts{name: strings.ToLower(host), host: strings.ToLower(host), files: files}
	switch {
	case alias != "":
		k.name, k.host = strings.ToLower(alias), strings.ToLower(alias)
	case port != 22:
		k.name, k.bare = "["+k.name+"]:"+strconv.Itoa(port), k.name
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				k.unread = append(k.unread, err)
			}
			continue
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			e, ok := parseKnown(line)
			if !ok {
				continue
			}
			e.file, e.line = file, n
			if e.bare = !matchHosts(e.hosts, k.name); e.bare && (k.bare == "" || !matchHosts(e.hosts, k.bare)) {
				continue
			}
			k.entries = append(k.entries, e)
		}
	}
	return k
}

// parseKnown reads one line; ok is false for a comment and for a line that ssh skips.
func parseKnown(line string) (e knownEntry, ok bool) {
	words := strings.Fields(line)
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		if e.marker = words[0]; e.marker != "@cert-authority" && e.marker != "@revoked" {
			return e, false
		}
		words = words[1:]
	}
	if len(words) < 3 || strings.HasPrefix(words[0], "#") {
		return e, false
	}
	raw, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil {
		return e, false
	}
	key, err := ssh.ParsePublicKey(raw)
	if err != nil || key.Type() != words[1] {
		return e, false
	}
	e.hosts, e.key = words[0], key
	return e, true
}

// matchHosts reports whether the first field of a line matches name, which is in lower
// case. The field is a hashed name, or a list of patterns with * and ?; a negated pattern
// that matches excludes the name.
func matchHosts(hosts, name string) bool {
	if rest, ok := strings.CutPrefix(hosts, "|1|"); ok {
		s, h, _ := strings.Cut(rest, "|")
		salt, err1 := base64.StdEncoding.DecodeString(s)
		sum, err2 := base64.StdEncoding.DecodeString(h)
		if err1 != nil || err2 != nil {
			return false
		}
		mac := hmac.New(sha1.New, salt)
		mac.Write([]byte(name))
		return hmac.Equal(mac.Sum(nil), sum)
	}
	return matchPatterns(strings.Split(strings.ToLower(hosts), ","), name)
}

// matchPatterns works like ssh's match_pattern_list.
func matchPatterns(patterns []string, name string) bool {
	found := false
	for _, p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		if !matchPattern(p, name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchPattern knows only * and ?: a bracket is an ordinary character.
func matchPattern(pattern, name string) bool {
	ok, err := path.Match(globSafe.Replace(pattern), globSafe.Replace(name))
	return ok && err == nil
}

// globSafe hides the other special characters of path.Match from it. It replaces them by
// the same bytes in the pattern and in the name.
var globSafe = strings.NewReplacer("[", "\x01", "]", "\x02", `\`, "\x03", "/", "\x04")

// errNotKnown is the error of check if no line has the key.
var errNotKnown = errors.New("not known")

// otherKey is the error of check if a line has another key of the same type.
type otherKey struct{ knownEntry }

func (o otherKey) Error() string { return "another key stands in " + o.at() }

// revokedKey is the error of check for a revoked key.
type revokedKey struct{ knownEntry }

func (r revokedKey) Error() string { return "the key is revoked in " + r.at() }

// check compares a host key with the entries, as ssh does. It returns nil, errNotKnown,
// otherKey, revokedKey, or the reason why a certificate is not valid.
func (k *knownHosts) check(key ssh.PublicKey) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		if known, err := k.checkCert(cert); known {
			return err
		}
		key = cert.Key // its authority is not in the files, but the key itself may be
	}
	if e := k.find("@revoked", key); e != nil {
		return revokedKey{*e}
	}
	var other *knownEntry
	bare := false
	for i, e := range k.entries {
		switch {
		case e.marker != "":
		case same(e.key, key):
			if !e.bare {
				return nil
			}
			bare = true
		case !e.bare && other == nil && e.key.Type() == key.Type():
			other = &k.entries[i]
		}
	}
	switch {
	case other != nil:
		return otherKey{*other}
	case bare:
		return nil
	}
	return errNotKnown
}

// checkCert checks a certificate if the files have its authority.
func (k *knownHosts) checkCert(cert *ssh.Certificate) (known bool, err error) {
	for _, signed := range []ssh.PublicKey{cert.SignatureKey, cert.Key} {
		if e := k.find("@revoked", signed); e != nil {
			return true, revokedKey{*e}
		}
	}
	if k.find("@cert-authority", cert.SignatureKey) == nil {
		return false, nil
	}
	if cert.CertType != ssh.HostCert {
		return true, errors.New("it is a certificate for a user")
	}
	return true, new(ssh.CertChecker).CheckCert(k.host, cert)
}

func (k *knownHosts) find(marker string, key ssh.PublicKey) *knownEntry {
	for i, e := range k.entries {
		if e.marker == marker && same(e.key, key) {
			return &k.entries[i]
		}
	}
	return nil
}

func same(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// algorithms lists the host key algorithms to request. Those with a known key come first,
// so that a server with several keys shows one that can be compared.
func (k *knownHosts) algorithms() []string {
	var known, others, certs []string
	for _, family := range hostKeyTypes {
		for _, a := range family {
			if k.has(keyType(a)) {
				known = append(known, a)
			} else {
				others = append(others, a)
			}
		}
	}
	for _, e := range k.entries {
		if e.marker == "@cert-authority" {
			certs = []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
				ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
		}
	}
	return append(append(certs, known...), others...)
}

func (k *knownHosts) has(keyType string) bool {
	for _, e := range k.entries {
		if e.marker == "" && e.key.Type() == keyType {
			return true
		}
	}
	return false
}

// keyType is the type of the keys that an algorithm signs with.
func keyType(algorithm string) string {
	if algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512 {
		return ssh.KeyAlgoRSA
	}
	return algorithm
}

// remove is the command that removes an entry, or the line to remove by hand: a pattern
// may match other hosts, too.
func (k *knownHosts) remove(e knownEntry) string {
	name := k.name
	if e.bare {
		name = k.bare
	}
	if strings.HasPrefix(e.hosts, "|1|") || strings.EqualFold(e.hosts, name) || !strings.ContainsAny(e.hosts, "*?!") && k.listed(e.hosts, name) {
		return "ssh-keygen -R " + Quote(name) + " -f " + Quote(e.file)
	}
	return "remove line " + strconv.Itoa(e.line) + " from " + e.file
}

func (k *knownHosts) listed(hosts, name string) bool {
	return matchPatterns(strings.Split(strings.ToLower(hosts), ","), name)
}
