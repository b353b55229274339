package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// Repository is a source of packages. Its files are among Template.Files.
type Repository struct {
	Name        string   `json:"name"`
	Manager     string   `json:"manager"` // apt, apk or dnf
	URIs        []string `json:"uris"`
	Suites      []string `json:"suites,omitempty"`
	Components  []string `json:"components,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"` // of the OpenPGP key that signs it

	files []string // their targets
}

// repositoryDoc is one entry of repositories.
type repositoryDoc struct {
	Name          string   `yaml:"name" required:"true" pattern:"^[a-z0-9][a-z0-9._-]*$" hint:"such as docker" desc:"The name of its files: /etc/apt/sources.list.d/NAME.sources and /etc/apt/keyrings/NAME.asc (or .gpg); /etc/apk/repositories.d/NAME.list; /etc/yum.repos.d/NAME.repo and /etc/pki/rpm-gpg/RPM-GPG-KEY-NAME." example:"docker"`
	Manager       string   `yaml:"manager" enum:"apt,apk,dnf" desc:"The package manager that reads it. Default: apt." example:"apt"`
	URIs          []string `yaml:"uris" required:"true" pattern:"^(https?://|file:/)[!-~]+$" hint:"[https://…]" desc:"Where it is; of apk and dnf, up to the folder that has the index." example:"[https://download.docker.com/linux/debian]"`
	Suites        []string `yaml:"suites" required:"true" unless:"manager" pattern:"^[A-Za-z0-9._/-]+$" hint:"[bookworm]" desc:"The releases, of apt only; one that ends in / is a folder without components." example:"[bookworm]"`
	Components    []string `yaml:"components" pattern:"^[A-Za-z0-9._/-]+$" desc:"The parts of a release, of apt only." example:"[stable]"`
	Architectures []string `yaml:"architectures" pattern:"^[a-z0-9-]+$" desc:"Of apt only. Default: those of the container." example:"[amd64]"`
	Key           string   `yaml:"key" required:"true" hint:"a file under files/, the text of the key, or its address" desc:"The public key that signs it: a file under files/, the text itself, or an https address with sha256. It is an OpenPGP key, or for apk an RSA key as text, whose file has to have the name that the repository's signature says." example:"docker.asc"`
	SHA256        string   `yaml:"sha256" pattern:"^[0-9A-Fa-f]{64}$" hint:"sha256sum FILE prints it" desc:"The checksum of a key that has an address. The key is fetched to this machine, checked, and shipped; it stays in the cache." example:"1500c1f56fa9e26b9b8f42452a553675796ade0807cdce11975eb98170b3a570"`
	Fingerprint   string   `yaml:"fingerprint" pattern:"^[0-9A-Fa-f ]{40,80}$" hint:"40 hexadecimal digits" desc:"What the fingerprint of an OpenPGP key has to be." example:"1FC0 8F6C B883 5E92 0B62 AC08 8E83 FC63 C477 9391"`
}

// repositories turns each entry into the files that a package manager reads: the source and
// its key. They are in place before packages are installed, and a sync compares them as it
// does any file.
func (l *loader) repositories(docs []repositoryDoc, d *decoder) {
	for i, doc := range docs {
		at := index("repositories", i)
		doc.Manager = cmp.Or(doc.Manager, "apt")
		if !doc.fits(at, d) {
			continue
		}
		key, ok := l.repositoryKey(at, doc, d)
		if !ok {
			continue
		}
		r := Repository{Name: doc.Name, Manager: doc.Manager, URIs: doc.URIs, Suites: doc.Suites, Components: doc.Components}
		var ring, list, text string
		switch doc.Manager {
		case "apk":
			ring, ok = doc.apkKey(at, key, d)
			list, text = "/etc/apk/repositories.d/"+doc.Name+".list", strings.Join(doc.URIs, "\n")+"\n"
		case "dnf":
			r.Fingerprint, _, ok = doc.openPGP(at, key, d)
			ring = "/etc/pki/rpm-gpg/RPM-GPG-KEY-" + doc.Name
			list, text = "/etc/yum.repos.d/"+doc.Name+".repo", doc.repo(ring)
		default:
			var armored bool
			r.Fingerprint, armored, ok = doc.openPGP(at, key, d)
			if ring = "/etc/apt/keyrings/" + doc.Name + ".gpg"; armored {
				ring = "/etc/apt/keyrings/" + doc.Name + ".asc"
			}
			list, text = "/etc/apt/sources.list.d/"+doc.Name+".sources", doc.source(ring)
		}
		if !ok {
			continue
		}
		l.generated(at, ring, key, d)
		l.generated(at, list, []byte(text), d)
		r.files = []string{ring, list}
		for _, target := range r.files {
			l.noteItem("files", target, at, d)
		}
		l.t.Repositories = append(l.t.Repositories, r)
	}
}

// fits checks what one package manager has and another has not.
func (doc repositoryDoc) fits(at string, d *decoder) bool {
	before := len(d.problems)
	if doc.Manager == "apt" {
		switch {
		case len(doc.Suites) == 0 && d.given(join(at, "manager")):
			d.bad(at, "suites: [bookworm]", "%s.suites is missing", at)
		case len(doc.Suites) > 0 && len(doc.Components) == 0 && !strings.HasSuffix(strings.Join(doc.Suites, " "), "/"):
			d.bad(join(at, "suites"), "components: [main]", "a suite needs components, unless it ends in /")
		}
		return len(d.problems) == before
	}
	for key, given := range map[string]bool{"suites": doc.Suites != nil, "components": doc.Components != nil, "architectures": doc.Architectures != nil} {
		if given {
			d.bad(join(at, key), "remove it: uris lead to the folder that has the index", "a repository of %s has no %s", doc.Manager, key)
		}
	}
	if doc.Manager == "apk" && doc.Fingerprint != "" {
		d.bad(join(at, "fingerprint"), "sha256, for a key that has an address", "a key of apk is no OpenPGP key, and has no fingerprint")
	}
	return len(d.problems) == before
}

