//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplateUpdate runs the update of a template in a real guest: what the check finds is
// installed after a snapshot, and an update whose service does not answer is put back.
func TestTemplateUpdate(t *testing.T) { updateTemplate(t, newUser(t), "Going back to the snapshot") }

// TestTemplateUpdateBackup is the same where no storage can make a snapshot: vzdump packs the
// real guest, and the container is made again from that.
func TestTemplateUpdateBackup(t *testing.T) {
	n := newNode(t)
	n.fault(t, "no-snapshots")
	updateTemplate(t, n.by(t, "node"), "Making the container again from local:backup/vzdump-lxc-")
}

func updateTemplate(t *testing.T, u *user, back string) {
	dir := filepath.Join(t.TempDir(), "page")
	for name, text := range map[string]string{
		"template.yaml": `name: page
os: debian-12
update: {check: check-update.sh, run: update.sh, timeout: 2m}
files:
  - content: |
      [Service]
      ExecStart=/bin/sh /srv/page.sh
    target: /etc/systemd/system/page.service
services: [{name: page, command: "grep -q ok /run/page", timeout: 5s}]
`,
		"scripts/10-page.sh":      "#!/bin/sh\nset -eu\necho 1 >/srv/version\necho 1 >/srv/newest\necho 'echo ok >/run/page; exec sleep infinity' >/srv/page.sh\nsystemctl daemon-reload\nsystemctl start page\n",
		"scripts/check-update.sh": "#!/bin/sh\nset -eu\nnew=$(cat /srv/newest)\nold=$(cat /srv/version)\n[ \"$new\" != \"$old\" ] || exit 10\necho \"$old to $new\"\n",
		"scripts/update.sh":       "#!/bin/sh\nset -eu\ncat /srv/newest >/srv/version\nif grep -q broken /srv/newest; then echo 'rm -f /run/page; exec sleep infinity' >/srv/page.sh; fi\nsystemctl restart page\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	u.create("page", "--template", dir)
	has := func(want string) {
		t.Helper()
		if got := strings.TrimSpace(u.run("exec", "page", "--", "cat", "/srv/version").stdout); got != want {
			t.Errorf("version %s, want %s", got, want)
		}
	}
	if r := u.run("update", "page"); !strings.Contains(r.stderr, "Nothing to update") {
		t.Errorf("it says %s", r.stderr)
	}
	u.run("exec", "page", "--", "sh", "-c", "echo 2 >/srv/newest")
	if r := u.run("update", "page"); !strings.Contains(r.stderr, "Updated page: 1 to 2") {
		t.Errorf("it says %s", r.stderr)
	}
	has("2")
	u.run("exec", "page", "--", "sh", "-c", "echo broken >/srv/newest")
	if r := u.try("update", "page"); r.status != 5 || !strings.Contains(r.stderr, "the container was put back as it was") || !strings.Contains(r.stderr, back) {
		t.Errorf("exit status %d: %s", r.status, r.stderr)
	}
	has("2")
	if r := u.run("list", "--columns", "name,status"); !strings.Contains(r.stdout, "page\tready") {
		t.Errorf("it is %s", r.stdout)
	}
}
