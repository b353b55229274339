package pve_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

func TestAwaitShown(t *testing.T) {
	s := newSandbox(t)
	see := func() pve.Seen {
		t.Helper()
		seen, err := s.client.AwaitShown(t.Context(), "pve1", 100, pve.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	if seen := see(); seen.Config != nil || seen.Left != "" {
		t.Errorf("before: %+v", seen)
	}
	_, made, _, err := create(t.Context(), s.client, spec())
	if err != nil || made.CTID != 100 {
		t.Fatal(made, err)
	}
	if seen := see(); seen.Config == nil || seen.Config.MAC != made.MAC || seen.Left != "" {
		t.Errorf("made: %+v", seen)
	}
	s.faults.Add(driver.Fault{Name: driver.FaultAPI500, Value: "^GET .*/config$", Count: 2})
	if seen := see(); seen.Config == nil || seen.Config.MAC != made.MAC {
		t.Errorf("after a failure in passing: %+v", seen)
	}
}

// A create that dies with its node leaves a locked config without an owner. Its task
// shows what happened, and only the node's root can unlock the config.
func TestAwaitShownThatDied(t *testing.T) {
	dir := t.TempDir()
	s := &sandbox{faults: driver.NewFaults(driver.Fault{Name: driver.FaultCreateHang, Count: 1})}
	s.open(t, dir)
	p, err := s.client.Resolve(t.Context(), spec(), pve.Way{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.client.Create(t.Context(), pve.CreateRequest{Spec: spec(), Placement: p, Password: "correct horse"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.server.Close()
	s.node.Close()
	s.open(t, dir)
	seen, err := s.client.AwaitShown(t.Context(), p.Node, made.CTID, pve.Watch{})
	if err != nil || seen.Config == nil || !seen.Config.Blank() || seen.Left != made.UPID || !pve.TaskDied(seen.Exit) {
		t.Fatalf("%+v, %v", seen, err)
	}
	if _, err := s.client.Follow(t.Context(), seen.Left, pve.Watch{}); !pve.IsKind(err, pve.TaskFailed) || !strings.Contains(err.Error(), "died without a result") {
		t.Errorf("its task: %v", err)
	}
	destroy := func() (string, error) {
		return s.client.Destroy(t.Context(), p.Node, made.CTID, pve.DestroyOptions{})
	}
	if _, err := destroy(); !pve.IsKind(err, pve.Refused) || !strings.Contains(err.Error(), "CT is locked (create)") {
		t.Errorf("got %v", err)
	}
	if st, err := s.client.Status(t.Context(), p.Node, made.CTID); err != nil || st.Lock != "create" {
		t.Errorf("status %+v, %v", st, err)
	}
	if err := s.node.Unlock(made.CTID); err != nil {
		t.Fatal(err)
	}
	upid, err := destroy()
	follow(t, s.client, upid, err)
	if seen, err := s.client.AwaitShown(t.Context(), p.Node, made.CTID, pve.Watch{}); err != nil || seen.Config != nil {
		t.Errorf("%+v, %v", seen, err)
	}
}

// LastTask returns the running task of a type, otherwise the newest, or "" if there was
// none.
func TestLastTask(t *testing.T) {
	s, id := made(t)
	last := func(typ string) string {
		t.Helper()
		upid, err := s.client.LastTask(t.Context(), "pve1", id, typ)
		if err != nil {
			t.Fatal(err)
		}
		return upid
	}
	if got := last("vzstart"); got != "" {
		t.Errorf("before any start: %q", got)
	}
	for range 2 {
		upid, err := s.client.Start(t.Context(), "pve1", id)
		follow(t, s.client, upid, err)
		if got := last("vzstart"); got != upid {
			t.Errorf("%q, not %q", got, upid)
		}
		upid, err = s.client.Stop(t.Context(), "pve1", id)
		follow(t, s.client, upid, err)
	}
	// After the node's clock was set back, the running task still counts as the newest.
	s.faults.Jump(-1 << 50)
	s.faults.Add(driver.Fault{Name: driver.FaultCreateHang, Count: 1})
	sp := spec()
	sp.CTID = id + 1
	p, err := s.client.Resolve(t.Context(), sp, pve.Way{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.client.Create(t.Context(), pve.CreateRequest{Spec: sp, Placement: p, Password: "correct horse"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.client.LastTask(t.Context(), "pve1", id+1, "vzcreate"); err != nil || got != m.UPID {
		t.Errorf("%q, not %q, %v", got, m.UPID, err)
	}
	if got, err := s.client.LastTask(t.Context(), "pve1", id, "vzcreate"); err != nil || got == m.UPID || got == "" {
		t.Errorf("%q, %v", got, err)
	}
}
