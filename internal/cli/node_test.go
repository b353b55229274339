package cli_test

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
)

// onNode is `on-node LINE` for a shell of the node that serve holds open, as its admin
// would paste it. What it prints is in the files node.out and node.err. With ! it must
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
	user, addr, _ := strings.Cut(ts.Getenv("EXPORT_SSH_NODE"), "@")
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
