package template

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestGenerated makes every kind of value, and makes the same ones from what is kept.
func TestGenerated(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+`variables:
  plain: {generate: true}
  short: {generate: password(12)}
  digits: {generate: hex(32)}
  id: {generate: uuid}
  key: {generate: ssh-key}
  cert: {generate: tls}
`))
	make := &Maker{Random: func(n int, hex bool) string {
		if hex {
			return strings.Repeat("0f", n)[:n]
		}
		return strings.Repeat("x", n)
	}, Hostname: "web"}
	v, err := tm.Resolve(nil, make)
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) string { text, _ := v.Get(name); return text }
	for name, want := range map[string]string{"plain": "^x{24}$", "short": "^x{12}$", "digits": "^(0f){16}$", "id": "^0f0f0f0f-0f0f-4f0f-[89ab]f0f-0f0f0f0f0f0f$", "key_pub": "^ssh-ed25519 [A-Za-z0-9+/]+ web$"} {
		if !regexp.MustCompile(want).MatchString(get(name)) {
			t.Errorf("%s is %q", name, get(name))
		}
	}
	signer, err := ssh.ParsePrivateKey([]byte(get("key")))
	if err != nil || !strings.HasPrefix(get("key_pub"), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))) {
		t.Errorf("the halves of the SSH key differ: %v", err)
	}
	if _, err := tls.X509KeyPair([]byte(get("cert_crt")), []byte(get("cert"))); err != nil {
		t.Error(err)
	}
	block, _ := pem.Decode([]byte(get("cert_crt")))
	if c, err := x509.ParseCertificate(block.Bytes); err != nil || c.VerifyHostname("web") != nil || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
		t.Errorf("the certificate is not for web, or not self-signed: %v", err)
	}
	for _, val := range v.All() {
		if half := strings.Contains(val.Name, "_"); half == val.Secret || val.From != FromGenerated {
			t.Errorf("%s: secret %t, generated %t", val.Name, val.Secret, val.From == FromGenerated)
		}
	}
	again, err := tm.Resolve(v.Keep(), nil)
	if err != nil || len(again.All()) != len(v.All()) {
		t.Fatal(err)
	}
	for i, val := range again.All() {
		if val.Text != v.All()[i].Text || val.From == FromGenerated || val.Pending {
			t.Errorf("%s was made again", val.Name)
		}
	}
	// A user's own key gets its public half; one with a passphrase cannot.
	own, err := tm.Resolve(map[string]string{"key": get("key"), "cert": get("cert")}, make)
	if pub, _ := own.Get("key_pub"); err != nil || pub != get("key_pub") {
		t.Errorf("%q: %v", pub, err)
	}
	if _, err := tm.Resolve(map[string]string{"key": "secret text"}, make); err == nil || !strings.Contains(err.Error(), "key_pub: cannot be made: key is no private key") || strings.Contains(err.Error(), "secret text") {
		t.Error(err)
	}
}

func TestListAndEnum(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+`variables:
  hosts: {type: list, default: [a.example, b.example], pattern: '[a-z.]+'}
  empty: {type: list}
  db: {type: enum, values: [postgres, none], default: none}
  size: {type: int, min: 1, max: 9007199254740993}
`))
	for _, c := range []struct{ name, given, want, problem string }{
		{"hosts", "", "a.example b.example", ""},
		{"hosts", " x\n y  ", "x y", ""},
		{"hosts", "x Y", "", `hosts: "Y" does not match [a-z.]+`},
		{"empty", "", "", ""},
		{"db", "postgres", "postgres", ""},
		{"db", "mysql", "", `db: "mysql" is not one of postgres, none`},
		{"size", "9007199254740993", "9007199254740993", ""},
		{"size", "9007199254740994", "", `size: "9007199254740994" is more than 9007199254740993`},
		{"size", "0", "", `size: "0" is less than 1`},
	} {
		set := map[string]string{}
		if c.given != "" {
			set[c.name] = c.given
		}
		v, err := tm.Resolve(set, nil)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s=%q: %v", c.name, c.given, err)
			}
			continue
		}
		if text, _ := v.Get(c.name); err != nil || text != c.want {
			t.Errorf("%s=%q is %q: %v", c.name, c.given, text, err)
		}
	}
}
