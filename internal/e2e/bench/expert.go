package main

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed expert.sh
var expertScript string

// nodeLogin writes the ssh configuration of the expert, who works at the node: one kept
// connection, so that a command there needs no new one.
func (b *bench) nodeLogin() error {
	e := b.sandbox.Endpoint()
	user, rest, _ := strings.Cut(e.SSHNode, "@")
	host, port, _ := strings.Cut(rest, ":")
	conf := fmt.Sprintf("Host pve\n  HostName %s\n  Port %s\n  User %s\n  IdentityFile %s\n  UserKnownHostsFile %s\n"+
		"  ControlMaster auto\n  ControlPath %s/cm\n  ControlPersist 600\n  LogLevel ERROR\n",
		host, port, user, e.SSHIdentity, e.SSHKnownHosts, b.dir)
	if err := os.WriteFile(filepath.Join(b.dir, "ssh_config"), []byte(conf), 0o600); err != nil {
		return err
	}
	key := filepath.Join(b.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-keygen: %w\n%s", err, out)
	}
	return os.WriteFile(filepath.Join(b.dir, "expert.sh"), []byte(expertScript), 0o700)
}

// expert does the reference job as an expert's script does: in one batch, without any
// record. How is ssh or pct; packages, separated by blanks, are installed first.
func (b *bench) expert(ctx context.Context, how, packages string) (time.Duration, error) {
	address, gateway, err := b.address(ctx)
	if err != nil {
		return 0, err
	}
	var next struct{ Data string }
	if err := b.api(ctx, "/cluster/nextid", &next); err != nil {
		return 0, err
	}
	job, err := filepath.Abs("testdata/templates/reference-job")
	if err != nil {
		return 0, err
	}
	run := func(verb string) error {
		cmd := exec.CommandContext(ctx, "bash", filepath.Join(b.dir, "expert.sh"), verb)
		cmd.Env = append(os.Environ(), "DIR="+b.dir, "JOB="+job, "CTID="+next.Data, "IP="+address, "GW="+gateway, "PACKAGES="+packages)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("the expert's %s: %w\n%s", verb, err, out.String())
		}
		return nil
	}
	if err := run("prepare"); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := run(how); err != nil {
		return 0, err
	}
	wall := time.Since(begin)
	return wall, run("destroy")
}

// api asks the sandbox's API directly.
func (b *bench) api(ctx context.Context, path string, into any) error {
	e := b.sandbox.Endpoint()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/api2/json"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "PVEAPIToken="+e.Token)
	// The sandbox is in this process, so it cannot be mistaken for another.
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}
