package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// recordings are commands on a genuine node and what they gave; they lie beside
// the repository, if anywhere.
const recordings = "../../../shared/pve-replies/node.json"

type recording struct {
	Name, Command  string
	Stdin          *string
	Exit           int
	Stdout, Stderr string
}

func TestReplayNode(t *testing.T) {
	b, err := os.ReadFile(recordings)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no recordings here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Node []recording }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Node) == 0 {
		t.Fatal("no recordings in the file")
	}
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver})
			recordedGuest(t, s)
			client := login(t, s.Endpoint())
			for _, r := range all.Node {
				t.Run(r.Name, func(t *testing.T) { replay(t, s, client, r) })
			}
		})
	}
}

// drivers are the kinds of guest that this machine can run.
func drivers() []string {
	if os.Getenv("INFRAHAUS_E2E") != "" && os.Geteuid() == 0 {
		return []string{"virtual", "lxc"}
	}
	return []string{"virtual"}
}

func open(t *testing.T, o Options) *Sandbox {
	t.Helper()
	o.Log = func(s string) { t.Log(s) }
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := Reset(o.Dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

// recordedGuest makes container 100 as it was when the recordings were made.
func recordedGuest(t *testing.T, s *Sandbox) {
	t.Helper()
	n := s.Node()
	done := func(upid string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var log []string
		exit, err := n.Follow(t.Context(), upid, func(l string) { log = append(log, l) })
		if err != nil || exit != "OK" && !strings.HasPrefix(exit, "WARNINGS") {
			t.Fatal(exit, err, strings.Join(log, "\n"))
		}
	}
	done(n.Create(t.Context(), node.Root, node.Params{
		"vmid": "100", "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "hostname": "web-01", "memory": "512", "swap": "512",
		"cores": "1", "cpulimit": "0.5", "rootfs": "local-lvm:4", "net0": "name=eth0,bridge=vmbr0,ip=10.77.0.50/24,gw=10.77.0.1,hwaddr=BC:24:11:BA:A7:20",
		"unprivileged": "1", "features": "nesting=1", "tags": "a;b", "description": "made by infrahaus\n", "cmode": "shell", "protection": "0",
	}))
	done(n.Start(t.Context(), node.Root, 100, nil))
}

func login(t *testing.T, e Endpoint) *ssh.Client {
	t.Helper()
	client, err := dial(t, e)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// tryLogin is login, or nil while the node does not answer.
func tryLogin(t *testing.T, e Endpoint) *ssh.Client {
	t.Helper()
	client, _ := dial(t, e)
	return client
}

func dial(t *testing.T, e Endpoint) (*ssh.Client, error) {
	t.Helper()
	key, err := os.ReadFile(e.SSHIdentity)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(e.SSHKnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	user, addr, _ := strings.Cut(e.SSHNode, "@")
	client, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known, HostKeyAlgorithms: []string{"ssh-ed25519"}})
	if err == nil {
		t.Cleanup(func() { client.Close() })
	}
	return client, err
}

// remote runs a command on the node.
func remote(t *testing.T, c *ssh.Client, command string, stdin io.Reader) (stdout, stderr string, exit int) {
	t.Helper()
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var out, errOut bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = stdin, &out, &errOut
	err = session.Run(command)
	var status *ssh.ExitError
	switch {
	case errors.As(err, &status):
		exit = status.ExitStatus()
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), errOut.String(), exit
}

var (
	clock   = regexp.MustCompile(`\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b`)
	seconds = regexp.MustCompile(`(?m)^\d+\.\d\d$`)
	links   = regexp.MustCompile(`(?m)^(drwx\S+) +\d+ `)
	rootfs  = regexp.MustCompile(`(?m)^rootfs: .*$`)
)

// alike takes out what no two runs have in common: times, and the storage that
// the root file system is on.
func alike(s string) string {
	s = clock.ReplaceAllString(s, "TIME")
	s = seconds.ReplaceAllString(s, "SECONDS")
	s = links.ReplaceAllString(s, "$1 N ")
	return rootfs.ReplaceAllString(s, "rootfs: …")
}

func replay(t *testing.T, s *Sandbox, c *ssh.Client, r recording) {
	if r.Name == "exec-not-running" { // the last one, recorded after a stop
		upid, err := s.Node().Stop(t.Context(), node.Root, 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Node().Follow(t.Context(), upid, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	var stdin io.Reader
	if r.Stdin != nil {
		stdin = strings.NewReader(*r.Stdin)
	}
	out, errOut, exit := remote(t, c, r.Command, stdin)
	if exit != r.Exit {
		t.Errorf("exit status %d, recorded %d", exit, r.Exit)
	}
	if alike(out) != alike(r.Stdout) {
		t.Errorf("stdout:\n%s\nrecorded:\n%s", out, r.Stdout)
	}
	if alike(errOut) != alike(r.Stderr) {
		t.Errorf("stderr:\n%s\nrecorded:\n%s", errOut, r.Stderr)
	}
}
