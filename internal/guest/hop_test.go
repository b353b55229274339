package guest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// route writes an SSH configuration for hosts of the test by name, each with its own
// known_hosts and identity, and with additional lines.
func route(t *testing.T, identity string, hosts map[string]*host, more string) string {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "id")
	if err := os.WriteFile(key, []byte(identity), 0o600); err != nil {
		t.Fatal(err)
	}
	text := more + "\n"
	for name, h := range hosts {
		text += "Host " + name + "\nHostName 127.0.0.1\nPort " + itoa(h.port()) + "\nUser root\nIdentityFile " + key + "\nIdentitiesOnly yes\nUserKnownHostsFile " + h.nodeSSH("").KnownHosts + "\nGlobalKnownHostsFile none\n"
	}
	return configFile(t, text)
}

// The hosts of ProxyJump are passed in order, and each is checked against its own
// known_hosts lines.
func TestProxyJump(t *testing.T) {
	id := newSigner(t)
	first, second, node := newHost(t, id.PublicKey()), newHost(t, id.PublicKey()), newNode(t, id)
	hosts := map[string]*host{"first": first, "second": second, "pve": node}
	for name, c := range map[string]struct {
		more string
		use  []*host
	}{
		"one":            {"Host pve\nProxyJump first", []*host{first}},
		"two":            {"Host pve\nProxyJump first,root@second", []*host{first, second}},
		"one by another": {"Host pve\nProxyJump second\nHost second\nProxyJump first", []*host{first, second}},
	} {
		before := map[*host]int{}
		for _, h := range c.use {
			before[h] = len(h.execs)
		}
		n := &NodeSSH{Host: "pve", AgentSocket: "/nonexistent", ConfigFile: route(t, keyText(t, id), hosts, c.more)}
		g, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: n})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		do(t, g, "true", "")
		g.Close()
		for i, h := range c.use {
			h.mu.Lock()
			if len(h.execs) != before[h]+1 || h.execs[len(h.execs)-1] != "forward" {
				t.Errorf("%s: host %d was not gone through: %q", name, i, h.execs)
			}
			h.mu.Unlock()
		}
	}
}

func TestProxyJumpErrors(t *testing.T) {
	id := newSigner(t)
	first, node := newHost(t, id.PublicKey()), newNode(t, id)
	stranger := newHost(t, newSigner(t).PublicKey())
	hosts := map[string]*host{"first": first, "stranger": stranger, "pve": node}
	for name, c := range map[string]struct {
		more string
		kind Kind
		says string
	}{
		"a circle":        {"Host pve first\nProxyJump first", BadSettings, "jump hosts"},
		"refused there":   {"Host pve\nProxyJump stranger", AuthRefused, "cannot log in to the jump host 127.0.0.1 as root on port " + itoa(stranger.port())},
		"nobody there":    {"Host pve\nProxyJump root@127.0.0.1:" + itoa(freePort(t)), NoSSHD, "cannot reach the jump host 127.0.0.1 by SSH on port"},
		"not known there": {"Host pve\nProxyJump first\nHost first\nUserKnownHostsFile none", HostKeyUnknown, "cannot trust the jump host 127.0.0.1"},
		"nobody behind":   {"Host pve\nProxyJump first\nPort " + itoa(freePort(t)), NoSSHD, "from the jump host 127.0.0.1"},
	} {
		n := &NodeSSH{Host: "pve", AgentSocket: "/nonexistent", ConfigFile: route(t, keyText(t, id), hosts, c.more)}
		if _, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: n}); KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %s %v", name, KindOf(err), err)
		}
	}
}

// A ProxyCommand provides the connection, with ssh's % words expanded. Its stderr is
// shown when it fails.
func TestProxyCommand(t *testing.T) {
	id := newSigner(t)
	node := newNode(t, id)
	pipe := "ProxyCommand /bin/bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'"
	n := &NodeSSH{Host: "pve", AgentSocket: "/nonexistent", ConfigFile: route(t, keyText(t, id), map[string]*host{"pve": node}, pipe)}
	g, err := Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: n})
	if err != nil {
		t.Fatal(err)
	}
	out, _, _ := do(t, g, "cat", strings.Repeat("x", 300000))
	if len(out) != 300000 {
		t.Errorf("%d bytes", len(out))
	}
	g.Close()
	n.ConfigFile = route(t, keyText(t, id), map[string]*host{"pve": node}, "ProxyCommand echo no tunnel today >&2; exit 1")
	_, err = Open(ctxFor(t), Target{CTID: 100}, Options{Transport: "node", Node: n})
	var e *Error
	if KindOf(err) != NoSSHD || !strings.Contains(err.Error(), "cannot reach the node 127.0.0.1 by SSH on port") {
		t.Fatalf("%v", err)
	}
	if !errors.As(err, &e) || e.Tail != "no tunnel today" {
		t.Errorf("%+v", *e)
	}
}

func TestSplitHop(t *testing.T) {
	for text, want := range map[string]string{
		"bastion": ",bastion,0", "me@bastion:22": "me,bastion,22", "ssh://me@bastion:2200": "me,bastion,2200", "me@[fd00::1]:22": "me,fd00::1,22", "[fd00::1]": ",fd00::1,0",
		"a@b@host": "a@b,host,0", "": "", "host:0": "", "host:x": "", "-oProxyCommand=x": "", "me@": "",
	} {
		user, host, port, err := splitHop(text)
		if got := user + "," + host + "," + itoa(port); err == nil && got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}
