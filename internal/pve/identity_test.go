package pve_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

// known makes a client that records the identity that its host shows.
func known(t *testing.T, s *sandbox, o pve.Options) (*pve.Client, *atomic.Int32, *pve.Identity) {
	t.Helper()
	login := s.node.Login()
	o.URL, o.Token = s.server.URL(), login.TokenID+"="+login.TokenUUID
	var times atomic.Int32
	var id pve.Identity
	o.Met = func(_ context.Context, shown pve.Identity) error {
		times.Add(1)
		id = shown
		return nil
	}
	c, err := pve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, &times, &id
}

// Met is called once for a host, after the handshake. The CA of its cluster costs one
// request.
func TestIdentity(t *testing.T) {
	s := newSandbox(t)
	c, times, shown := known(t, s, pve.Options{Fingerprint: s.server.Fingerprint()})
	for range 3 {
		if _, err := c.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if times.Load() != 1 || shown.Certificate != s.server.Fingerprint() {
		t.Errorf("told %d times, %+v", times.Load(), shown)
	}
	ca, err := c.ClusterCA(t.Context())
	if err != nil || ca == "" || ca == shown.Certificate {
		t.Errorf("%q %v", ca, err)
	}
	if shown.CA != "" && shown.CA != ca {
		t.Errorf("the handshake said %q, the host %q", shown.CA, ca)
	}
}

// If the caller refuses the host, every later request returns that error.
func TestIdentityRefused(t *testing.T) {
	s := newSandbox(t)
	login := s.node.Login()
	no := &pve.Error{Kind: pve.TLS, Reason: "somebody else"}
	c := s.as(t, pve.Options{Token: login.TokenID + "=" + login.TokenUUID, Met: func(context.Context, pve.Identity) error { return no }})
	for range 3 {
		_, err := c.List(t.Context())
		var said *pve.Error
		if !errors.As(err, &said) || said.Kind != pve.TLS || said.Reason != no.Reason {
			t.Errorf("%v", err)
		}
	}
}

// The CA that a host names counts only if it has signed the host's certificate, or if the
// host is verified. Otherwise any host could claim to belong to that cluster.
func TestClusterCABelieved(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "api.pem")
	s := newSandbox(t)
	serve := func() {
		server, err := api.Serve(s.node, api.Options{CertFile: file})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		s.server = server
	}
	ask := func(o pve.Options) string {
		c, _, _ := known(t, s, o)
		if _, err := c.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		ca, err := c.ClusterCA(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	serve()
	own := ask(pve.Options{Insecure: true})
	if own == "" || own != ask(pve.Options{CAFile: filepath.Join(dir, "pve-root-ca.pem")}) || own != pve.ClusterCAIn(filepath.Join(dir, "pve-root-ca.pem")) {
		t.Errorf("its own CA is not known: %q", own)
	}
	if err := os.Remove(filepath.Join(dir, "pve-root-ca.pem")); err != nil {
		t.Fatal(err)
	}
	serve() // the same certificate, with a CA that has not signed it
	if ca := ask(pve.Options{Insecure: true}); ca != "" {
		t.Errorf("a CA is believed that signed nothing: %s", ca)
	}
	if ca := ask(pve.Options{Fingerprint: s.server.Fingerprint()}); ca == "" || ca == own {
		t.Errorf("what a verified host says of its cluster is not believed: %q", ca)
	}
	if ca := pve.ClusterCAIn(file); ca != "" {
		t.Errorf("a node's certificate is taken for a CA: %s", ca)
	}
}
