//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
)

const openRCTemplate = `name: ash
os: alpine
resources: {cores: 1, memory: 128, disk: 1}
variables:
  title: {default: Hello}
  password: {secret: true, generate: password}
files:
  - {content: "<h1>${title}</h1>\n", target: /srv/web/index.html, template: true}
  - content: |
      #!/sbin/openrc-run
      command=/bin/busybox
      command_args="httpd -f -p 8080 -h /srv/web"
      command_background=yes
      pidfile=/run/web.pid
    target: /etc/init.d/web
    mode: '0755'
    notify: web
services: [{name: web, port: 8080, http: /}]
`

// TestOpenRC goes through all phases in a guest without systemd, bash, coreutils and a
// package manager, by each transport: files, a script of ash, a service of OpenRC with its
// check, a variable and a credential. The service is back after a restart, and a changed
// variable reaches it.
func TestOpenRC(t *testing.T) {
	for _, transport := range []string{"guest", "node", "api"} {
		for _, kind := range []string{"unprivileged", "privileged"} {
			if kind == "privileged" && transport != "node" {
				continue
			}
			t.Run(transport+"/"+kind, func(t *testing.T) {
				t.Parallel()
				u := node.by(t, transport)
				dir := writeTemplate(t, openRCTemplate, map[string]string{"10-web.sh": "#!/bin/ash\nset -eu\nlog_info \"serving $title\"\n" +
					"save_credential web PASSWORD \"$password\"\nrc-update add web default\nrc-service web start\n"})
				name := fmt.Sprintf("ash-%s-%s", transport, kind)
				end := u.create(name, "--template", dir, "--"+kind)
				if end.Type != event.Complete || *end.ExitStatus != 0 {
					t.Fatalf("the last event is %+v", end)
				}
				shows(t, end.Address, "Hello")
				if s := serviceNamed(t, end.Services, "web"); len(s.Ports) != 1 || s.Ports[0].Port != 8080 || s.Status != "running" {
					t.Errorf("the service is %+v", s)
				}
				out := u.run("exec", name, "--", "sh", "-c", "command -v bash systemctl nohup chpasswd apk; readlink /proc/1/exe; rc-service web status").stdout
				if !strings.HasPrefix(out, "/bin/busybox\n") || !strings.Contains(out, "started") {
					t.Errorf("it has %s", out)
				}
				if out := u.run("credentials", name, "web", "--reveal").stdout; !strings.Contains(out, "PASSWORD") {
					t.Errorf("credentials: %s", out)
				}
				u.run("sync", name, "--plan", "--exit-code")
				u.run("sync", name, "--set", "title=Changed")
				shows(t, end.Address, "Changed")
				u.run("stop", name)
				u.run("start", name)
				if out := u.run("discover", name).stdout; !strings.Contains(out, "web") || !strings.Contains(out, "8080") {
					t.Errorf("after a restart: %s", out)
				}
				u.run("destroy", name, "--yes")
			})
		}
	}
}

// shows waits until the guest's page has a text.
func shows(t *testing.T, address, text string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	eventually(t, "the page of "+address+" has "+text, func() bool {
		r, err := client.Get("http://" + address + ":8080/")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return err == nil && strings.Contains(string(b), "<h1>"+text+"</h1>")
	})
}
