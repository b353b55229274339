package cli_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// onNode is `on-node LINE`: it runs LINE in a shell of the node that serve started, as if
// its admin pasted it. The output is in the files node.out and node.err. With ! it must
// fail.
func onNode(ts *testscript.TestScript, neg bool, args []string) {
	out, said, status := runOnNode(ts, strings.Join(args, " "))
	ts.Logf("%s%s", out, said)
	ts.Check(os.WriteFile(ts.MkAbs("node.out"), []byte(out), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("node.err"), []byte(said), 0o600))
	if (status != 0) != neg {
		ts.Fatalf("exit status %d", status)
	}
}

func runOnNode(ts *testscript.TestScript, line string) (out, said string, status int) {
	key, err := os.ReadFile(ts.Getenv("EXPORT_SSH_IDENTITY"))
	ts.Check(err)
	signer, err := ssh.ParsePrivateKey(key)
	ts.Check(err)
	user, addr, _ := strings.Cut(cmp.Or(ts.Getenv("EXPORT_SSH_FIRST"), ts.Getenv("EXPORT_SSH_NODE")), "@")
	client, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: deadline,
	})
	ts.Check(err)
	defer client.Close()
	s, err := client.NewSession()
	ts.Check(err)
	var stdout, stderr bytes.Buffer
	s.Stdout, s.Stderr = &stdout, &stderr
	err = s.Run(line)
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return stdout.String(), stderr.String(), exit.ExitStatus()
	}
	ts.Check(err)
	return stdout.String(), stderr.String(), 0
}

// newToken is `token USER`: it makes a new user without any privilege, whose token the
// session uses from then on. The role of the hints is empty again.
func newToken(ts *testscript.TestScript, neg bool, args []string) {
	out, said, status := runOnNode(ts, "pveum role modify infrahaus --privs '' 2>/dev/null; pveum user add "+args[0]+
		" && pveum user token add "+args[0]+" ci --privsep 1 --output-format json")
	var made struct {
		ID    string `json:"full-tokenid"`
		Value string `json:"value"`
	}
	if status != 0 || json.Unmarshal([]byte(out), &made) != nil {
		ts.Fatalf("%s%s", out, said)
	}
	ts.Setenv("INFRAHAUS_TOKEN", made.ID+"="+made.Value)
}

// follow is `follow PRIVILEGES`: it pastes the commands for the node from the last
// command's hints, in their order, and checks that they grant these privileges and no
// others.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	asked := ""
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		hint, ok := strings.CutPrefix(strings.TrimSpace(line), "hint: ")
		hint = strings.TrimPrefix(hint, "on the node: ")
		if !ok || !strings.HasPrefix(hint, "pveum ") {
			continue
		}
		if _, privs, ok := strings.Cut(hint, "--privs "); ok {
			asked = privs
		}
		out, said, status := runOnNode(ts, hint)
		ts.Logf("%s\n%s%s", hint, out, said)
		if status != 0 {
			ts.Fatalf("exit status %d", status)
		}
	}
	if asked != args[0] {
		ts.Fatalf("asked for %s, not %s", asked, args[0])
	}
}
