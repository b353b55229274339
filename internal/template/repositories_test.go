package template

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ed25519Print, rsaPrint = "1FC08F6CB8835E920B62AC088E83FC63C4779391", "108157F54122EBFE3A5EDC859D88BD25A974A21C"

func keyFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/keys", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOpenPGPKey(t *testing.T) {
	armored := keyFile(t, "ed25519.asc")
	for _, c := range []struct{ name, data, print, err string }{
		{"as text", armored, ed25519Print, ""},
		{"as text with a header", strings.Replace(armored, "\n\n", "\nComment: x\n\n", 1), ed25519Print, ""},
		{"as text with the line ends of Windows", strings.ReplaceAll(armored, "\n", "\r\n"), ed25519Print, ""},
		{"binary", keyFile(t, "ed25519.gpg"), ed25519Print, ""},
		{"RSA", keyFile(t, "rsa.gpg"), rsaPrint, ""},
		{"cut short", armored[:200], "", "its last line is missing"},
		{"damaged", strings.Replace(armored, "mDME", "m*ME", 1), "", "no OpenPGP public key as text"},
		{"a page", "<!doctype html>", "", "no OpenPGP key"},
		{"nothing", "", "", "no OpenPGP key"},
		{"private", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "", "a private key"},
		{"private, binary", "\x94\x01\x04", "", "a private key"},
		{"a signature", "\x88\x01\x04", "", "does not begin with a public key"},
		{"an old version", "\x98\x01\x03", "", "version is not known"},
	} {
		print, _, err := openPGPKey([]byte(c.data))
		if print != c.print || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %s, %v", c.name, print, err)
		}
	}
}

