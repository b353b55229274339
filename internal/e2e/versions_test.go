//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestVersions: create, sync, exec and destroy by each transport on Proxmox VE 8.4. The
// other tests have the default, 9.2, where TestNginx is the same.
func TestVersions(t *testing.T) {
	eight := newNode(t, "--pve", "8.4")
	for version, n := range map[string]*served{"8.4": eight, "9.2": node} {
		for _, transport := range []string{"guest", "node", "api"} {
			t.Run(version+"/"+transport, func(t *testing.T) {
				u := n.by(t, transport)
				if out := u.try("doctor").stdout; !strings.Contains(out, "version\t"+version) {
					t.Errorf("doctor says %s", out)
				}
				name := "on-" + strings.ReplaceAll(version, ".", "-") + "-" + transport
				end := u.create(name, "--template", "hello")
				if end.Type != event.Complete || *end.ExitStatus != 0 {
					t.Fatalf("the last event is %+v", end)
				}
				if got := strings.TrimSpace(u.run("exec", name, "--", "hostname").stdout); got != name {
					t.Errorf("the guest is called %q", got)
				}
				u.run("sync", name)
				u.run("sync", name, "--plan", "--exit-code")
				u.run("destroy", name, "--yes")
			})
		}
	}
}
