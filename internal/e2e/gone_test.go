//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// gone checks that a container is not on the node and is marked destroyed in its record,
// and that its events can still be read.
func (u *user) gone(name string, ctid int) {
	u.t.Helper()
	u.removed(name, ctid)
	if s := u.show(name); s.Status != "destroyed" || s.CTID != ctid {
		u.t.Errorf("the record says %+v", s)
	}
	if r := u.listed(name, "--all", "--check"); r.Status != "destroyed" || len(r.Differs) > 0 {
		u.t.Errorf("list --all --check says %+v", r)
	}
	if events := u.story(name); len(events) < 3 {
		u.t.Errorf("its story is %+v", events)
	}
}

// removed checks that a container is not on the node. Another test may have been given
// its id in the meantime.
func (u *user) removed(name string, ctid int) {
	u.t.Helper()
	if out, err := u.node.on(u.t, fmt.Sprintf("pct config %d", ctid)); err == nil && strings.Contains(out, "hostname: "+name+"\n") {
		u.t.Errorf("it is still there: %s", out)
	}
}

// refuses checks that a command is refused with a status and a word, and that the
// container still runs.
func (u *user) refuses(ctid, status int, word string, args ...string) {
	u.t.Helper()
	r := u.try(args...)
	if r.status != status || !strings.Contains(r.stderr, word) {
		u.t.Errorf("%v: exit status %d, not %d with %q\n%s", args, r.status, status, word, r.stderr)
	}
	if out := u.node.must(u.t, "pct status %d", ctid); out != "status: running\n" {
		u.t.Fatalf("after %v: %q", args, out)
	}
}

// TestDestroyForbidden: a container that another task, high availability or a snapshot
// protects is left alone, and the reason is named.
func TestDestroyForbidden(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	ctid := u.create("forbidden", "--template", plainTemplate(t)).CTID

	node.fault(t, fmt.Sprintf("locked=backup@%d:1", ctid))
	u.refuses(ctid, 3, "locked (backup)", "destroy", "forbidden", "--yes")
	if r := u.listed("forbidden", "--check"); r.Proxmox.Lock != "backup" {
		t.Errorf("list --check says %+v", r)
	}
	node.must(t, "pct unlock %d", ctid)

	node.fault(t, fmt.Sprintf("ha-managed=%d", ctid))
	u.refuses(ctid, 3, "high availability", "destroy", "forbidden", "--yes")
	node.fault(t, "-ha-managed")

	node.must(t, "pct snapshot %d mine", ctid)
	u.refuses(ctid, 3, "mine", "destroy", "forbidden", "--yes")
	u.run("destroy", "forbidden", "--yes", "--snapshots")
	u.gone("forbidden", ctid)
	if logs := u.run("logs", "forbidden"); logs.stdout != "hello\n" {
		t.Errorf("logs: %q, %q", logs.stdout, logs.stderr)
	}
}

// TestDestroyHalfMade: destroy works after a create that was killed while its task ran,
// and after one whose task died with the node and left its lock.
func TestDestroyHalfMade(t *testing.T) {
	t.Parallel()
	n := newNode(t, "--fault", "create-hang:2")
	u := n.newUser(t)
	for _, name := range []string{"hanging", "powerless"} {
		run := u.start("create", name, "--template", plainTemplate(t), "--json")
		ctid := run.untilMessage("is being made from").CTID
		run.kill()
		if name == "powerless" {
			n.kill()
			if err := n.begin(); err != nil {
				t.Fatal(err)
			}
			if out := n.must(t, "pct config %d", ctid); !strings.Contains(out, "lock: create") {
				t.Errorf("the node has left %q", out)
			}
		}
		u.interrupted(name)
		u.run("destroy", name, "--yes")
		u.gone(name, ctid)
	}
}

// TestResumeHalfMade: the rest of a create task that died with the node is removed, and
// the container is created again.
func TestResumeHalfMade(t *testing.T) {
	t.Parallel()
	n := newNode(t, "--fault", "create-hang:1")
	u := n.newUser(t)
	run := u.start("create", "remade", "--template", plainTemplate(t), "--json")
	run.untilMessage("is being made from")
	run.kill()
	n.kill()
	if err := n.begin(); err != nil {
		t.Fatal(err)
	}
	if got := u.planned("remade", "creating"); !strings.HasPrefix(got, "remove the half-made container") {
		t.Errorf("it would %q", got)
	}
	u.ready("remade", u.resumed("remade"))
	if out := n.must(t, "pct list"); strings.Count(out, "remade") != 1 || strings.Count(out, "\n") != 2 {
		t.Errorf("on the node: %s", out)
	}
	u.run("destroy", "remade", "--yes")
}

// TestGivenAway: a container was destroyed on the node, and somebody else's container has
// its id now. No command touches that one.
func TestGivenAway(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	u := n.newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
	ctid := u.create("mine", "--template", plainTemplate(t)).CTID
	n.must(t, "pct stop %d", ctid)
	n.must(t, "pct destroy %d", ctid)
	if r := u.listed("mine", "--check"); r.Proxmox.State != "missing" || len(r.Differs) != 1 {
		t.Errorf("list --check says %+v", r)
	}
	theirs(t, n, ctid, "theirs")
	if r := u.listed("mine", "--check"); r.Proxmox.State != "other" || len(r.Differs) != 1 || !strings.Contains(r.Differs[0], "theirs") {
		t.Errorf("list --check says %+v", r)
	}
	for _, args := range [][]string{{"stop", "mine"}, {"sync", "mine"}, {"sync", "mine", "--plan"}, {"discover", "mine"}, {"resume", "mine", "--from", "syncing"}} {
		u.refuses(ctid, 3, "somebody else", args...)
	}
	for range 2 { // destroying a container that is gone is no error, also when repeated
		u.run("destroy", "mine", "--yes")
	}
	if out := n.must(t, "pct status %d", ctid); !strings.Contains(out, "running") {
		t.Errorf("theirs is %q", out)
	}
	if s := u.show("mine"); s.Status != "destroyed" {
		t.Errorf("the record says %+v", s)
	}
}

// theirs makes and starts a container without the tool, as somebody else would.
func theirs(t *testing.T, n *served, ctid int, name string) {
	t.Helper()
	n.must(t, "pct create %d local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst --hostname %s --net0 name=eth0,bridge=vmbr0,ip=dhcp --rootfs local-lvm:4 --unprivileged 1 --features nesting=1 --description infrahaus:01FORGED", ctid, name)
	n.must(t, "pct start %d", ctid)
}

// TestAdopt: discover takes a container that this tool did not make into the catalogue,
// as adopted.
func TestAdopt(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	u := n.newUser(t, "INFRAHAUS_SSH_TRANSPORT=node")
	theirs(t, n, 4711, "stranger")
	u.run("discover", "4711", "--json")
	r := u.listed("stranger", "--check")
	if r.CTID != 4711 || !r.Adopted || r.Status != "ready" || r.Proxmox.State != "running" || len(r.Differs) > 0 {
		t.Errorf("list --check says %+v", r)
	}
	u.refuses(4711, 2, "adopted", "resume", "stranger", "--from", "syncing")
	u.refuses(4711, 2, "adopted", "sync", "stranger")
	u.refuses(4711, 2, "--foreign", "destroy", "stranger", "--yes")
	u.run("stop", "stranger")
	if r := u.listed("stranger", "--check"); r.Proxmox.State != "stopped" {
		t.Errorf("list --check says %+v", r)
	}
	u.run("destroy", "stranger", "--yes", "--foreign")
	u.gone("stranger", 4711)
}
