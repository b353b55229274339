package pve_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// follow waits for a task and fails the test unless it ended well.
func follow(t *testing.T, c *pve.Client, upid string, err error) {
	t.Helper()
	if err == nil {
		_, err = c.Follow(t.Context(), upid, pve.Watch{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// made is a sandbox with one container.
func made(t *testing.T, faults ...driver.Fault) (*sandbox, int) {
	t.Helper()
	s := newSandbox(t, faults...)
	_, m, _, err := create(t.Context(), s.client, spec())
	if err != nil {
		t.Fatal(err)
	}
	return s, m.CTID
}

// names lists the snapshots as name<parent.
func names(t *testing.T, c *pve.Client, ctid int) string {
	t.Helper()
	all, err := c.Snapshots(t.Context(), "pve1", ctid)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range all {
		out = append(out, strings.TrimSuffix(s.Name+"<"+s.Parent, "<"))
	}
	return strings.Join(out, " ")
}

func TestSnapshotLife(t *testing.T) {
	s, id := made(t)
	c, ctx := s.client, t.Context()
	if ok, err := c.CanSnapshot(ctx, "pve1", id); !ok || err != nil {
		t.Errorf("can: %t, %v", ok, err)
	}
	upid, err := c.Start(ctx, "pve1", id)
	follow(t, c, upid, err)
	began := time.Now().Truncate(time.Second)
	for _, name := range []string{"one", "two"} {
		upid, err = c.TakeSnapshot(ctx, "pve1", id, name, "before "+name+"\nand after")
		follow(t, c, upid, err)
	}
	all, err := c.Snapshots(ctx, "pve1", id)
	if err != nil || len(all) != 2 || all[0].Description != "before one\nand after" || all[0].Time.Before(began) || time.Until(all[1].Time) > time.Minute || all[1].Parent != "one" {
		t.Errorf("got %+v, %v", all, err)
	}
	if upid, err = c.TakeSnapshot(ctx, "pve1", id, "one", ""); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Follow(ctx, upid, pve.Watch{}); !pve.IsKind(err, pve.TaskFailed) || !strings.HasPrefix(err.Error(), fmt.Sprintf("cannot take a snapshot of container %d: snapshot name 'one' already used", id)) {
		t.Errorf("got %v", err)
	}
	upid, err = c.Rollback(ctx, "pve1", id, "one", false)
	follow(t, c, upid, err)
	if st, err := c.Status(ctx, "pve1", id); err != nil || st.Running {
		t.Errorf("after the rollback: %+v, %v", st, err)
	}
	upid, err = c.Rollback(ctx, "pve1", id, "two", true)
	follow(t, c, upid, err)
	upid, err = c.LastTask(ctx, "pve1", id, "vzstart")
	follow(t, c, upid, err)
	if st, err := c.Status(ctx, "pve1", id); err != nil || !st.Running || upid == "" {
		t.Errorf("started with %q: %+v, %v", upid, st, err)
	}
	upid, err = c.DeleteSnapshot(ctx, "pve1", id, "one")
	follow(t, c, upid, err)
	if got := names(t, c, id); got != "two" {
		t.Errorf("left are %q", got)
	}
	if upid, err := c.DeleteSnapshot(ctx, "pve1", id, "one"); upid != "" || err != nil {
		t.Errorf("deleted twice: %q, %v", upid, err)
	}
	if _, err := c.Snapshots(ctx, "pve1", id+1); !pve.IsKind(err, pve.NotFound) {
		t.Errorf("of nothing: %v", err)
	}
}

// If two delete a snapshot at once, both succeed: the second task fails because the
// snapshot does not exist, which was its purpose.
func TestSnapshotDeletedMeanwhile(t *testing.T) {
	s, id := made(t)
	upid, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "one", "")
	follow(t, s.client, upid, err)
	first, err := s.client.DeleteSnapshot(t.Context(), "pve1", id, "one")
	follow(t, s.client, first, err)
	second, err := s.node.DeleteSnapshot(node.ParseAuth("root@pam!infrahaus"), id, node.Params{"snapname": "one"})
	follow(t, s.client, second, err)
}

func TestSnapshotRefused(t *testing.T) {
	s, id := made(t)
	s.faults.Add(driver.Fault{Name: driver.FaultSnapshotFail, Value: "no space left", Count: 1})
	upid, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "one", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.client.Follow(t.Context(), upid, pve.Watch{}); !pve.IsKind(err, pve.TaskFailed) || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
	if got := names(t, s.client, id); got != "" {
		t.Errorf("left are %q", got)
	}
	if _, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "current", ""); !pve.IsKind(err, pve.Refused) || !strings.Contains(err.Error(), "reserved name") {
		t.Errorf("got %v", err)
	}
	if _, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "a b", ""); !pve.IsKind(err, pve.Refused) {
		t.Errorf("got %v", err)
	}
	s.faults.Add(driver.Fault{Name: driver.FaultNoSnapshots})
	if ok, err := s.client.CanSnapshot(t.Context(), "pve1", id); ok || err != nil {
		t.Errorf("can where the storage cannot: %t, %v", ok, err)
	}
	s.faults.Clear("")
	s.faults.Add(driver.Fault{Name: driver.FaultNoPrivileges})
	if ok, err := s.client.CanSnapshot(t.Context(), "pve1", id); ok {
		t.Errorf("can without a privilege: %v", err)
	}
}

// A token without VM.Snapshot cannot take one, whatever the storage supports.
func TestSnapshotPrivilege(t *testing.T) {
	s, id := made(t)
	for role, want := range map[string]bool{"PVEAuditor": false, "PVEVMAdmin": true} {
		if err := s.node.AddUser("lim@pve", "limited-pw"); err != nil {
			t.Fatal(err)
		}
		secret, err := s.node.AddToken("lim@pve!ci", false)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.node.SetACL("lim@pve", node.ACL{Path: "/vms", Role: role, Propagate: true}); err != nil {
			t.Fatal(err)
		}
		c := s.as(t, pve.Options{Token: "lim@pve!ci=" + secret})
		if ok, err := c.CanSnapshot(t.Context(), "pve1", id); ok != want || pve.IsKind(err, pve.Forbidden) == want {
			t.Errorf("%s can: %t, %v", role, ok, err)
		} else if !want && !strings.Contains(err.Error(), "lacks VM.Snapshot on /vms/") {
			t.Errorf("it does not name the privilege: %v", err)
		}
		upid, err := c.TakeSnapshot(t.Context(), "pve1", id, "of-"+role, "")
		if want {
			follow(t, c, upid, err)
		} else if !pve.IsKind(err, pve.Forbidden) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// The request was carried out and its answer was lost.
func TestSnapshotAnswerLost(t *testing.T) {
	s, id := made(t)
	s.faults.Add(driver.Fault{Name: driver.FaultAPIDrop, Value: "^POST .*/snapshot$", Count: 1})
	upid, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "one", "")
	follow(t, s.client, upid, err)
	if got := names(t, s.client, id); got != "one" || upid == "" {
		t.Errorf("task %q, snapshots %q", upid, got)
	}
	s.faults.Add(driver.Fault{Name: driver.FaultAPI596, Value: "^POST .*/snapshot$", Count: 1})
	if _, err := s.client.TakeSnapshot(t.Context(), "pve1", id, "two", ""); !pve.IsKind(err, pve.Unreachable) {
		t.Errorf("one that never arrived: %v", err)
	}
	s.faults.Add(driver.Fault{Name: driver.FaultAPIDrop, Value: "^POST .*/rollback$", Count: 1})
	if _, err := s.client.Rollback(t.Context(), "pve1", id, "one", false); !pve.IsKind(err, pve.Unreachable) {
		t.Errorf("got %v", err)
	}
	upid, err = s.client.LastTask(t.Context(), "pve1", id, "vzrollback")
	if follow(t, s.client, upid, err); upid == "" {
		t.Error("the rollback's task was not found")
	}
}
