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

// recordings are commands on a genuine node of each version and what they gave; they lie
// beside the repository, if anywhere.
var recordings = map[string]string{"8.4": "../../../shared/pve-replies/node.json", "9.2": "../../../shared/pve-replies/node-9.json"}

type recording struct {
	Name, Command  string
	Stdin          *string
	Exit           int
	Stdout, Stderr string
}

func TestReplayNode(t *testing.T) {
	for _, version := range Versions() {
		all := readRecordings(t, recordings[version])
		for _, driver := range drivers() {
			t.Run(version+" "+driver, func(t *testing.T) {
				s := open(t, Options{Dir: t.TempDir(), Driver: driver, PVE: version})
				recordedGuest(t, s)
				client := login(t, s.Endpoint())
				// The recorded node had this OS template too.
				if _, errOut, exit := remote(t, client, "pveam download local debian-12-standard_12.12-1_amd64.tar.zst", nil); exit != 0 {
					t.Fatal(errOut)
				}
				for _, r := range all {
					if imageRow(r.Name, driver) == "" {
						t.Run(r.Name, func(t *testing.T) { replay(t, s, client, r) })
					}
				}
			})
		}
	}
}

func readRecordings(t *testing.T, file string) []recording {
	t.Helper()
	b, err := os.ReadFile(file)
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
	return all.Node
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
	net := map[string]string{"8.4": "ip=10.77.0.50/24,gw=10.77.0.1,hwaddr=BC:24:11:BA:A7:20", "9.2": "ip=10.79.0.50/24,gw=10.79.0.1,hwaddr=BC:24:11:0D:B1:92"}
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
		"cores": "1", "cpulimit": "0.5", "rootfs": "local-lvm:4", "net0": "name=eth0,bridge=vmbr0," + net[s.Endpoint().PVE],
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
	clock    = regexp.MustCompile(`\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d\b`)
	seconds  = regexp.MustCompile(`(?m)^\d+\.\d\d$`)
	links    = regexp.MustCompile(`(?m)^(drwx\S+) +\d+ `)
	rootfs   = regexp.MustCompile(`(?m)^(cur )?rootfs: .*$`)
	bridge   = regexp.MustCompile(`bridge=vmbr\d`)
	running  = regexp.MustCompile(`running kernel: [^)]+`)
	client   = regexp.MustCompile(`(?m)^(SSH_CLIENT|SSH_CONNECTION)=.*$`)
	keyFile  = regexp.MustCompile(`ssh_host_\w+_key`)
	hostKey  = regexp.MustCompile(`SHA256:\S+`)
	fsUUID   = regexp.MustCompile(`Filesystem UUID: .*`)
	unpacked = regexp.MustCompile(`Total bytes read: .*`)
	line     = regexp.MustCompile(`(lxc_attach_run_command: )\d+`)
	files    = regexp.MustCompile(`(?m)^\d+\n0022$`)
)

// alike takes out what no two runs have in common: times, keys, addresses, the kernel of
// the machine that the recording was made on, and the storage and bridge that it had.
func alike(s string) string {
	s = clock.ReplaceAllString(s, "TIME")
	s = seconds.ReplaceAllString(s, "SECONDS")
	s = links.ReplaceAllString(s, "$1 N ")
	s = bridge.ReplaceAllString(s, "bridge=…")
	s = running.ReplaceAllString(s, "running kernel: …")
	s = client.ReplaceAllString(s, "$1=…")
	s = keyFile.ReplaceAllString(s, "ssh_host_…_key") // Proxmox makes them in any order
	s = hostKey.ReplaceAllString(s, "SHA256:…")
	s = unpacked.ReplaceAllString(s, "Total bytes read: …")
	s = line.ReplaceAllString(s, "${1}LINE")
	s = fsUUID.ReplaceAllString(s, "Filesystem UUID: …")
	return rootfs.ReplaceAllString(s, "${1}rootfs: …")
}

// before repeats what happened between two recordings without being recorded.
func before(t *testing.T, s *Sandbox, c *ssh.Client, name string) {
	t.Helper()
	var commands string
	switch name {
	case "exec-not-running", "push-not-running":
		commands = "pct stop 100"
	case "config-pending":
		commands = "pct start 100"
	case "create-unprivileged-left-out":
		// The recorded node's storage local took root file systems, and 0 GiB were a folder.
		commands = "pct destroy 100 --force; pvesm set local --content vztmpl,rootdir"
	case "start-running":
		if !s.Node().Running(100) {
			commands = "pct start 100"
		}
	}
	if commands == "" {
		return
	}
	if _, errOut, exit := remote(t, c, commands, nil); exit != 0 {
		t.Fatal(commands, errOut)
	}
}

func replay(t *testing.T, s *Sandbox, c *ssh.Client, r recording) {
	before(t, s, c, r.Name)
	beforeImages(t, s, c, &r)
	var stdin io.Reader
	if r.Stdin != nil {
		stdin = strings.NewReader(*r.Stdin)
	}
	out, errOut, exit := remote(t, c, r.Command, stdin)
	if exit != r.Exit {
		t.Errorf("exit status %d, recorded %d", exit, r.Exit)
	}
	recorded := r.Stdout
	if r.Name == "exec-tty-env" && s.Endpoint().Driver == "lxc" {
		// A real guest has the limit of open files of this machine.
		out, recorded = files.ReplaceAllString(out, "FILES"), files.ReplaceAllString(recorded, "FILES")
	}
	if alike(out) != alike(recorded) {
		t.Errorf("stdout:\n%s\nrecorded:\n%s", out, r.Stdout)
	}
	if alike(errOut) != alike(r.Stderr) {
		t.Errorf("stderr:\n%s\nrecorded:\n%s", errOut, r.Stderr)
	}
}
