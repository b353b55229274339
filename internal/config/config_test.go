package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	aToken = "root@pam!cli=11111111-2222-3333-4444-555555555555"
	bToken = "ci@pve!x=99999999-2222-3333-4444-555555555555"
)

var pin = strings.Repeat("AB:", 31) + "AB"

// load writes a config file, if text is not empty, and loads it with the
// environment: "NAME=value" each.
func load(t *testing.T, text, host string, env ...string) (*Config, error) {
	t.Helper()
	home := t.TempDir()
	os.Chmod(home, 0o700)
	if text != "" {
		dir := filepath.Join(home, ".config", "infrahaus")
		os.MkdirAll(dir, 0o700)
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(Overrides{Host: host, Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		for _, e := range env {
			if k, v, _ := strings.Cut(e, "="); k == name {
				return v
			}
		}
		return ""
	}})
}

func mustLoad(t *testing.T, text, host string, env ...string) *Config {
	t.Helper()
	c, err := load(t, text, host, env...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const twoHosts = `
default_host: homelab
publish: true
redis: {url: "redis://:pw@localhost:6379/0"}
templates_root: ~/templates
hosts:
  homelab:
    url: pve.lan
    token: ` + aToken + `
    node: pve1
    storage: local-lvm
    bridge: vmbr0
    ca_file: ca.pem
    ssh: {transport: node, node: pve.lan, identity: ~/.ssh/id, jump: node}
  work:
    url: https://10.0.0.1:443/
    user: root@pam
    password: hunter22
    fingerprint: ` + "abababab" + `abababababababababababababababababababababababababababab
`

func TestFile(t *testing.T) {
	c := mustLoad(t, twoHosts, "")
	home := c.Paths.Home
	h, err := c.Host(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if h.Name != "homelab" || h.URL != "https://pve.lan:8006" || h.Token.Reveal() != aToken || h.Node != "pve1" || h.Storage != "local-lvm" || h.Bridge != "vmbr0" ||
		h.CAFile != filepath.Join(c.Paths.ConfigDir, "ca.pem") {
		t.Errorf("%+v", h)
	}
	if want := (SSH{Transport: "node", Node: "pve.lan", IdentityFile: home + "/.ssh/id", Jump: "pve.lan"}); h.SSH != want {
		t.Errorf("ssh %+v", h.SSH)
	}
	if !c.Publish || c.RedisURL.Reveal() != "redis://:pw@localhost:6379/0" || c.TemplatesRoot != home+"/templates" {
		t.Errorf("%+v", c)
	}
	w, err := c.Host(t.Context(), "work")
	if err != nil || w.URL != "https://10.0.0.1:443" || w.User != "root@pam" || w.Password.Reveal() != "hunter22" || w.Fingerprint != pin || w.SSH.Transport != "auto" {
		t.Errorf("%+v %v", w, err)
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ env, flag, config, state string }{
		{"", "", "HOME/.config/infrahaus", "HOME/.local/state/infrahaus"},
		{"XDG_CONFIG_HOME=/c", "", "/c/infrahaus", "HOME/.local/state/infrahaus"},
		{"XDG_CONFIG_HOME=relative", "", "HOME/.config/infrahaus", "HOME/.local/state/infrahaus"},
		{"XDG_STATE_HOME=/s", "", "HOME/.config/infrahaus", "/s/infrahaus"},
		{"INFRAHAUS_STATE_DIR=/i", "", "HOME/.config/infrahaus", "/i"},
		{"INFRAHAUS_STATE_DIR=/i", "/f", "HOME/.config/infrahaus", "/f"},
	} {
		k, v, _ := strings.Cut(c.env, "=")
		got, err := Load(Overrides{StateDir: c.flag, Getenv: func(n string) string {
			switch n {
			case k:
				return v
			case "HOME":
				return "/home/x"
			}
			return ""
		}})
		if err != nil {
			t.Fatal(err)
		}
		home := func(s string) string { return strings.Replace(s, "HOME", "/home/x", 1) }
		if got.Paths.ConfigDir != home(c.config) || got.Paths.StateDir != home(c.state) {
			t.Errorf("%s %s: %+v", c.env, c.flag, got.Paths)
		}
	}
	if _, err := Load(Overrides{Getenv: func(string) string { return "" }}); err == nil || !strings.Contains(err.Error(), "HOME") {
		t.Errorf("without a home: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ text, where, want, next string }{
		{"hots: {}", ":1:1:", `unknown key "hots"`, `did you mean "hosts"?`},
		{"hosts:\n  a:\n    tokn: x", ":3:5:", `unknown key "hosts.a.tokn"`, `"token"`},
		{"hosts:\n  a:\n    xyzzy: x", ":3:5:", `unknown key`, "known here: bridge, ca_file"},
		{"hosts:\n  a:\n    ssh: {transport: gest}", ":3:22:", "no transport", `"guest"`},
		{"hosts:\n  a:\n    ssh: {transport: telnet}", ":3:22:", "no transport", "one of auto, guest, node, api"},
		{"hosts:\n  a: {url: 'http://x'}", ":2:12:", "https only", "https://pve"},
		{"hosts:\n  a: {url: 'https://u:hunter22@x'}", ":2:12:", "must not hold a login", "user and password"},
		{"hosts:\n  a: {fingerprint: 'AA:BB'}", ":2:20:", "2 bytes, not 32", "64 hex"},
		{"hosts:\n  a: {fingerprint: '" + strings.Repeat("ab", 20) + "'}", ":2:20:", "SHA-1", "64 hex"},
		{"hosts:\n  a: {token: hunter22}", ":2:14:", "not an API token", "user@realm!name"},
		{"hosts:\n  a: {user: root}", ":2:13:", "lacks its realm", "root@pam"},
		{"hosts:\n  a: {insecure: 'yes'}", ":2:17:", "must be true or false", "without quotes"},
		{"hosts:\n  a: {token_env: A, token_file: B}", ":2:6:", "more than once", "keep one"},
		{"hosts:\n  a: {token_env: A, user: r@pam, password: hunter22}", ":2:6:", "a token and a password", "keep one"},
		{"hosts:\n  a: {url: x, user: 'r@pam!n=hunter22', password: x}", ":2:21:", "it is no user", "goes into token"},
		{"hosts:\n  a: {password: hunter22}", ":2:6:", "no user", "root@pam"},
		{"hosts:\n  a: {token_command: 'a \"b'}", ":2:22:", "not closed", ""},
		{"hosts:\n  a: {token_command: ''}", ":2:22:", "must be a command", ""},
		{"hosts:\n  sandbox: {url: x}", ":2:12:", "embedded sandbox", "another name"},
		{"hosts:\n  'a b': {url: x}", ":2:10:", "cannot be a host's name", "letters"},
		{"hosts: [a]", ":1:8:", "mapping", ""},
		{"hosts: {a: {url: [x]}}", ":1:18:", "single value", ""},
		{"default_host: homelb\nhosts: {homelab: {url: x}}", ":1:15:", "no host", `"homelab"`},
		{"publish: true\npublish: false", ":2:1:", "given twice", "remove"},
		{"a: b: c", ":1", "not YAML", ""},
		{"a: 1\n---\nb: 1", "", "more than one document", ""},
		{"\tx: 1", ":1:1:", "not YAML", "no tabs"},
		{"hosts:\n  a:\n    url: x\n\tnode: y", ":4:1:", "not YAML", "no tabs"},
		{"hosts:\n  a:\n    url: x\n   node: y", ":4:4:", "not YAML", "indent it like"},
		{"hosts:\nh:\n  url: x", ":2:1:", `unknown key "h"`, "indent it below hosts"},
		{"host:\n  url: x", ":1:1:", `unknown key "host"`, "indent it below hosts"},
		{"token: x", ":1:1:", `unknown key "token"`, "indent it below the name of one of the hosts"},
		{"hosts:\n  a:\n    url: x\n    transport: node", ":4:5:", `unknown key "hosts.a.transport"`, "indent it below ssh"},
		{"hosts:\n  a: {url: x, storage: 'a b'}", ":2:24:", "not a valid name in Proxmox", "letters"},
		{"redis: {url_env: NOPE}", ":1:18:", "NOPE is not set", ""},
		{"redis: {url_env: \"redis://:hunter22@h\"}", ":1:18:", "not the name of a variable", ""},
		{"hosts:\n  a: {url: x, ssh: {node: 'a b'}}", ":2:27:", "no SSH address", "root@"},
		{"version: 2\nhosts: [a]\nnew_key: x", ":1:10:", "of version 2, and this infrahaus knows versions up to 1", "newer infrahaus"},
		{"version: one", ":1:10:", "whole number", "version: 1"},
		{"version: [1]", ":1:10:", "whole number", "version: 1"},
		{"version: 1\nnew_key: x", ":2:1:", "unknown key", ""},
		{"hosts:\n  a: {made_token: 'r@pam!n=hunter22'}", ":2:19:", "not a token's id", "without the secret"},
		{"hosts:\n  a: {made_token: infrahaus}", ":2:19:", "not a token's id", "user@realm!name"},
		{"x: &a [*a]", ":1:1:", "unknown key", ""},
	} {
		_, err := load(t, c.text, "")
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if !strings.Contains(e.Error(), "config.yaml"+c.where) || !strings.Contains(e.Error(), c.want) || !strings.Contains(strings.Join(e.NextSteps(), "\n"), c.next) {
			t.Errorf("%q: %s\n hint: %s\n want %q %q %q", c.text, e, strings.Join(e.NextSteps(), "\n"), c.where, c.want, c.next)
		}
		if strings.Contains(e.Error()+strings.Join(e.NextSteps(), "\n"), "hunter22") {
			t.Errorf("%q: the error tells the secret: %s", c.text, e)
		}
	}
}

func TestGoodFiles(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "hosts:\n", "hosts:\n  a:\n", "\xef\xbb\xbfpublish: true\r\nhosts: {}\r\n", "hosts: {a: {url: x, insecure: true}}", "version: 1\nhosts: {a: {url: x, made_token: 'r@pam!n'}}"} {
		if _, err := load(t, text, ""); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNamedFileMustExist(t *testing.T) {
	_, err := Load(Overrides{ConfigFile: filepath.Join(t.TempDir(), "no.yaml"), Getenv: func(n string) string { return map[string]string{"HOME": "/h"}[n] }})
	if err == nil || !strings.Contains(err.Error(), "no.yaml") {
		t.Errorf("err = %v", err)
	}
}

func TestChoosingAHost(t *testing.T) {
	url := "INFRAHAUS_URL=https://127.0.0.1:9999"
	tok := "INFRAHAUS_TOKEN=" + bToken
	for _, c := range []struct {
		file, flag string
		env        []string
		name, want string // want: in the error
	}{
		{"", "", nil, "", "none is configured"},
		{twoHosts, "", nil, "homelab", ""},
		{twoHosts, "work", nil, "work", ""},
		{twoHosts, "wrk", nil, "", `cannot find host "wrk"`},
		{twoHosts, "", []string{url, tok}, "127.0.0.1:9999", ""},
		{twoHosts, "", []string{"INFRAHAUS_URL=https://10.0.0.1:443"}, "work", ""},
		{twoHosts, "", []string{"PVE_HOST=pve.lan"}, "homelab", ""},
		{twoHosts, "sandbox", nil, "sandbox", ""},
		{"", "", []string{"PVE_HOST=fd00::1", tok}, "fd00::1", ""},
		{"", "", []string{"INFRAHAUS_URL=https://[fe80::1%25eth0]", tok}, "fe80::1%eth0", ""},
		{"hosts: {a: {url: 'fe80::1%eth0'}}", "", []string{"INFRAHAUS_URL=https://[fe80::1%25eth0]:8006", tok}, "a", ""},
		{"", "", []string{"INFRAHAUS_URL=http://x"}, "", "cannot use INFRAHAUS_URL"},
		{"hosts: {a: {url: x}, b: {url: y}}", "", nil, "", "cannot choose a host"},
		{"hosts: {a: {url: x}}", "", nil, "a", ""},
	} {
		got, err := mustLoad(t, c.file, c.flag, c.env...).SelectHost()
		if got != c.name || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %v: %q, %v; want %q %q", c.flag, c.env, got, err, c.name, c.want)
		}
	}
	_, err := mustLoad(t, twoHosts, "wrk").Host(t.Context(), "")
	if err == nil || hint(err) != `did you mean "work"?` {
		t.Errorf("%v, %q", err, hint(err))
	}
}

func hint(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return strings.Join(e.NextSteps(), "\n")
	}
	return ""
}

func TestEnvironment(t *testing.T) {
	elsewhere := []string{"INFRAHAUS_URL=https://127.0.0.1:9999", "INFRAHAUS_TOKEN=" + bToken, "INFRAHAUS_FINGERPRINT=" + pin, "INFRAHAUS_SSH_NODE=root@127.0.0.1:22022", "INFRAHAUS_SSH_TRANSPORT=guest", "INFRAHAUS_NODE=pve9"}
	for _, c := range []struct {
		name, host string
		env        []string
		login, url string
		check      func(*Host) bool
	}{
		{"token over file", "", []string{"INFRAHAUS_TOKEN=" + bToken}, bToken, "https://pve.lan:8006", func(h *Host) bool { return h.Node == "pve1" }},
		{"token over password", "work", []string{"INFRAHAUS_TOKEN=" + bToken}, bToken, "https://10.0.0.1:443", func(h *Host) bool { return h.Password.IsZero() }},
		{"password over token", "", []string{"INFRAHAUS_USER=a@pve", "INFRAHAUS_PASSWORD=pw1234"}, "a@pve pw1234", "https://pve.lan:8006", nil},
		{"password with the file's user", "work", []string{"INFRAHAUS_PASSWORD=pw1234"}, "root@pam pw1234", "https://10.0.0.1:443", nil},
		{"others' names", "", []string{"PROXMOX_VE_ENDPOINT=https://o.lan:8006/", "PROXMOX_VE_API_TOKEN=" + bToken}, bToken, "https://o.lan:8006", nil},
		{"others' password", "", []string{"PVE_HOST=o.lan", "PVE_ROOT_PASSWORD=pw1234"}, "root@pam pw1234", "https://o.lan:8006", nil},
		{"ours before others'", "", []string{"INFRAHAUS_URL=o.lan", "PVE_HOST=p.lan", "INFRAHAUS_USER=a@pve", "INFRAHAUS_PASSWORD=pw1234", "PROXMOX_VE_API_TOKEN=" + bToken}, "a@pve pw1234", "https://o.lan:8006", nil},
		{"all of it", "", elsewhere, bToken, "https://127.0.0.1:9999", func(h *Host) bool {
			return h.Fingerprint == pin && h.SSH.Node == "root@127.0.0.1:22022" && h.SSH.Transport == "guest" && h.Node == "pve9" && h.Storage == ""
		}},
		{"a login is for its own host", "work", elsewhere, "root@pam hunter22", "https://10.0.0.1:443", func(h *Host) bool {
			return len(h.Warnings) == 1 && h.Node == "" && h.SSH.Node == "" && h.SSH.Transport == "guest"
		}},
		{"a key's text", "", []string{"INFRAHAUS_SSH_IDENTITY=-----BEGIN X-----\nabc\n-----END X-----"}, aToken, "https://pve.lan:8006", func(h *Host) bool {
			return h.SSH.IdentityFile == "" && strings.HasSuffix(h.SSH.IdentityKey.Reveal(), "-----\n")
		}},
		{"insecure", "", []string{"INFRAHAUS_INSECURE=1"}, aToken, "https://pve.lan:8006", func(h *Host) bool { return h.Insecure }},
		{"a pin is kept to", "work", []string{"INFRAHAUS_INSECURE=1"}, "root@pam hunter22", "https://10.0.0.1:443", func(h *Host) bool { return !h.Insecure && len(h.Warnings) == 1 }},
	} {
		h, err := mustLoad(t, twoHosts, c.host, c.env...).Host(t.Context(), "")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		login := h.Token.Reveal()
		if login == "" {
			login = h.User + " " + h.Password.Reveal()
		}
		if login != c.login || h.URL != c.url || c.check != nil && !c.check(h) {
			t.Errorf("%s: %+v (%s)", c.name, *h, login)
		}
	}
	c := mustLoad(t, twoHosts, "", "REDIS_URL=redis://b", "TEMPLATES_ROOT=/t", "CONFIG_REPO_URL=https://r")
	if c.RedisURL.Reveal() != "redis://b" || c.TemplatesRoot != "/t" || c.ConfigRepoURL != "https://r" {
		t.Errorf("%+v", c)
	}
}

func TestBadEnvironment(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"INFRAHAUS_TOKEN=hunter22", "cannot use INFRAHAUS_TOKEN"},
		{"PROXMOX_VE_API_TOKEN=hunter22", "cannot use PROXMOX_VE_API_TOKEN"},
		{"INFRAHAUS_FINGERPRINT=zz", "cannot use INFRAHAUS_FINGERPRINT"},
		{"INFRAHAUS_SSH_TRANSPORT=telnet", "cannot use INFRAHAUS_SSH_TRANSPORT"},
		{"INFRAHAUS_SSH_NODE=a b", "cannot use INFRAHAUS_SSH_NODE"},
		{"INFRAHAUS_INSECURE=maybe", "cannot use INFRAHAUS_INSECURE"},
		{"INFRAHAUS_USER=root", "cannot use INFRAHAUS_USER"},
		{"INFRAHAUS_URL=https://x:99999", "cannot use INFRAHAUS_URL"},
	} {
		_, err := mustLoad(t, twoHosts, "", c.env).Host(t.Context(), "")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error()+hint(err), "hunter22") {
			t.Errorf("%s: %v", c.env, err)
		}
	}
	for _, env := range [][]string{{"INFRAHAUS_URL=o.lan"}, {"INFRAHAUS_URL=o.lan", "INFRAHAUS_USER=a@pve"}, {"INFRAHAUS_URL=o.lan", "INFRAHAUS_PASSWORD=x"}} {
		if _, err := mustLoad(t, "", "", env...).Host(t.Context(), ""); err == nil {
			t.Errorf("%v: no login is no error", env)
		}
	}
}

