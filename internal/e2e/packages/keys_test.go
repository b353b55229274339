//go:build e2e

package packages

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// keys sign a release. They are made for the tests.
type keys struct {
	public string // a file, as gpg and rpm import it
	gpgEnv []string
	env    []string // for GoReleaser
}

func newKeys(dir string) (*keys, error) {
	home := filepath.Join(dir, "gnupg")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	const user = "test@example.org"
	k := &keys{public: filepath.Join(dir, "public.asc"), gpgEnv: []string{"GNUPGHOME=" + home}}
	secret, apk := filepath.Join(dir, "secret.asc"), filepath.Join(dir, "apk.rsa")
	for _, args := range [][]string{
		{"--batch", "--passphrase", "", "--quick-generate-key", user, "rsa2048", "sign", "never"},
		{"--batch", "--armor", "--output", k.public, "--export", user},
		{"--batch", "--armor", "--output", secret, "--export-secret-keys", user},
	} {
		if _, err := output("", k.gpgEnv, "gpg", args...); err != nil {
			return nil, err
		}
	}
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(pair)}
	k.env = append(k.gpgEnv, "INFRAHAUS_SIGN_KEY="+user, "INFRAHAUS_PACKAGE_KEY="+secret, "INFRAHAUS_APK_KEY="+apk)
	return k, os.WriteFile(apk, pem.EncodeToMemory(block), 0o600)
}

// TestSigned: with keys, the checksums and each package are signed, and the format's own
// tool accepts the signature.
func TestSigned(t *testing.T) {
	signed := releases(t)[2]
	k := history.keys
	verify := func(signature, file string) {
		t.Helper()
		if _, err := output("", k.gpgEnv, "gpg", "--verify", signature, file); err != nil {
			t.Error(err)
		}
	}
	verify(signed.only(t, "checksums.txt.sig"), signed.only(t, "checksums.txt"))
	verify(signed.only(t, "*.pkg.tar.zst.sig"), signed.only(t, "*.pkg.tar.zst"))

	parts := arMembers(t, signed.only(t, "*.deb"))
	dir := t.TempDir()
	var all bytes.Buffer
	for _, p := range parts {
		if !strings.HasPrefix(p.name, "_") {
			all.Write(p.content)
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), p.content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole := filepath.Join(dir, "whole")
	if err := os.WriteFile(whole, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(filepath.Join(dir, "_gpgorigin"), whole)

	db := t.TempDir()
	succeed(t, "rpm", "--root", db, "--dbpath", "/rpm", "--initdb")
	succeed(t, "rpm", "--root", db, "--dbpath", "/rpm", "--import", k.public)
	if out := succeed(t, "rpm", "--root", db, "--dbpath", "/rpm", "-Kv", signed.only(t, "*.rpm")); !strings.Contains(out, "Signature") || strings.Contains(out, "NOKEY") {
		t.Errorf("rpm says:\n%s", out)
	}
	if names := apkSegments(t, signed.only(t, "*.apk"))[0].names; len(names) != 1 || names[0] != ".SIGN.RSA.infrahaus.rsa.pub" {
		t.Errorf("the apk begins with %q", names)
	}
	if unsigned, _ := filepath.Glob(filepath.Join(releases(t)[0].dist, "*.sig")); len(unsigned) > 0 {
		t.Errorf("signed without a key: %q", unsigned)
	}
}

type member struct {
	name    string
	content []byte
}

// arMembers reads the files in a deb, which is an ar archive.
func arMembers(t *testing.T, path string) (members []member) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for b = bytes.TrimPrefix(b, []byte("!<arch>\n")); len(b) >= 60; {
		size, err := strconv.Atoi(strings.TrimSpace(string(b[48:58])))
		if err != nil || len(b) < 60+size {
			t.Fatal(fmt.Errorf("%s: a member of %d bytes: %w", path, size, err))
		}
		members = append(members, member{strings.TrimRight(string(b[:16]), " /"), b[60 : 60+size]})
		b = b[min(len(b), 60+size+size%2):]
	}
	return members
}