// openPGP checks the key of a repository of apt or dnf.
func (doc repositoryDoc) openPGP(at string, key []byte, d *decoder) (fingerprint string, armored, ok bool) {
	fingerprint, armored, err := openPGPKey(key)
	wanted := strings.ToUpper(strings.ReplaceAll(doc.Fingerprint, " ", ""))
	switch {
	case err != nil:
		d.bad(join(at, "key"), "the public key that signs the repository", "%s", err)
	case wanted != "" && wanted != fingerprint:
		d.bad(join(at, "fingerprint"), "make sure that the key is the right one", "the key's fingerprint is %s", fingerprint)
	case doc.Manager == "dnf" && !armored:
		d.bad(join(at, "key"), "gpg --export --armor KEY", "dnf reads a key as text only, and this one is binary")
	default:
		return fingerprint, armored, true
	}
	return "", false, false
}

// source is the deb822 text of a repository of apt.
func (doc repositoryDoc) source(ring string) string {
	var b strings.Builder
	b.WriteString("Types: deb\n")
	for _, field := range []struct {
		name   string
		values []string
	}{{"URIs", doc.URIs}, {"Suites", doc.Suites}, {"Components", doc.Components}, {"Architectures", doc.Architectures}, {"Signed-By", []string{ring}}} {
		if len(field.values) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", field.name, strings.Join(field.values, " "))
		}
	}
	return b.String()
}

// repo is the text of a repository of dnf. gpgcheck has every package's signature checked.
func (doc repositoryDoc) repo(ring string) string {
	return fmt.Sprintf("[%s]\nname=%s\nbaseurl=%s\nenabled=1\ngpgcheck=1\ngpgkey=file://%s\n", doc.Name, doc.Name, strings.Join(doc.URIs, "\n        "), ring)
}

// repositoryKey returns the key of an entry: its text, the content of a file, or what is at
// its address.
func (l *loader) repositoryKey(at string, doc repositoryDoc, d *decoder) ([]byte, bool) {
	sumGiven := d.given(join(at, "sha256"))
	switch {
	case strings.Contains(doc.Key, "://"):
		return l.keyElsewhere(at, doc, d)
	case sumGiven:
		d.bad(join(at, "sha256"), "remove it", "only a key that has an address has a checksum")
		return nil, false
	case strings.HasPrefix(strings.TrimSpace(doc.Key), "-----BEGIN "):
		return []byte(doc.Key), true
	}
	sources, dir := l.sources(doc.Key)
	if doc.Key == "" || len(sources) != 1 || dir != "" {
		if d.given(join(at, "key")) {
			d.bad(join(at, "key"), "put it into files/, or write its text here", "there is no file files/%s", strings.TrimPrefix(doc.Key, "files/"))
		}
		return nil, false
	}
	l.keys = append(l.keys, sources[0])
	return l.tree.read(sources[0])
}

// keyElsewhere is a key that has an address. It is never used without its checksum: whoever
// changes the key could sign packages.
func (l *loader) keyElsewhere(at string, doc repositoryDoc, d *decoder) ([]byte, bool) {
	if !d.given(join(at, "sha256")) {
		d.bad(join(at, "key"), "add sha256: of the key that you have looked at", "a key that has an address needs its checksum")
		return nil, false
	}
	for _, s := range l.in.sources {
		if s.Key == nil {
			continue
		}
		key, err := s.Key(doc.Key, strings.ToLower(doc.SHA256))
		if err != nil {
			l.stop("fetch the key", doc.Key, d.node(join(at, "key")), err)
			return nil, false
		}
		if l.fetchedKeys == nil {
			l.fetchedKeys = map[string][]byte{}
		}
		l.fetchedKeys[strings.ToLower(doc.SHA256)] = key
		return key, true
	}
	d.bad(join(at, "key"), "put it into files/", "nothing here can fetch a key")
	return nil, false
}

var apkKeyName = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9@._+-]*\.rsa\.pub$`)

// apkKey is the target of a key of apk. A repository's signature names the file of the key.
func (doc repositoryDoc) apkKey(at string, key []byte, d *decoder) (string, bool) {
	name := path.Base(doc.Key)
	if strings.HasPrefix(strings.TrimSpace(doc.Key), "-----BEGIN ") || !apkKeyName().MatchString(name) {
		d.bad(join(at, "key"), "such as me@example.org-5f3a1c2b.rsa.pub", "apk finds a key by the name of its file, which ends in .rsa.pub")
		return "", false
	}
	if why := wrongRSA(key); why != "" {
		d.bad(join(at, "key"), "the public key that signs the repository", "%s", why)
		return "", false
	}
	return "/etc/apk/keys/" + name, true
}

// generated adds a file that is made from an entry of template.yaml.
func (l *loader) generated(at, target string, content []byte, d *decoder) {
	sum := sha256.Sum256(content)
	for _, f := range l.t.Files {
		if f.Target == target && f.SHA256 == hex.EncodeToString(sum[:]) {
			return // one key may sign several repositories
		}
	}
	if why := l.claim(target, at); why != "" {
		d.bad(join(at, "name"), "", "%s", why)
		return
	}
	l.t.Files = append(l.t.Files, File{
		Target: target, Policy: Replace, Mode: 0o644, Owner: "root:root", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), inline: content,
		Stage: StageImage, // packages come from it
	})
}
