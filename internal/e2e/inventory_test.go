//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/needs"
)

// TestAnsible: Ansible reads the inventory, logs in with what it has, and leaves the text
// of a guest unread. ssh gets in by the same options.
func TestAnsible(t *testing.T) {
	t.Parallel()
	lists := needs.Program(t, "ansible-inventory", "ansible-core")
	ansible := needs.Program(t, "ansible", "ansible-core")
	u := newUser(t)
	name := "for-ansible"
	u.create(name, "--template", "hello", "--tag", "blue.green")
	script := filepath.Join(u.state, "containers")
	text := "#!/bin/sh\nexec " + guest.Quote(binary()) + " inventory \"$@\"\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) string {
		cmd := u.command()
		cmd.Path, cmd.Args = program, append([]string{program, "-i", script}, args...)
		cmd.Env = append(cmd.Env, "LANG=C.UTF-8", "ANSIBLE_LOCALHOST_WARNING=False")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", program, args, err, out)
		}
		return string(out)
	}
	graph := run(lists, "--graph")
	for _, group := range []string{"@template_hello:", "@tag_blue_green:", "@status_ready:", "--" + name} {
		if !strings.Contains(graph, group) {
			t.Errorf("%s is missing:\n%s", group, graph)
		}
	}
	var vars map[string]any
	if err := json.Unmarshal([]byte(run(lists, "--host", name)), &vars); err != nil || vars["ansible_user"] != "root" {
		t.Errorf("%v: %v", vars, err)
	}
	if got := run(ansible, name, "-m", "raw", "-a", "hostname"); !strings.Contains(got, name) {
		t.Errorf("hostname says %q", got)
	}
	cmd := u.run("ssh-config", name)
	config := filepath.Join(u.state, "hosts")
	if err := os.WriteFile(config, []byte(cmd.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	ssh := u.command()
	ssh.Path, ssh.Args = needs.Program(t, "ssh", "openssh-client"), []string{"ssh", "-F", config, "-o", "BatchMode=yes", name, "hostname"}
	if out, err := ssh.Output(); err != nil || strings.TrimSpace(string(out)) != name {
		t.Errorf("ssh: %q %v", out, err)
	}
}
