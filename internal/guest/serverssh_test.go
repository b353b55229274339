package guest

import (
	"strings"
	"testing"
)

// A server that is no node is logged in to with the user's own settings, and only if its
// host key is known.
func TestDialServer(t *testing.T) {
	id := newSigner(t)
	server := newHost(t, id.PublicKey())
	n := NodeSSH{Host: "git", hop: true, whom: "the git server", AgentSocket: "/nonexistent", ConfigFile: route(t, keyText(t, id), map[string]*host{"git": server}, "")}
	c, err := n.login(ctxFor(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	n.ConfigFile = route(t, keyText(t, id), map[string]*host{"git": server}, "UserKnownHostsFile none")
	_, err = n.login(ctxFor(t))
	if KindOf(err) != HostKeyUnknown || !strings.Contains(err.Error(), "cannot trust the git server 127.0.0.1: its host key ") {
		t.Errorf("an unknown host key: %v", err)
	}
}
