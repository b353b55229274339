package sandbox

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

func endpointFile(dir string) string { return filepath.Join(dir, "endpoint.json") }

// connect reads where the owner is and makes sure that it answers there: what a
// killed owner left behind does not. Not there yet is no error.
func (s *Sandbox) connect(ctx context.Context, o Options) (bool, error) {
	// Held before the owner is looked for, so that one that is about to leave
	// either waits for us or is seen to have left.
	if ok, err := s.users.TryRLock(); !ok || err != nil {
		return false, err
	}
	e, err := readEndpoint(s.dir)
	if err != nil || !e.answers(ctx) {
		return false, errors.Join(err, s.users.Unlock())
	}
	if want := o.Driver; want != "" && want != e.Driver {
		return false, fmt.Errorf("cannot use the sandbox in %s with %s guests: another process holds it open with %s guests", s.dir, want, e.Driver)
	}
	if want := o.PVE; want != "" && want != e.PVE {
		return false, fmt.Errorf("cannot use the sandbox in %s as Proxmox VE %s: another process holds it open as %s", s.dir, want, e.PVE)
	}
	if want := o.Nodes; want != 0 && want != len(e.Nodes) {
		return false, fmt.Errorf("cannot use the sandbox in %s with %d nodes: another process holds it open with %d", s.dir, want, len(e.Nodes))
	}
	s.endpoint = *e
	return true, nil
}

// Certificates are the SHA-256 fingerprints of the certificates of the sandbox and of its
// cluster's CA in dir; "" for one that does not exist yet.
func Certificates(dir string) (node, ca string) {
	return api.FingerprintIn(filepath.Join(dir, "api.pem")), api.FingerprintIn(filepath.Join(dir, api.RootCA))
}

// readEndpoint returns an endpoint that nobody can be reached at where there is
// none.
func readEndpoint(dir string) (*Endpoint, error) {
	b, err := os.ReadFile(endpointFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return &Endpoint{}, nil
	}
	e := &Endpoint{}
	if err == nil {
		err = json.Unmarshal(b, e)
	}
	return e, err
}

// answers reports whether a process serves the endpoint's own certificate.
func (e *Endpoint) answers(ctx context.Context) bool {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, // pinned instead
		VerifyConnection: func(cs tls.ConnectionState) error {
			sum := sha256.Sum256(cs.PeerCertificates[0].Raw)
			if got := strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":"); got != e.Fingerprint {
				return errors.New("somebody else's port by now")
			}
			return nil
		},
	}, NetDialer: &net.Dialer{}}
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Exports are shell lines that point any client at the sandbox; INFRAHAUS_TOKEN
// comes last.
func Exports(e Endpoint) string {
	var b strings.Builder
	for _, kv := range [][2]string{
		{"INFRAHAUS_URL", e.URL}, {"INFRAHAUS_FINGERPRINT", e.Fingerprint}, {"INFRAHAUS_NODE", e.only()},
		{"INFRAHAUS_SSH_NODE", e.SSH()}, {"INFRAHAUS_SSH_IDENTITY", e.SSHIdentity}, {"INFRAHAUS_SSH_KNOWN_HOSTS", e.SSHKnownHosts},
		{"INFRAHAUS_TOKEN", e.Token},
	} {
		if kv[1] == "" {
			continue
		}
		fmt.Fprintf(&b, "export %s=%s\n", kv[0], quote(kv[1]))
	}
	return b.String()
}

// only is the name of the node where there is but one: in a cluster the client chooses.
func (e *Endpoint) only() string {
	if len(e.Nodes) > 1 {
		return ""
	}
	return e.Node
}

// SSH is where the nodes' sshd are: an address, or in a cluster NODE=ADDRESS for each.
func (e *Endpoint) SSH() string {
	if len(e.Nodes) < 2 {
		return e.SSHNode
	}
	var list []string
	for _, name := range e.Nodes {
		list = append(list, name+"="+e.SSHNodes[name])
	}
	return strings.Join(list, ",")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
