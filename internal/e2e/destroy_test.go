//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
)

// TestDestroy: a container that is protected, not ours or not confirmed stays; a running
// one of ours is destroyed.
func TestDestroy(t *testing.T) {
	t.Parallel()
	owner, stranger := newUser(t), newUser(t, "INFRAHAUS_SSH_TRANSPORT=node") // whose key the guest does not know
	end := owner.create("guarded", "--template", plainTemplate(t))
	ctid := fmt.Sprint(end.CTID)
	refused := func(u *user, status int, word string, args ...string) {
		t.Helper()
		r := u.try(append([]string{"destroy"}, args...)...)
		if r.status != status || !strings.Contains(r.stderr, word) {
			t.Errorf("destroy %v: exit status %d, not %d with %q\n%s", args, r.status, status, word, r.stderr)
		}
		if out, err := onNode(t, "pct status "+ctid); err != nil || out != "status: running\n" {
			t.Fatalf("after destroy %v: %q, %v", args, out, err)
		}
	}
	set := func(protection int) {
		t.Helper()
		if out, err := onNode(t, fmt.Sprintf("pct set %s --protection %d", ctid, protection)); err != nil {
			t.Fatal(err, out)
		}
	}
	refused(owner, 2, "--yes", "guarded") // no terminal to ask on
	refused(stranger, 1, ctid, ctid, "--yes")
	stranger.run("discover", ctid, "--json")
	refused(stranger, 2, "--foreign", ctid, "--yes")
	set(1)
	refused(owner, 3, "protection", "guarded", "--yes")
	refused(stranger, 3, "protection", ctid, "--yes", "--foreign")
	set(0)
	stranger.run("destroy", ctid, "--yes", "--foreign")
	owner.removed("guarded", end.CTID)
	owner.run("destroy", "guarded", "--yes") // it is gone already, which is no error
	if s := owner.show("guarded"); s.Status != "destroyed" {
		t.Errorf("the record says %q", s.Status)
	}
}

// TestLifecycle: stop, start and restart work, and destroy takes a running container.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	end := u.create("cycled", "--template", plainTemplate(t))
	for _, tt := range []struct{ verb, status string }{{"stop", "stopped"}, {"start", "running"}, {"restart", "running"}} {
		u.run(tt.verb, "cycled")
		if out, err := onNode(t, fmt.Sprintf("pct status %d", end.CTID)); err != nil || out != "status: "+tt.status+"\n" {
			t.Errorf("after %s: %q, %v", tt.verb, out, err)
		}
	}
	u.run("destroy", "cycled", "--yes")
	u.removed("cycled", end.CTID)
	if again := u.try("destroy", "cycled", "--yes"); again.status != 0 {
		t.Errorf("gone already: exit status %d\n%s", again.status, again.stderr)
	}
}

// TestFourAtOnce: four processes with one state directory create containers at the same
// time without disturbing each other.
func TestFourAtOnce(t *testing.T) {
	u := newUser(t)
	template := plainTemplate(t)
	var runs [4]result
	var wg sync.WaitGroup
	for i := range runs {
		name := fmt.Sprintf("four-%d", i)
		u.destroyLater(name)
		wg.Go(func() { runs[i] = u.try("create", name, "--template", template, "--json") })
	}
	wg.Wait()
	ids := map[int]bool{}
	for i, r := range runs {
		if r.status != 0 {
			t.Errorf("create %d: exit status %d\n%s%s", i, r.status, lastLines(r.stdout, 3), r.stderr)
			continue
		}
		events := decode(t, r.stdout)
		end := events[len(events)-1]
		ids[end.CTID] = true
		if got := output(events, "10-hello.sh", event.Stdout); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("create %d: its script printed %q", i, got)
		}
	}
	var list []struct {
		CTID   int
		Status string
	}
	if err := json.Unmarshal([]byte(u.run("list", "--json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 4 || len(list) != 4 {
		t.Errorf("%d ids, %d records, not four", len(ids), len(list))
	}
	for _, c := range list {
		if !ids[c.CTID] || c.Status != "ready" {
			t.Errorf("on record: %+v", c)
		}
	}
}