func TestSecretReferences(t *testing.T) {
	const prefix = "hosts:\n  a:\n    url: x\n    "
	for _, c := range []struct{ key, want string }{
		{"token_env: MY_TOKEN", aToken},
		{"token_env: NOT_SET", "!the variable NOT_SET is not set"},
		{"token_file: ../token", aToken},
		{"token_file: ../none", "!no such file"},
		{"token_file: ../two", "!more than one line"},
		{"token_command: echo '" + aToken + "'", aToken},
		{"token_command: [sh, -c, \"printf '" + aToken + "'\"]", aToken},
		{"token_command: sh -c 'exit 3'", "!exit status 3"},
		{"token_command: sh -c 'echo locked >&2; exit 1'", "!locked"},
		{"token_command: 'true'", "!gives nothing"},
		{"token_command: no-such-program-here", "!executable file not found"},
		{"token_command: echo hunter22", "!not an API token"},
		{"token_command: echo $HOME;id", "!not an API token"}, // no shell
	} {
		cfg, err := load(t, prefix+c.key, "", "MY_TOKEN="+aToken)
		if err == nil {
			os.WriteFile(filepath.Join(cfg.Paths.ConfigDir, "../token"), []byte(aToken+"\n"), 0o600)
			os.WriteFile(filepath.Join(cfg.Paths.ConfigDir, "../two"), []byte("a\nb\n"), 0o600)
			var h *Host
			if h, err = cfg.Host(t.Context(), "a"); err == nil && h.Token.Reveal() == c.want {
				continue
			}
		}
		if want, bad := strings.CutPrefix(c.want, "!"); err == nil || !bad || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %v", c.key, err)
		}
	}
}