func FuzzOpenPGPKey(f *testing.F) {
	for _, name := range []string{"ed25519.asc", "ed25519.gpg", "rsa.gpg"} {
		f.Add([]byte(keyFile(f, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		print, _, err := openPGPKey(data)
		if (err == nil) != (len(print) == 40 || len(print) == 64) {
			t.Errorf("%q, %v", print, err)
		}
	})
}

func TestRepositories(t *testing.T) {
	const entry = "repositories: [{name: x, uris: [https://example.org/deb], suites: [stable], components: [main, extra], architectures: [amd64], key: KEY}]\n"
	tm := mustLoad(t, folder("template.yaml", least+strings.Replace(entry, "KEY", "x.asc, fingerprint: "+strings.ToLower(ed25519Print[:20])+" "+ed25519Print[20:], 1), "files/x.asc", keyFile(t, "ed25519.asc")))
	if len(tm.Files) != 2 || tm.Files[0].Target != "/etc/apt/keyrings/x.asc" || tm.Files[1].Target != "/etc/apt/sources.list.d/x.sources" || len(tm.Warnings) != 0 {
		t.Fatalf("%+v, %v", tm.Files, tm.Warnings)
	}
	source, err := tm.Files[1].Content(Values{})
	if want := "Types: deb\nURIs: https://example.org/deb\nSuites: stable\nComponents: main extra\nArchitectures: amd64\nSigned-By: /etc/apt/keyrings/x.asc\n"; err != nil || string(source) != want {
		t.Errorf("%s%v", source, err)
	}
	tm = mustLoad(t, folder("template.yaml", least+strings.Replace(entry, "KEY", "x.gpg", 1), "files/x.gpg", keyFile(t, "rsa.gpg")))
	if tm.Files[0].Target != "/etc/apt/keyrings/x.gpg" || tm.Repositories[0].Fingerprint != rsaPrint {
		t.Errorf("%+v", tm.Files)
	}
	for _, c := range []struct{ text, where, want string }{
		{strings.Replace(entry, "KEY", "y.asc", 1), "template.yaml:3:133", "there is no file files/y.asc"},
		{strings.Replace(entry, "KEY", "app.conf", 1), "template.yaml:3:133", "it is no OpenPGP key"},
		{strings.Replace(entry, "KEY", "x.asc, fingerprint: "+rsaPrint, 1), "template.yaml:3:153", "the key's fingerprint is " + ed25519Print},
		{strings.Replace(strings.Replace(entry, "KEY", "x.asc", 1), "components: [main, extra], ", "", 1), "template.yaml:3:", "a suite needs components"},
		{strings.Replace(strings.Replace(entry, "KEY", "x.asc", 1), "https://", "gopher://", 1), "template.yaml:3:", "will not do"},
		{strings.Replace(strings.Replace(entry, "KEY", "x.asc", 1), "name: x", "name: ../x", 1), "template.yaml:3:", "will not do"},
	} {
		_, err := Load(folder("template.yaml", least+c.text, "files/x.asc", keyFile(t, "ed25519.asc"), "files/app.conf", "x"), "web")
		if err == nil || !strings.Contains(err.Error(), c.where) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%v", c.text, err)
		}
	}
}

// rsaText is an RSA public key as apk has it, made for this test.
const rsaText = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDq/GkU8daKgk0wXNRGWq5UnsTY
e72RU85bge6geQaS8zioITs/ccx/0kQjhDakogNPn5Ya+DcrPSRin1YpFZWQsunZ
P0YpVf1qao4gaxVamwIIuJv+g2YZ4UtcsjAyHO8+DW5IBLrySjU97bMaM3K9AEUZ
uMSJrxAdxQn2Xg+0XwIDAQAB
-----END PUBLIC KEY-----
`

// TestRepositoriesOfOthers are those of apk and dnf.
func TestRepositoriesOfOthers(t *testing.T) {
	const apk = "repositories: [{name: x, manager: apk, uris: [https://example.org/v3.22/main, https://example.org/v3.22/extra], key: me@example.org-5f3a.rsa.pub}]\n"
	const dnf = "repositories: [{name: x, manager: dnf, uris: [https://example.org/rpm], key: x.asc}]\n"
	load := func(text string) (*Template, error) {
		return Load(folder("template.yaml", least+text, "files/x.asc", keyFile(t, "ed25519.asc"), "files/x.gpg", keyFile(t, "ed25519.gpg"), "files/me@example.org-5f3a.rsa.pub", rsaText, "files/key.pem", rsaText), "web")
	}
	for _, c := range []struct {
		text         string
		ring, list   string
		said, finger string
	}{
		{apk, "/etc/apk/keys/me@example.org-5f3a.rsa.pub", "/etc/apk/repositories.d/x.list", "https://example.org/v3.22/main\nhttps://example.org/v3.22/extra\n", ""},
		{dnf, "/etc/pki/rpm-gpg/RPM-GPG-KEY-x", "/etc/yum.repos.d/x.repo", "[x]\nname=x\nbaseurl=https://example.org/rpm\nenabled=1\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-x\n", ed25519Print},
	} {
		tm, err := load(c.text)
		if err != nil || len(tm.Files) != 2 || tm.Files[0].Target != c.ring || tm.Files[1].Target != c.list || tm.Repositories[0].Fingerprint != c.finger {
			t.Errorf("%s%+v, %v", c.text, tm, err)
			continue
		}
		if said, err := tm.Files[1].Content(Values{}); err != nil || string(said) != c.said {
			t.Errorf("%s%s%v", c.text, said, err)
		}
	}
	two := strings.Replace(apk, "}]", "}, {name: y, manager: apk, uris: [https://example.org/y], key: me@example.org-5f3a.rsa.pub}]", 1)
	if tm, err := load(two); err != nil || len(tm.Files) != 3 {
		t.Errorf("one key of two repositories: %v", err)
	}
	for _, c := range []struct{ text, want string }{
		{strings.Replace(apk, "uris", "suites: [s], uris", 1), "repositories[0].suites: a repository of apk has no suites"},
		{strings.Replace(dnf, "uris", "architectures: [amd64], uris", 1), "a repository of dnf has no architectures"},
		{strings.Replace(apk, "uris", "fingerprint: "+ed25519Print+", uris", 1), "a key of apk is no OpenPGP key"},
		{strings.Replace(apk, "me@example.org-5f3a.rsa.pub", "key.pem", 1), "apk finds a key by the name of its file"},
		{strings.Replace(apk, "me@example.org-5f3a.rsa.pub", "x.asc", 1), "apk finds a key by the name of its file"},
		{strings.Replace(dnf, "x.asc", "x.gpg", 1), "dnf reads a key as text only"},
		{strings.Replace(dnf, "x.asc", "key.pem", 1), "it is no OpenPGP public key as text"},
		{strings.Replace(dnf, "dnf", "yum", 1), `"yum" is not known`},
		{"repositories: [{name: x, uris: [https://e/x], key: x.asc}]\n", "repositories[0].suites is missing"},
		{"repositories: [{name: x, manager: apt, uris: [https://e/x], key: x.asc}]\n", "repositories[0].suites is missing"},
	} {
		if _, err := load(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%v", c.text, err)
		}
	}
	for text, want := range map[string]string{"x": "no public key as text", "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n": "a private key", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n": "no RSA key", rsaText + "x": "no public key as text"} {
		if why := wrongRSA([]byte(text)); !strings.Contains(why, want) {
			t.Errorf("%q: %q", text, why)
		}
	}
}

// A key that has an address is fetched with its checksum, and with nothing else.
func TestRepositoryKeyElsewhere(t *testing.T) {
	sum := strings.Repeat("0A", 32)
	text := least + "repositories: [{name: x, manager: dnf, uris: [https://e/x], key: https://e/x.asc, sha256: " + sum + "}]\n"
	refuse := error(nil)
	sources := []Source{{FS: folder("web/template.yaml", text)}, {Key: func(address, sha256 string) ([]byte, error) {
		if address != "https://e/x.asc" || sha256 != strings.ToLower(sum) {
			t.Errorf("asked for %s with %s", address, sha256)
		}
		return []byte(keyFile(t, "ed25519.asc")), refuse
	}}}
	if tm, err := Find("web", sources); err != nil || tm.Repositories[0].Fingerprint != ed25519Print {
		t.Errorf("%+v, %v", tm, err)
	}
	refuse = errors.New("its sha256 is 00")
	if _, err := Find("web", sources); !errors.Is(err, refuse) || err.Error() != "cannot fetch the key https://e/x.asc (template.yaml:3:66): its sha256 is 00" {
		t.Errorf("it says %v", err)
	}
	if list := List(sources); len(list) != 1 || list[0].OS != "debian-12" || list[0].Error != "" {
		t.Errorf("a list has %+v", list)
	}
	for text, want := range map[string]string{
		strings.Replace(text, ", sha256: "+sum, "", 1):       "a key that has an address needs its checksum",
		strings.Replace(text, "https://e/x.asc", "x.asc", 1): "only a key that has an address has a checksum",
		text: "nothing here can fetch a key",
	} {
		if _, err := Load(folder("template.yaml", text, "files/x.asc", keyFile(t, "ed25519.asc")), "web"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v", text, err)
		}
	}
}
