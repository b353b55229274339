//go:build e2e

// Package clients runs clients of other people against a served sandbox: what they need, and
// how they read its answers.
package clients

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/infrahaus/infrahaus/internal/needs"
)

// serve holds a sandbox open for one test and returns its exports.
func serve(t *testing.T, args ...string) map[string]string {
	t.Helper()
	binary, err := filepath.Abs("../../../bin/infrahaus")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(binary, append([]string{"sandbox", "serve", "--auth-delay=10ms"}, args...)...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	exports := map[string]string{"HOME": home}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		k, v, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		exports[k] = strings.Trim(v, `'"`)
		if k == "INFRAHAUS_TOKEN" {
			return exports
		}
	}
	t.Fatal("the sandbox ended before it was ready")
	return nil
}

// nodeClient is the client of https://github.com/Corsinvest/cv4pve-api-javascript.
const nodeClient = "@corsinvest/cv4pve-api-javascript@9.2.0"

// modules is the version of Ansible's collection that Debian 12 has.
const modules = "6.6.2"

// TestNode: list, create with tags, clone, start, address, update, resize, snapshot, delete.
func TestNode(t *testing.T) {
	npm, node := needs.Program(t, "npm", "npm"), needs.Program(t, "node", "nodejs")
	dir := t.TempDir()
	script, err := os.ReadFile("testdata/client.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "client.js"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.Command(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", nodeClient)
	install.Dir = dir
	install.Env = append(os.Environ(), "HOME="+dir)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install %s: %v\n%s", nodeClient, err, out)
	}
	t.Log("client: " + nodeClient)
	for _, version := range []string{"8.4", "9.2"} {
		t.Run(version, func(t *testing.T) {
			at := serve(t, "--pve", version, "--subnet", "10.44.0.0/24")
			u, err := url.Parse(at["INFRAHAUS_URL"])
			if err != nil {
				t.Fatal(err)
			}
			run := exec.Command(node, "client.js")
			run.Dir = dir
			run.Env = []string{"HOME=" + dir, "HOST=" + u.Hostname(), "PORT=" + u.Port(), "TOKEN=" + at["INFRAHAUS_TOKEN"],
				"PASSWORD=" + password(t, at["HOME"]), "RELEASE=" + version}
			out, err := run.CombinedOutput()
			if err != nil {
				t.Fatalf("client.js: %v\n%s", err, out)
			}
			if !strings.Contains(string(out), "address 10.44.0.") {
				t.Errorf("client.js:\n%s", out)
			}
		})
	}
}

// password is that of the sandbox's root, which it keeps for processes that connect to it.
func password(t *testing.T, home string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(home, ".local/state/infrahaus/sandbox/endpoint.json"))
	var e struct{ Password string }
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.Password
}

// TestAnsible: what a playbook does with the proxmox modules of Debian's ansible.
func TestAnsible(t *testing.T) {
	ansible := needs.Program(t, "ansible-playbook", "ansible")
	list := exec.Command(needs.Program(t, "ansible-galaxy", "ansible"), "collection", "list", "community.general")
	list.Env = append(os.Environ(), "HOME="+t.TempDir(), "LANG=C.UTF-8")
	out, err := list.Output()
	if err != nil || !strings.Contains(string(out), modules) {
		t.Errorf("this test was written for community.general %s: %v\n%s", modules, err, out)
	}
	t.Log("modules: community.general " + modules)
	for _, version := range []string{"8.4", "9.2"} {
		t.Run(version, func(t *testing.T) {
			at := serve(t, "--pve", version, "--subnet", "10.44.0.0/24")
			u, err := url.Parse(at["INFRAHAUS_URL"])
			if err != nil {
				t.Fatal(err)
			}
			id, secret, _ := strings.Cut(at["INFRAHAUS_TOKEN"], "=")
			user, name, _ := strings.Cut(id, "!")
			run := exec.Command(ansible, "-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3", "testdata/ansible.yml")
			run.Env = append(os.Environ(), "HOME="+t.TempDir(), "LANG=C.UTF-8", "HOST="+u.Host, "TOKEN_USER="+user, "TOKEN_NAME="+name, "TOKEN_SECRET="+secret)
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("ansible-playbook: %v\n%s", err, out)
			}
		})
	}
}