func TestTokenCommandIsInterrupted(t *testing.T) {
	cfg := mustLoad(t, "hosts: {a: {url: x, token_command: sleep 600}}", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cfg.Host(ctx, "a"); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("err = %v", err)
	}
}

func TestTokenCommandOfAFileThatOthersWrite(t *testing.T) {
	for _, c := range []struct {
		name      string
		file, dir os.FileMode
		link      bool
		refused   bool
	}{
		{"ours alone", 0o600, 0o755, false, false},
		{"written by the group", 0o620, 0o755, false, true},
		{"written by all", 0o602, 0o755, false, true},
		{"in a folder of all", 0o600, 0o777, false, true},
		{"behind a link in a folder of all", 0o600, 0o777, true, true},
	} {
		dir, ran := filepath.Join(t.TempDir(), "d"), filepath.Join(t.TempDir(), "ran")
		os.Mkdir(dir, 0o755)
		file := filepath.Join(dir, "config.yaml")
		os.WriteFile(file, []byte(fmt.Sprintf("hosts: {a: {url: x, token_command: [sh, -c, 'touch %s; echo %s']}}", ran, aToken)), 0o600)
		os.Chmod(file, c.file)
		os.Chmod(dir, c.dir)
		if c.link {
			link := filepath.Join(t.TempDir(), "link.yaml")
			os.Symlink(file, link)
			file = link
		}
		cfg, err := Load(Overrides{ConfigFile: file, Getenv: func(n string) string { return map[string]string{"HOME": "/h"}[n] }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = cfg.Host(t.Context(), "a")
		if _, serr := os.Stat(ran); (serr == nil) == c.refused || (err != nil) != c.refused {
			t.Errorf("%s: %v, ran: %v", c.name, err, serr == nil)
		}
		if c.refused && !strings.Contains(err.Error(), "it is not run, because others may write") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReadableSecretIsWarnedAbout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	os.WriteFile(file, []byte(twoHosts), 0o644)
	os.Chmod(file, 0o644)
	c, err := Load(Overrides{ConfigFile: file, Getenv: func(n string) string { return map[string]string{"HOME": "/h"}[n] }})
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "chmod 600") {
		t.Errorf("%v %v", c.Warnings, err)
	}
}

func TestEndpoint(t *testing.T) {
	for in, want := range map[string]string{
		"pve": "https://pve:8006", "pve:443": "https://pve:443", "10.1.2.3": "https://10.1.2.3:8006", "fd00::1": "https://[fd00::1]:8006", "[fd00::1]:443": "https://[fd00::1]:443",
		"https://pve.lan": "https://pve.lan:8006", "https://[fe80::1%25eth0]:8006": "https://[fe80::1%25eth0]:8006", "https://[fe80::1%eth0]": "https://[fe80::1%25eth0]:8006", "fe80::1%eth0": "https://[fe80::1%25eth0]:8006",
		"https://[fe80::1%]": "", "https://pve%eth0": "", "https://[fe80::1%25a/b]": "",
		"https://pve.lan:8006/api2/json": "https://pve.lan:8006", " https://pve.lan/ ": "https://pve.lan:8006",
		"https://pve.lan:8006/#v1:0:18:4:::::::": "https://pve.lan:8006", "https://pve.lan:8006/#v1:0:=node%2Fpve1:4:=apitoken": "https://pve.lan:8006",
		"": "", "https://": "", "ftp://x": "", "http://x": "", "https://x/y": "", "https://x?y": "", "https://x/y#z": "", "x y": "", "https://x:0": "", "https://-x": "", "pve:port": "", "://": "", "a/b": "",
	} {
		got, err := endpoint(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("endpoint(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestToken(t *testing.T) {
	for in, good := range map[string]bool{
		aToken: true, "PVEAPIToken=" + aToken: true, "ops@example.org@sso!ci=12345678": true, "a=b@example.org@sso!ci=12345678": true,
		"svc-1@pve!a.b_c-d=12345678": true, "root@pam!x=12345678": true,
		"root!ci=12345678": false, "@pam!ci=12345678": false, "root@pam=12345678": false, "root@pam!ci": false, "root@pam!ci=": false,
		"a b@pam!ci=12345678": false, "a:b@pam!ci=12345678": false, "a/b@pam!ci=12345678": false, "root@pam!1ci=12345678": false, "root@pam!c!i=12345678": false,
	} {
		got, err := token(in)
		if (err == nil) != good || good && got != strings.TrimPrefix(in, "PVEAPIToken=") {
			t.Errorf("token(%q) = %q, %v", in, got, err)
		}
	}
}

func TestSSHAddress(t *testing.T) {
	for in, want := range map[string]string{
		"pve": "pve", "pve:2222": "pve:2222", "me@pve": "me@pve", "me@10.0.0.1:2222": "me@10.0.0.1:2222", "ssh://me@pve:22": "me@pve:22",
		"root@[fd00::1]:22": "root@[fd00::1]:22", "fd00::1": "[fd00::1]", "me@[fd00::1]": "me@[fd00::1]", "root@[fe80::1%eth0]:22": "root@[fe80::1%eth0]:22", "fe80::1%eth0": "[fe80::1%eth0]",
		"": "", "@pve": "", "me@": "", "me@pve:x": "", "-oProxyCommand=x@pve": "", "a b@pve": "", "me@-x": "",
	} {
		got, err := sshAddress(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("sshAddress(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for in, want := range map[string]string{
		`a b  c`: "a|b|c", `a 'b c' "d e"`: "a|b c|d e", `a\ b`: "a b", `'a'"b"c`: "abc", `a ''`: "a|", `"a\"b\n"`: `a"b\n`, `'\'`: `\`, ``: "", ` `: "", `$HOME|x`: "$HOME%x",
	} {
		got, err := splitWords(in)
		if strings.ReplaceAll(strings.Join(got, "|"), "$HOME|x", "$HOME%x") != want || err != nil {
			t.Errorf("splitWords(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`'a`, `"a`, `"a\"`} {
		if _, err := splitWords(in); err == nil {
			t.Errorf("splitWords(%q) is no error", in)
		}
	}
}

// No way of printing a secret shows it.
func TestSecretIsNotSeen(t *testing.T) {
	type outer struct {
		Open   Secret
		hidden Secret
		host   *Host
	}
	s := NewSecret("hunter22")
	h := Host{Token: s}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", s, "host", h)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "secret", s, "host", h, "o", outer{s, s, &h})
	j, _ := json.Marshal(map[string]any{"a": s, "b": &s, "c": h, "d": []Secret{s}})
	y, _ := yaml.Marshal(map[string]any{"a": s, "b": &s})
	all := []string{logged.String(), string(j), string(y), s.String(), s.GoString(), fmt.Sprint(fmt.Errorf("x %v", s))}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%t"} {
		all = append(all, fmt.Sprintf(format, s), fmt.Sprintf(format, &s), fmt.Sprintf(format, outer{s, s, &h}), fmt.Sprintf(format, h), fmt.Sprintf(format, map[string]Secret{"a": s}))
	}
	for _, text := range all {
		if low := strings.ToLower(text); strings.Contains(low, "hunter22") || strings.Contains(low, "68756e746572") {
			t.Errorf("seen in %q", text)
		}
	}
	if s.String() != "***" || (Secret{}).String() != "" || !NewSecret("").IsZero() || s.Reveal() != "hunter22" {
		t.Error("String, IsZero or Reveal")
	}
}

func FuzzFile(f *testing.F) {
	f.Add(twoHosts)
	f.Add("hosts: &a {x: *a}")
	f.Add("hosts: {a: {token_command: [a, [b]]}}")
	f.Add("? [a]\n: b")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "c.yaml")
		os.WriteFile(file, []byte(text), 0o600)
		c, err := Load(Overrides{ConfigFile: file, Getenv: func(n string) string { return map[string]string{"HOME": "/h"}[n] }})
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Text == "") {
			t.Fatalf("%v", err)
		}
		if err == nil {
			for _, name := range c.HostNames() {
				c.hosts[name].TokenCommand, c.hosts[name].PasswordCommand = nil, nil // no command that the fuzzer makes up is run
				c.Host(t.Context(), name)
			}
		}
	})
}
