package template

import (
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
