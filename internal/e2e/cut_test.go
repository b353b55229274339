//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLinkCutShipping: the link to the node, or to the console, is cut while files are
// shipped. create reports that it cannot get there, and resume ships all files.
func TestLinkCutShipping(t *testing.T) {
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		w := sshWire(t)
		cutShipping(node.by(t, "node", w.env...), w, 8<<20) // more than any buffer between here and the guest
	})
	t.Run("api", func(t *testing.T) {
		t.Parallel()
		w := apiWire(t)
		cutShipping(node.by(t, "api", w.env...), w, 2<<20)
	})
}

func cutShipping(u *user, w *wire, size int) {
	t := u.t
	big := make([]byte, size)
	rand.Read(big)
	sum := sha256.Sum256(big)
	dir := writeTemplate(t, "name: cutship\nos: debian-12\nfiles:\n  - {source: big, target: /opt/big}\n", map[string]string{"10-after.sh": "echo begun >>/root/effects\n"})
	writeFiles(t, dir, map[string]string{"files/big": string(big)})
	u.destroyLater("cutship")
	w.cutAfter(int64(size) / 2)
	run := u.start("create", "cutship", "--template", dir, "--json")
	last := u.failed("cutship", run.wait(), 4)
	if !strings.Contains(last.Message, "link") || !strings.Contains(last.Hint, "infrahaus resume cutship") {
		t.Errorf("it says %q, and %q", last.Message, last.Hint)
	}
	u.ready("cutship", u.resumed("cutship"))
	if got := inGuest(t, last.CTID, "sha256sum </opt/big"); !strings.HasPrefix(got, hex.EncodeToString(sum[:])) {
		t.Errorf("what was shipped is not what arrived: %s", got)
	}
	if got := u.effects(last.CTID); got != "begun" {
		t.Errorf("the scripts have left %q", got)
	}
	if got := inGuest(t, last.CTID, "ls -d /var/lib/config-manager/staged* 2>/dev/null || echo none"); got != "none\n" {
		t.Errorf("what was half shipped is left: %s", got)
	}
}

// TestLinkCutDiscovering: the link is cut while discovery waits for a declared service.
// Nothing runs again; the same run looks once more over a new link.
func TestLinkCutDiscovering(t *testing.T) {
	byTransport(t, func(u *user, transport string) {
		name := "cutprobe-" + transport
		cut := func(ctid int) {
			time.Sleep(time.Second) // the probe has begun to wait, or is about to
			cutGuest(u.t, ctid)
		}
		if transport != "guest" {
			w := map[string]func(*testing.T) *wire{"node": sshWire, "api": apiWire}[transport](u.t)
			u.env = append(u.env, w.env...)
			cut = func(int) { quiet(u.t, w); w.cut() }
		}
		// It listens once /root/go-on is there.
		dir := writeTemplate(u.t, "name: cutprobe\nos: debian-12\nservices:\n  - {name: late, port: 8080, timeout: 120s}\n", map[string]string{"10-late.sh": `
echo begun >>/root/effects
systemd-run -q --unit late sh -c 'until [ -e /root/go-on ]; do sleep 0.1; done; exec /usr/sbin/sshd -D -p 8080'
`})
		u.destroyLater(name)
		run := u.start("create", name, "--template", dir, "--json")
		ctid := run.untilMessage("Discovering services").CTID
		cut(ctid)
		run.untilMessage("the link to the container dropped")
		u.touch(ctid, "/root/go-on")
		events := u.ready(name, run)
		late := serviceNamed(u.t, events[len(events)-1].Services, "late")
		if fmt.Sprint(late.Status) != "running" || u.effects(ctid) != "begun" {
			u.t.Errorf("service %+v; the scripts have left %q", late, u.effects(ctid))
		}
	})
}

// quiet waits until nothing more is sent to the node, because a command waits for its
// answer.
func quiet(t *testing.T, w *wire) {
	last := w.carried()
	eventually(t, "the line is quiet", func() bool {
		time.Sleep(300 * time.Millisecond)
		now := w.carried()
		defer func() { last = now }()
		return now == last
	})
}
