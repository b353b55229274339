package template

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Repository is a source of packages for apt. Its two files are among Template.Files.
type Repository struct {
	Name        string   `json:"name"`
	URIs        []string `json:"uris"`
	Suites      []string `json:"suites"`
	Components  []string `json:"components,omitempty"`
	Fingerprint string   `json:"fingerprint"` // of the key that signs it
}

// targets are the files that a repository of this name may have.
func (r Repository) targets() []string {
	ring := "/etc/apt/keyrings/" + r.Name
	return []string{ring + ".gpg", ring + ".asc", "/etc/apt/sources.list.d/" + r.Name + ".sources"}
}

// repositoryDoc is one entry of repositories.
type repositoryDoc struct {
	Name          string   `yaml:"name" required:"true" pattern:"^[a-z0-9][a-z0-9._-]*$" hint:"such as docker" desc:"The name of its files: /etc/apt/sources.list.d/NAME.sources and /etc/apt/keyrings/NAME.asc (or .gpg)." example:"docker"`
	URIs          []string `yaml:"uris" required:"true" pattern:"^(https?://|file:/)[!-~]+$" hint:"[https://…]" desc:"Where it is." example:"[https://download.docker.com/linux/debian]"`
	Suites        []string `yaml:"suites" required:"true" pattern:"^[A-Za-z0-9._/-]+$" hint:"[bookworm]" desc:"The releases; one that ends in / is a folder without components." example:"[bookworm]"`
	Components    []string `yaml:"components" pattern:"^[A-Za-z0-9._/-]+$" desc:"The parts of a release." example:"[stable]"`
	Architectures []string `yaml:"architectures" pattern:"^[a-z0-9-]+$" desc:"Default: those of the container." example:"[amd64]"`
	Key           string   `yaml:"key" required:"true" hint:"a file under files/, or the text of the key" desc:"The OpenPGP public key that signs it: a file under files/, as text or binary, or the text itself." example:"docker.asc"`
	Fingerprint   string   `yaml:"fingerprint" pattern:"^[0-9A-Fa-f ]{40,80}$" hint:"40 hexadecimal digits" desc:"What the key's fingerprint has to be." example:"1FC0 8F6C B883 5E92 0B62 AC08 8E83 FC63 C477 9391"`
}

// repositories turns each entry into the files that apt reads: the source and its key. They
// are in place before packages are installed, and a sync compares them as it does any file.
func (l *loader) repositories(docs []repositoryDoc, d *decoder) {
	for i, doc := range docs {
		at := index("repositories", i)
		key, ok := l.repositoryKey(at, doc, d)
		if !ok {
			continue
		}
		fingerprint, armored, err := openPGPKey(key)
		wanted := strings.ToUpper(strings.ReplaceAll(doc.Fingerprint, " ", ""))
		switch {
		case err != nil:
			d.bad(join(at, "key"), "the public key that signs the repository", "%s", err)
			continue
		case wanted != "" && wanted != fingerprint:
			d.bad(join(at, "fingerprint"), "make sure that the key is the right one", "the key's fingerprint is %s", fingerprint)
			continue
		case len(doc.Components) == 0 && !strings.HasSuffix(strings.Join(doc.Suites, " "), "/"):
			d.bad(join(at, "suites"), "components: [main]", "a suite needs components, unless it ends in /")
			continue
		}
		ring := "/etc/apt/keyrings/" + doc.Name + ".gpg"
		if armored {
			ring = "/etc/apt/keyrings/" + doc.Name + ".asc"
		}
		l.generated(at, ring, key, d)
		l.generated(at, "/etc/apt/sources.list.d/"+doc.Name+".sources", []byte(doc.source(ring)), d)
		l.t.Repositories = append(l.t.Repositories, Repository{doc.Name, doc.URIs, doc.Suites, doc.Components, fingerprint})
	}
}

// source is the deb822 text of the repository.
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

// repositoryKey returns the key of an entry: its text, or the content of a file.
func (l *loader) repositoryKey(at string, doc repositoryDoc, d *decoder) ([]byte, bool) {
	if strings.HasPrefix(strings.TrimSpace(doc.Key), "-----BEGIN ") {
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

// generated adds a file that is made from an entry of template.yaml.
func (l *loader) generated(at, target string, content []byte, d *decoder) {
	if why := l.claim(target, at); why != "" {
		d.bad(join(at, "name"), "", "%s", why)
		return
	}
	sum := sha256.Sum256(content)
	l.t.Files = append(l.t.Files, File{
		Target: target, Policy: Replace, Mode: 0o644, Owner: "root:root", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), inline: content,
	})
}
