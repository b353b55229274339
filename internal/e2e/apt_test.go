//go:build e2e

package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The packages that tests install: one of Debian's on which nothing depends, and one that
// the template carries, so that no index of Debian's must be read.
const (
	fromDebian = "figlet"
	fromFolder = "tiny"
)

// repository makes a folder of packages, with tiny in it, below a template's files, and
// returns the lines for template.yaml.
func repository(t *testing.T, dir string) (files string) {
	t.Helper()
	root := t.TempDir()
	writeFiles(t, root, map[string]string{
		"DEBIAN/control": "Package: tiny\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: for tests\n",
		"usr/bin/tiny":   "#!/bin/sh\necho tiny\n",
	})
	deb := filepath.Join(dir, "files/tiny.deb")
	if err := os.MkdirAll(filepath.Dir(deb), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(root, 0o755), os.Chmod(filepath.Join(root, "usr/bin/tiny"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", root, deb).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	b, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	writeFiles(t, dir, map[string]string{
		"files/Packages": fmt.Sprintf("Package: tiny\nVersion: 1.0\nArchitecture: all\nFilename: ./tiny.deb\nSize: %d\nSHA256: %x\n", len(b), sha256.Sum256(b)),
		"files/sources":  "deb [trusted=yes] file:/opt/packages ./\n",
	})
	return `  - {source: tiny.deb, target: /opt/packages/tiny.deb}
  - {source: Packages, target: /opt/packages/Packages}
  - {source: sources, target: /etc/apt/sources.list}
`
}

// held is a template whose package is unpacked but not configured until
// /root/go-on-packages exists: dpkg itself waits for it. /root/holding appears when it
// waits.
func held(t *testing.T, name string, scripts map[string]string) string {
	yaml := `name: held
os: debian-12
packages: {apt: [` + name + `]}
files:
  - {source: hold, target: /usr/local/sbin/hold, mode: "0755"}
  - {source: hold.cfg, target: /etc/dpkg/dpkg.cfg.d/hold}
`
	dir := writeTemplate(t, yaml, scripts)
	writeFiles(t, dir, map[string]string{
		"files/hold": `#!/bin/sh
[ "$DPKG_HOOK_ACTION" = configure ] || exit 0
touch /root/holding
while [ ! -e /root/go-on-packages ]; do sleep 0.1; done
`,
		"files/hold.cfg": "pre-invoke=/usr/local/sbin/hold\n",
	})
	if name == fromFolder {
		writeFiles(t, dir, map[string]string{"template.yaml": yaml + repository(t, dir)})
	}
	return dir
}

// installed checks that a package is there and that dpkg is in order.
func (u *user) installed(ctid int, name string) {
	u.t.Helper()
	if got := u.node.in(u.t, ctid, "dpkg --audit; dpkg-query -W -f '${Status}' "+name); got != "install ok installed" {
		u.t.Errorf("dpkg says %q", got)
	}
}
