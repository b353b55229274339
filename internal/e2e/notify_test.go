//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const notifyYAML = `name: notify
os: debian-12
packages: {apt: [nginx-light]}
variables:
  answer: {default: first}
files:
  - {source: answer.conf, target: /etc/nginx/conf.d/answer.conf, template: true, notify: nginx, check: nginx -t}
  - {source: other.conf, target: /etc/nginx/conf.d/other.conf, notify: nginx}
services:
  - {name: nginx, port: 8080, enabled: true}
`

// TestNotify changes what a real nginx answers: with another default of a variable it
// answers with the new text after a sync, and with the old one if nginx -t refuses the file.
func TestNotify(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	// The default site listens on IPv6, too, which the guest may not have.
	dir := writeTemplate(t, notifyYAML, map[string]string{"10-site.sh": "rm -f /etc/nginx/sites-enabled/default\n"})
	conf := "server {\n\tlisten 8080;\n\tdefault_type text/plain;\n\treturn 200 '${answer}';\n}\n"
	write := func(name, text string) { writeFiles(t, dir, map[string]string{name: text}) }
	write("files/answer.conf", conf)
	write("files/other.conf", "# one\n")
	end := u.create("notify", "--template", dir)
	answers := func(want string) {
		t.Helper()
		got := page(t, "http://"+end.Address+":8080/")
		if got != want {
			t.Errorf("nginx answers %q, not %q", got, want)
		}
	}
	pid := func() string {
		t.Helper()
		return strings.TrimSpace(node.in(t, end.CTID, "systemctl show -p MainPID --value nginx"))
	}
	answers("first")
	was := pid()
	u.mustDrift("notify", "")

	write("template.yaml", strings.Replace(notifyYAML, "first", "second", 1))
	u.mustDrift("notify", "/etc/nginx/conf.d/answer.conf is changed")
	u.run("sync", "notify")
	answers("second")
	if now := pid(); now == was {
		t.Errorf("nginx was not restarted: its process is %s still", now)
	}
	was = pid()

	write("files/answer.conf", strings.Replace(conf, "8080;", "8080", 1))
	write("files/other.conf", "# two\n")
	r := u.try("sync", "notify")
	if r.status != 5 || !strings.Contains(r.stderr, "[emerg]") || !strings.Contains(r.stderr, "a check failed, and its files are as they were before") {
		t.Errorf("exit status %d\n%s", r.status, r.stderr)
	}
	answers("second")
	if now := pid(); now != was {
		t.Errorf("nginx was restarted: its process was %s, is %s", was, now)
	}
	if got := node.in(t, end.CTID, "nginx -t 2>&1 | tail -n 1; cat /etc/nginx/conf.d/other.conf"); !strings.HasSuffix(got, "successful\n# one\n") {
		t.Errorf("%q", got)
	}

	write("files/answer.conf", conf)
	node.in(t, end.CTID, "systemctl disable -q --now nginx")
	u.run("sync", "notify")
	answers("second")
	if got := node.in(t, end.CTID, "systemctl is-enabled nginx; cat /etc/nginx/conf.d/other.conf"); got != "enabled\n# two\n" {
		t.Errorf("%q", got)
	}
	u.mustDrift("notify", "")
}

// page returns what a URL answers. A unit that was just restarted may need a moment.
func page(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for n := 0; ; n++ {
		r, err := client.Get(url)
		if err != nil {
			if n < 20 {
				time.Sleep(250 * time.Millisecond)
				continue
			}
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
}
