package virtual_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/discover"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

// TestOpenRCService: the pidfile of a service in the background has the service's own pid, so
// that discovery finds the service behind its port, after a restart of the guest as before.
func TestOpenRCService(t *testing.T) {
	g := start(t, virtual.Options{}, "alpine-3.22")
	g.sh(t, `printf '#!/bin/sh\nwhile :; do sleep 1; done\n' >/usr/local/bin/web; chmod 755 /usr/local/bin/web
printf '#!/sbin/openrc-run\ncommand=/usr/local/bin/web\ncommand_background=yes\npidfile=/run/web.pid\n' >/etc/init.d/web; chmod 755 /etc/init.d/web
rc-update add web default && rc-service web start`)
	look := func(when string) {
		t.Helper()
		out := g.sh(t, `pid=$(cat /run/web.pid); kill -0 "$pid" && tr '\0' ' ' </proc/$pid/cmdline; echo; rc-service web status; rc-status`)
		for _, want := range []string{"/usr/local/bin/web", "status: started", "[  started  ]"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in %s", when, want, out)
			}
		}
		r, err := discover.Parse([]byte(g.sh(t, discover.Script(discover.Options{Declared: []discover.Declared{{Name: "web"}}, Look: true}))))
		if err != nil {
			t.Fatal(err)
		}
		if s := r.Services(g.ip, []discover.Declared{{Name: "web"}})[0]; s.Status != "running" {
			t.Errorf("%s: %+v", when, s)
		}
	}
	look("started")
	if err := g.d.Stop(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	g.start(t)
	g.sh(t, `until [ "$(cat /run/openrc/softlevel)" = default ]; do sleep 0.01; done`)
	look("after a restart")
	if out := g.sh(t, `rc-service web stop; rc-service web status; [ -e /run/web.pid ] || echo gone`); !strings.Contains(out, "status: stopped") || !strings.Contains(out, "gone") {
		t.Error(out)
	}
	out := g.sh(t, `printf '#!/sbin/openrc-run\ncommand=/usr/local/bin/web\ncommand_background=yes\n' >/etc/init.d/bare; chmod 755 /etc/init.d/bare; rc-service bare start || echo refused`)
	if !strings.Contains(out, "command_background option used but no pidfile specified") || !strings.Contains(out, "refused") {
		t.Error(out)
	}
}
