//go:build e2e

package catalogue

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mayBeShared are files that two containers of an image may have in common, although no
// package and no OS template has them: lists of what is installed, caches, settings.
var mayBeShared = regexp.MustCompile(`^/(` + strings.Join([]string{
	`etc/(passwd|group|shadow|gshadow|subuid|subgid|ld\.so\.cache|mailcap)-?`,
	`etc/(hostname|hosts|resolv\.conf|network/interfaces)`, // Proxmox writes them
	`etc/ssl/certs/.*`, `etc/systemd/.*`, `etc/default/.*`, `etc/apt/.*`, `etc/(inputrc|python3/debian_config|samba/smb\.conf|mysql/debian\.cnf|locale\.gen|postgresql-common/.*\.(conf|crt)|apparmor\.d/tunables/.*|pam\.d/common-.*)`, `var/www/html/index\.nginx-debian\.html`,
	`var/lib/[a-z]+/\.(bash_logout|bashrc|profile)`, `var/lib/unbound/root\.key`, // the root zone's public key

	`var/lib/(sgml-base|dpkg|apt|ucf|systemd/deb-systemd-helper-.*|python|pam|infrahaus)/.*`, `var/cache/.*`,
	`usr/.*/__pycache__/.*`, `usr/share/(info|mime|glib-2\.0|perl5)/.*`, `usr/lib/.*\.cache`, `usr/share/mime/.*`,
}, "|") + `)$`)

// mayBeWritten are files that each container writes and that may be the same: what the tool
// and the template put there, and databases whose identity is compared by itself.
var mayBeWritten = regexp.MustCompile(`^/(` + strings.Join([]string{
	`etc/.*`, `usr/local/.*`, `opt/.*`, `srv/.*`, `var/www/.*`, `root/\.ssh/authorized_keys`,
	`var/lib/(config-manager|dpkg|apt|systemd|infrahaus)/.*`, `var/log/.*`, `var/cache/.*`, `usr/.*/__pycache__/.*`,
}, "|") + `)$`)

// named are files that hold an identity or a secret, whatever is in them.
var named = regexp.MustCompile(`(?i)(machine-id|random-seed|seed$|cookie|secret|uuid|engine-id|initiatorname|(secrets|passdb)\.tdb$|ssh_host_|\.key$|\.keytab$)`)

var privateKey = []byte("PRIVATE KEY-----")

// compare compares the files of two containers, and looks into their image.
func (b *baked) compare(one, two string) {
	t := b.t
	image := b.image(append(b.secrets(one), b.secrets(two)...))
	x, y := sumsOf(t, filepath.Join(filepath.Dir(root(t, one)), "upper")), sumsOf(t, filepath.Join(filepath.Dir(root(t, two)), "upper"))
	if len(x) < 20 || len(image) < 1000 {
		t.Fatalf("%d files were written, and the image has %d", len(x), len(image))
	}
	for _, path := range sorted(x) {
		if x[path] != y[path] || x[path] == empty {
			continue
		}
		content, err := os.ReadFile(filepath.Join(filepath.Dir(root(t, one)), "upper", path))
		switch {
		case err != nil: // a process has removed it meanwhile
		case bytes.Contains(content, privateKey):
			t.Errorf("both have the private key %s", path)
		case named.MatchString(path) && image[path] == "": // else it was looked at in the image
			t.Errorf("both have the same %s", path)
		case !mayBeWritten.MatchString(path) && !b.data().MatchString(path):
			t.Errorf("both have written the same %s", path)
		}
	}
}

// data matches the files of a template's database: most of them are the same in every new one.
func (b *baked) data() *regexp.Regexp {
	return regexp.MustCompile(`^/var/lib/(` + map[string]string{
		"postgresql": "postgresql", "mariadb": "mysql", "rabbitmq": "rabbitmq", "docker": "docker|containerd", "samba": "samba",
		"redis": "redis", "caddy": "caddy", "prometheus": "prometheus", "static-site": "site", "git-server": "gitolite3", "nodejs-app": "app", "python-app": "app",
	}[b.name] + `|none)/`)
}

// secrets are what must not be in an image: the credentials of a container, the tool's own key
// and its token.
func (b *baked) secrets(name string) []string {
	var found []string
	for value := range b.credentials(name) {
		found = append(found, value)
	}
	_, token, _ := strings.Cut(b.node.setting("INFRAHAUS_TOKEN"), "=")
	return append(found, token)
}

// image returns the checksums of an image's files, and checks each.
func (b *baked) image(secrets []string) map[string]string {
	t := b.t
	var archives []string
	err := filepath.WalkDir(b.node.state, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "infrahaus-"+b.name+"_") && strings.HasSuffix(path, ".tar.gz") {
			archives = append(archives, path)
		}
		return err
	})
	if err != nil || len(archives) != 1 {
		t.Fatalf("%v: the images are %q", err, archives)
	}
	f, err := os.Open(archives[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sums, owned := map[string]string{}, map[string]bool{}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := "/" + strings.TrimPrefix(h.Name, "./")
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		if strings.HasPrefix(path, "/var/lib/dpkg/info/") && strings.HasSuffix(path, ".list") {
			for line := range strings.Lines(string(content)) {
				owned[strings.TrimSpace(line)] = true
			}
		}
		b.look(path, content, secrets)
	}
	for _, path := range sorted(sums) {
		// A package may own /lib/x, which is /usr/lib/x.
		known := owned[path] || owned[strings.TrimPrefix(path, "/usr")] || sums[path] == empty || b.osTemplate[path] == sums[path]
		if !known && !mayBeShared.MatchString(path) && !b.shipped(path) {
			t.Errorf("the image has %s, which no package owns", path)
		}
	}
	return sums
}

// look checks one file of an image.
func (b *baked) look(path string, content []byte, secrets []string) {
	t := b.t
	for _, s := range secrets {
		if len(s) >= 8 && bytes.Contains(content, []byte(s)) {
			t.Errorf("the image has a secret in %s", path)
		}
	}
	switch {
	case path == "/etc/machine-id" && len(content) > 0, strings.HasPrefix(path, "/etc/ssh/ssh_host_"), strings.HasPrefix(path, "/root/.ssh/"),
		strings.HasSuffix(path, "/random-seed"), strings.HasPrefix(path, "/etc/infrahaus/"), strings.HasPrefix(path, "/var/lib/config-manager/"),
		strings.HasPrefix(path, "/var/log/") && len(content) > 0:
		t.Errorf("the image has %s", path)
	case path == "/etc/shadow" && regexp.MustCompile(`(?m)^[^:]*:[^:]*\$`).Match(content):
		t.Errorf("the image has a password: %s", content)
	case bytes.Contains(content, privateKey) && b.osTemplate[path] == "" && regexp.MustCompile(`^/(etc|root|home|srv|opt|var)/`).MatchString(path):
		t.Errorf("the image has the private key %s", path)
	}
}

// shipped reports whether a file is one of the template's own, of the image.
func (b *baked) shipped(path string) bool {
	return slices.Contains([]string{"/etc/rabbitmq/rabbitmq-env.conf", "/etc/rabbitmq/enabled_plugins"}, path)
}

// lower is the folder with the unpacked OS template of a guest.
func lower(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.ReadFile(filepath.Join(filepath.Dir(root(t, name)), "lower"))
	if err != nil {
		t.Fatal(err)
	}
	return string(dir)
}

var empty = fmt.Sprintf("%x", sha256.Sum256(nil))

// sumsOf are the checksums of the regular files below a folder, by their paths in it.
func sumsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		sums["/"+strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")] = fmt.Sprintf("%x", h.Sum(nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
