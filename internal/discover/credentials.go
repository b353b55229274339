package discover

import (
	"maps"
	"slices"
	"strings"
)

// credential reads one file of /etc/infrahaus/credentials.
func (p *parser) credential(file, body string) {
	name := file
	for _, ending := range []string{".env", ".json", ".txt", ".conf"} {
		if n, ok := strings.CutSuffix(file, ending); ok {
			name = n
			break
		}
	}
	switch {
	case !validName(name) || strings.Contains(name, ".."):
		p.refused([]string{"name", file})
		return
	case reserved(name):
		p.note("the credentials file %s is not read: the name is this program's own", file)
		return
	case len(body) > MaxCredential || len(p.Credentials) >= maxCredentials || p.credentialBytes+len(body) > maxAllFiles:
		p.refused([]string{"many"})
		return
	}
	p.credentialBytes += len(body)
	p.keep(name, file, ReadCredential([]byte(body)))
}

// keep adds the pairs of a file to the credentials of its service. The files nginx and
// nginx.env belong to one service. If both have a key with different values, the second
// file is kept under its whole file name, so that no value is lost.
func (p *parser) keep(name, file string, pairs map[string]string) {
	have := p.Credentials[name]
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		if v, ok := have[k]; ok && v != pairs[k] {
			p.note("the credentials files of %s have different values of %s: those in %s are kept as service %s", name, k, file, file)
			name, have = file, nil
			break
		}
	}
	switch {
	case len(pairs) == 0:
	case have == nil:
		p.Credentials[name] = pairs
	default:
		maps.Copy(have, pairs)
	}
}

// reserved reports whether the catalogue itself seals secrets under this name. If a guest
// could use it, it would replace root's password.
func reserved(name string) bool { return strings.HasPrefix(name, "_") || name == "root" }

// refused notes a file that the probe would not read. Its name is only shown.
func (p *parser) refused(w []string) {
	name := "?"
	if len(w) > 1 {
		name = clean(w[1])
	}
	switch w := append(w, ""); w[0] {
	case "size":
		p.note("the credentials file %s is larger than %d KiB and is not read", name, MaxCredential>>10)
	case "many":
		p.note("there are more than %d credentials files, or they are larger than %d KiB together; the rest is not read", maxCredentials, maxAllFiles>>10)
	case "more":
		p.note("%s more credentials files are not read", name)
	case "name":
		p.note("the credentials file %s has a strange name and is not read: letters, digits and . _ @ - are taken", name)
	case "link":
		p.note("the credentials file %s is a link and is not followed", name)
	case "kind":
		p.note("the credentials file %s is no ordinary file and is not read", name)
	case "owner":
		p.note("the credentials file %s does not belong to root and is not read", name)
	case "mode":
		p.note("the credentials file %s cannot be read", name)
	case "folder-link":
		p.note("the credentials are not read: /etc/infrahaus/credentials is a link, or lies behind one")
	case "folder-open":
		p.note("the credentials are not read: others than root may write /etc/infrahaus/credentials; in the guest: chmod go-w /etc/infrahaus /etc/infrahaus/credentials")
	}
}
