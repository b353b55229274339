package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// configFile writes a file config with these lines into a folder.
func configFile(t *testing.T, lines string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A user's file means what ssh says it means. Without ssh, our own reader gets the same
// settings from everything that it supports, and names the lines that it leaves out.
func TestSSHConfig(t *testing.T) {
	ssh := needs.Program(t, "ssh", "openssh-client")
	home, me := localUser().HomeDir, localUser().Username
	for name, c := range map[string]struct {
		lines string
		node  NodeSSH
		want  settings // empty fields are not compared
		keys  string   // the named key files
		left  string   // the note of our own reader; only then may its settings differ
	}{
		"all of it": {"Host pve\n  HostName 192.0.2.7\n  User admin\n  Port 2222\n  IdentityFile ~/.ssh/lab\n  IdentitiesOnly yes\n",
			NodeSSH{Host: "pve"}, settings{host: "192.0.2.7", user: "admin", port: 2222}, home + "/.ssh/lab", ""},
		"the URL goes first": {"Host pve\n  User admin\n  Port 2222\n", NodeSSH{Host: "pve", User: "root", Port: 22, Identity: "/k"}, settings{host: "pve", user: "root", port: 22}, "/k", ""},
		"another host":       {"Host pve\n  HostName 192.0.2.7\n", NodeSSH{Host: "other"}, settings{host: "other", user: "root", port: 22}, "", ""},
		"words":              {"Host pve\n HostName %h.example.org\n IdentityFile %d/.ssh/%h-%r\nPort=2200\n", NodeSSH{Host: "pve"}, settings{host: "pve.example.org", port: 2200}, home + "/.ssh/pve.example.org-root", ""},
		"several files":      {"UserKnownHostsFile ~/a /b\nGlobalKnownHostsFile none\nHostKeyAlias node\n", NodeSSH{Host: "pve"}, settings{alias: "node", hostFiles: []string{home + "/a", "/b"}}, "", ""},
		"the first counts":   {"Host pve\nPort 1\nHost *\nPort 2\nIdentityFile /x\nIdentityFile /y\n", NodeSSH{Host: "pve"}, settings{port: 1}, "/x,/y", ""},
		"negated":            {"Host * !pve\nPort 1\n", NodeSSH{Host: "pve"}, settings{port: 22}, "", ""},
		"quotes":             {"Host \"pve\"\nIdentityFile \"/a b\"\n", NodeSSH{Host: "pve"}, settings{}, "/a b", ""},
		"ProxyJump":          {"ProxyJump admin@bastion:2200,inner\n", NodeSSH{Host: "pve"}, settings{jump: []string{"admin@bastion:2200", "inner"}}, "", ""},
		"no ProxyJump":       {"Host pve\nProxyJump none\nHost *\nProxyJump bastion\n", NodeSSH{Host: "pve"}, settings{jump: []string{}}, "", ""},
		"ProxyCommand":       {"ProxyCommand nc -X 5 \"%h\" %p # %%\n", NodeSSH{Host: "pve", Port: 7}, settings{command: `nc -X 5 "pve" 7 # %`}, "", ""},
		"Match host":         {"Host pve\nHostName pve.lan\nMatch host pve.lan\nPort 1\nMatch host pve\nPort 2\n", NodeSSH{Host: "pve"}, settings{port: 1}, "", ""},
		"Match originalhost": {"Host pve\nHostName pve.lan\nMatch originalhost pve\nPort 1\n", NodeSSH{Host: "pve"}, settings{port: 1}, "", ""},
		"Match localuser":    {"Match localuser " + me + " !user bob\nPort 1\nMatch all\nUser admin\n", NodeSSH{Host: "pve"}, settings{port: 1, user: "admin"}, "", ""},
		"Match exec":         {"Match exec true\nPort 1\nMatch all\nUser admin\n", NodeSSH{Host: "pve"}, settings{port: 1, user: "admin"}, "", ":1: what follows Match exec true"},
		"Match final":        {"Match final\nPort 1\nHost *\nUser admin\n", NodeSSH{Host: "pve"}, settings{port: 1, user: "admin"}, "", ":1: what follows Match final"},
		"the agent":          {"IdentityAgent /run/agent\n", NodeSSH{Host: "pve"}, settings{keys: keyring{agentAt: "/run/agent"}}, "", ""},
		"a comment":          {"# x\n\n  Port 3 # three\n", NodeSSH{Host: "pve"}, settings{port: 3}, "", ""},
		"a jump host's user": {"", NodeSSH{Host: "bastion", hop: true}, settings{user: me}, "", ""},
	} {
		c.node.ConfigFile = configFile(t, c.lines)
		for _, path := range []string{filepath.Dir(ssh), t.TempDir()} {
			t.Setenv("PATH", path)
			own := path != filepath.Dir(ssh)
			got, err := c.node.resolve(t.Context())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if said := strings.Join(got.left, "\n"); own && (said != "") != (c.left != "") || !strings.Contains(said, c.left) && own || !own && said != "" {
				t.Errorf("%s: left out: %q", name, said)
			}
			if own && c.left != "" {
				if got.user != "admin" {
					t.Errorf("%s: what can be read is not: %+v", name, got)
				}
				continue
			}
			sameSettings(t, name+", own reader "+strconv.FormatBool(own), got, c.want)
			if keys := strings.Join(got.keys.named, ","); keys != c.keys || got.keys.usual != (c.keys == "") {
				t.Errorf("%s: key files %q, usual %v", name, keys, got.keys.usual)
			}
		}
	}
}

func sameSettings(t *testing.T, name string, got, want settings) {
	t.Helper()
	if want.host != "" && got.host != want.host || want.user != "" && got.user != want.user || want.port != 0 && got.port != want.port ||
		want.alias != got.alias || want.command != got.command || want.keys.agentAt != "" && got.keys.agentAt != want.keys.agentAt ||
		want.hostFiles != nil && !slices.Equal(got.hostFiles, want.hostFiles) || want.jump != nil && !slices.Equal(got.jump, want.jump) {
		t.Errorf("%s: %+v, want %+v", name, got, want)
	}
}

// If ssh refuses a file, the error has ssh's own message. The file is never used in part.
func TestSSHConfigErrors(t *testing.T) {
	needs.Program(t, "ssh", "openssh-client")
	file := configFile(t, "Host pve\nNoSuchOption x\n")
	_, err := NodeSSH{Host: "pve", ConfigFile: file}.resolve(t.Context())
	var e *Error
	if KindOf(err) != BadSettings || !strings.Contains(err.Error(), "cannot read the SSH settings of pve") {
		t.Fatalf("%v", err)
	}
	if !errors.As(err, &e) || !strings.Contains(e.Tail, file+": line 2: Bad configuration option: nosuchoption") || !strings.Contains(e.Fix, "ssh -G -F "+file+" -- pve") {
		t.Errorf("%q %q", e.Tail, e.Fix)
	}
	if absent(err) {
		t.Error("auto falls through on it")
	}
	for lines, says := range map[string]string{
		"IdentityFile /keys/%C\n":                   "%C in",
		"IdentityFile ${NO_SUCH_VARIABLE_HERE}/x\n": "NO_SUCH_VARIABLE_HERE",
		"ProxyCommand x\nProxyUseFdpass yes\n":      "ProxyUseFdpass",
	} {
		if _, err := (NodeSSH{Host: "pve", ConfigFile: configFile(t, lines)}).resolve(t.Context()); KindOf(err) != BadSettings || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", lines, err)
		}
	}
	s, err := NodeSSH{Host: "pve", ConfigFile: configFile(t, "BindAddress 192.0.2.1\nKnownHostsCommand /bin/true\n")}.resolve(t.Context())
	if err != nil || len(s.left) != 1 || s.left[0] != "SSH settings of pve that are not used here: KnownHostsCommand, BindAddress" {
		t.Errorf("%v %q", err, s.left)
	}
}

