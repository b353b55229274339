package fetch

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/fetch/fetchtest"
	"github.com/infrahaus/infrahaus/internal/needs"
)

// signer is a key, and its line in an allowed_signers file.
type signer struct {
	ssh.Signer
	raw  ed25519.PrivateKey
	line string
}

func newSigner(t *testing.T) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer{s, key, "ada@example.org " + string(ssh.MarshalAuthorizedKey(s.PublicKey()))}
}

func (s signer) sign(t *testing.T, message, namespace string) []byte {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(message), s, sshsig.HashSHA512, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return sshsig.Armor(sig)
}

// trusting is a Trust with an allowed_signers file.
func trusting(t *testing.T, lines ...string) Trust {
	t.Helper()
	file := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(file, []byte("# who may sign\n\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Trust{Required: true, Signers: file}
}

func TestVerifyFolder(t *testing.T) {
	ada, eve := newSigner(t), newSigner(t)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const digest = "0123abcd"
	optional := func(o string) string { return strings.Replace(ada.line, " ", " "+o+" ", 1) }
	ssh := func(lines ...string) Trust { return trusting(t, lines...) }
	mini := Trust{Required: true, Minisign: []string{public.String()}}
	for name, c := range map[string]struct {
		trust     Trust
		sig, mini []byte
		why       string // "" if it is accepted
	}{
		"good":             {ssh(eve.line, ada.line), ada.sign(t, digest+"\n", Namespace), nil, ""},
		"not required":     {Trust{}, nil, nil, ""},
		"missing":          {ssh(ada.line), nil, nil, "it has no signature"},
		"unknown signer":   {ssh(ada.line), eve.sign(t, digest+"\n", Namespace), nil, "which templates.allowed_signers does not allow"},
		"other content":    {ssh(ada.line), ada.sign(t, "other\n", Namespace), nil, "made for other content"},
		"other purpose":    {ssh(ada.line), ada.sign(t, digest+"\n", "file"), nil, `is for "file", not for "infrahaus"`},
		"no text":          {ssh(ada.line), []byte("x"), nil, "cannot be read"},
		"empty":            {ssh(ada.line), []byte{}, nil, "cannot be read"},
		"no signers":       {mini, ada.sign(t, digest+"\n", Namespace), nil, "templates.allowed_signers is not set"},
		"no file":          {Trust{Required: true, Signers: "/nowhere"}, ada.sign(t, digest+"\n", Namespace), nil, "cannot read templates.allowed_signers"},
		"damaged file":     {ssh("ada"), ada.sign(t, digest+"\n", Namespace), nil, "allowed_signers:3: it is not PRINCIPAL"},
		"namespace":        {ssh(optional(`namespaces="git,infrahaus"`)), ada.sign(t, digest+"\n", Namespace), nil, ""},
		"other namespace":  {ssh(optional(`namespaces="git"`)), ada.sign(t, digest+"\n", Namespace), nil, "does not allow"},
		"not any more":     {ssh(optional(`valid-before="20200101"`)), ada.sign(t, digest+"\n", Namespace), nil, "does not allow"},
		"not yet":          {ssh(optional(`valid-after="21000101Z"`)), ada.sign(t, digest+"\n", Namespace), nil, "does not allow"},
		"within time":      {ssh(optional(`valid-after="202001010000Z",valid-before="21000101"`)), ada.sign(t, digest+"\n", Namespace), nil, ""},
		"authority":        {ssh(optional("cert-authority")), ada.sign(t, digest+"\n", Namespace), nil, "does not allow"},
		"minisign":         {mini, nil, minisign.Sign(private, []byte(digest+"\n")), ""},
		"minisign of none": {mini, nil, minisign.Sign(other, []byte(digest+"\n")), "which templates.minisign_keys does not have"},
		"minisign other":   {mini, nil, minisign.Sign(private, []byte("other\n")), "made for other content"},
		"minisign damaged": {mini, nil, []byte("x"), "cannot be read"},
		"minisign key":     {Trust{Required: true, Minisign: []string{"RWx"}}, nil, minisign.Sign(private, []byte(digest+"\n")), "no public key of minisign"},
		"one is enough":    {mini, eve.sign(t, digest+"\n", Namespace), minisign.Sign(private, []byte(digest+"\n")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range map[string][]byte{"template.sig": c.sig, "template.minisig": c.mini} {
				if data != nil {
					if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			err := c.trust.VerifyFolder("./web", dir, digest)
			if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
				t.Errorf("it says %v; want %q", err, c.why)
			}
		})
	}
}

func TestVerifyGit(t *testing.T) {
	w := newWorld(t)
	ada, eve := newSigner(t), newSigner(t)
	files := map[string]fetchtest.File{"template.yaml": {Content: "name: web\n"}}
	signed := func(s signer) func([]byte) string {
		return func(raw []byte) string { return string(s.sign(t, string(raw), "git")) }
	}
	for branch, sign := range map[string]func([]byte) string{
		"ada": signed(ada), "eve": signed(eve), "none": nil,
		"other":   func([]byte) string { return string(ada.sign(t, "other", "git")) },
		"openpgp": func([]byte) string { return "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n" },
	} {
		if _, err := w.repo.Commit(branch, files, sign); err != nil {
			t.Fatal(err)
		}
	}
	files["template.sig"] = fetchtest.File{Content: string(ada.sign(t, "digest\n", Namespace))}
	if _, err := w.repo.Commit("folder", files, nil); err != nil {
		t.Fatal(err)
	}
	f := w.fetcher(Options{Trust: trusting(t, ada.line)})
	for branch, why := range map[string]string{
		"ada": "", "folder": "", "eve": "does not allow", "none": "it has no signature", "other": "made for other content", "openpgp": "it has no signature",
	} {
		found := w.resolve(f, w.git("@"+branch), "", Anew)
		err := f.Verify(t.Context(), found, "digest")
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v; want %q", branch, err, why)
		}
	}
}

func TestVerifyArchive(t *testing.T) {
	w := newWorld(t)
	ada, eve := newSigner(t), newSigner(t)
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	trust := trusting(t, ada.line)
	trust.Minisign = []string{public.String()}
	f := w.fetcher(Options{Trust: trust})
	data := w.template(t, "one")
	w.publish("web.tar.gz", data)
	found := w.resolve(f, "https://"+w.host+"/web.tar.gz", "", Anew)
	verify := func(why string) {
		t.Helper()
		err := f.Verify(t.Context(), found, "digest")
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("it says %v; want %q", err, why)
		}
	}
	verify("it has no signature")
	w.publish("web.tar.gz.sig", eve.sign(t, string(data), Namespace))
	verify("does not allow")
	w.publish("web.tar.gz.minisig", minisign.Sign(private, data))
	verify("")
	w.publish("web.tar.gz.sig", ada.sign(t, string(data), Namespace))
	w.down()
	verify("") // from the cache
	f.o.Trust = trusting(t, newSigner(t).line)
	verify("cannot reach the server")
}

// The commands of the documentation, with ssh-keygen itself.
func TestGenuineSSHKeygen(t *testing.T) {
	program := needs.Program(t, "ssh-keygen", "openssh-client")
	ada := newSigner(t)
	dir := t.TempDir()
	block, err := ssh.MarshalPrivateKey(ada.raw, "")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-Y", "sign", "-f", key, "-n", Namespace)
	cmd.Stdin = strings.NewReader("digest\n")
	var sig, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &sig, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "template.sig"), sig.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := trusting(t, ada.line).VerifyFolder("./web", dir, "digest"); err != nil {
		t.Error(err)
	}
}

func TestSignerTime(t *testing.T) {
	for text, want := range map[string]string{"20260102Z": "2026-01-02T00:00:00Z", "202601020304Z": "2026-01-02T03:04:00Z", "20260102030405Z": "2026-01-02T03:04:05Z"} {
		if got, ok := signerTime(text); !ok || got.Format(time.RFC3339) != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "2026", "x", "2026010203"} {
		if _, ok := signerTime(text); ok {
			t.Errorf("%q is a time", text)
		}
	}
}