// A user who gives up while ssh runs a command of the settings reads no fault of the settings.
func TestSSHConfigGivenUp(t *testing.T) {
	needs.Program(t, "ssh", "openssh-client")
	began := filepath.Join(t.TempDir(), "began")
	ctx, cancel := context.WithCancel(ctxFor(t))
	go func() {
		for _, err := os.Stat(began); err != nil; _, err = os.Stat(began) {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	_, err := NodeSSH{Host: "pve", ConfigFile: configFile(t, "Match exec \"echo >"+began+"; exec sleep 30\"\nPort 7\n")}.resolve(ctx)
	if !errors.Is(err, context.Canceled) || KindOf(err) == BadSettings {
		t.Errorf("%v", err)
	}
}

// Our own reader follows Include, and names a line that it does not understand.
func TestOwnReader(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	more := filepath.Join(dir, "more.conf")
	os.WriteFile(more, []byte("Host pve\nPort 7\nUser \"open\n"), 0o600)
	file := configFile(t, "Host pve\nInclude "+dir+"/*.conf\nUser admin\nHost other\nInclude "+dir+"/*.conf\n")
	s, err := NodeSSH{Host: "pve", ConfigFile: file}.resolve(t.Context())
	if err != nil || s.port != 7 || s.user != "admin" || len(s.left) != 1 || !strings.Contains(s.left[0], more+":3: a quote") {
		t.Errorf("%v %+v", err, s)
	}
	if s, err := (NodeSSH{Host: "pve", ConfigFile: "none"}).resolve(t.Context()); err != nil || s.host != "pve" || s.port != 22 || s.user != "root" || s.left != nil {
		t.Errorf("%v %+v", err, s)
	}
}

func FuzzConfigWords(f *testing.F) {
	for _, s := range []string{"Host a b", `IdentityFile "a b"`, "Port = 3", "Port=3#", `x "`, "=", " \t", "ProxyCommand nc \"%h\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := configWords(line)
		if err == nil && len(words) > 0 && strings.ContainsAny(words[0], " \t=") {
			t.Errorf("%q: %q", line, words)
		}
	})
}

// A HOME that is not the home in passwd, and has SSH files, is used both with ssh, which
// would ignore it, and without.
func TestSSHConfigHomeElsewhere(t *testing.T) {
	ssh := needs.Program(t, "ssh", "openssh-client")
	home := t.TempDir()
	t.Setenv("HOME", home)
	node := NodeSSH{Host: "pve"}
	if s, err := node.resolve(t.Context()); err != nil || s.hostFiles[0] != localUser().HomeDir+"/.ssh/known_hosts" {
		t.Errorf("without a folder .ssh: %v %+v", err, s)
	}
	os.MkdirAll(home+"/.ssh", 0o700)
	if s, err := node.resolve(t.Context()); err != nil || s.host != "pve" || s.hostFiles[0] != home+"/.ssh/known_hosts" {
		t.Errorf("without a config: %v %+v", err, s)
	}
	os.WriteFile(home+"/.ssh/config", []byte("Host pve\nHostName %h.lan\nIdentityFile %d/lab\nIdentityFile ~/b\nMatch originalhost pve\nPort 7\n"), 0o600)
	for _, path := range []string{filepath.Dir(ssh), t.TempDir()} {
		t.Setenv("PATH", path)
		s, err := node.resolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.host != "pve.lan" || s.port != 7 || s.user != "root" || s.hostFiles[0] != home+"/.ssh/known_hosts" || strings.Join(s.keys.named, " ") != home+"/lab "+home+"/b" {
			t.Errorf("PATH=%s: %+v", path, s)
		}
	}
}
