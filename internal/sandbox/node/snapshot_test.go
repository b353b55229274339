package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// snap takes a snapshot and returns how its task ended.
func snap(t *testing.T, n *node.Node, name string) string {
	t.Helper()
	upid, err := n.TakeSnapshot(node.Root, 100, node.Params{"snapname": name, "description": "of " + name})
	_, exit := finish(t, n, upid, err)
	return exit
}

func rollback(t *testing.T, n *node.Node, name string, more ...string) string {
	t.Helper()
	p := node.Params{"snapname": name}
	for i := 0; i+1 < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	upid, err := n.Rollback(node.Root, 100, p)
	_, exit := finish(t, n, upid, err)
	return exit
}

func start(t *testing.T, n *node.Node) {
	t.Helper()
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatalf("start ended with %q", exit)
	}
}

// tree is the list of snapshots as name<parent.
func tree(t *testing.T, n *node.Node) string {
	t.Helper()
	rows, err := n.Snapshots(100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		s := r["name"].(string)
		if p, ok := r["parent"]; ok {
			s += "<" + p.(string)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestSnapshots(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100, "description", "infrahaus:01J"))
	if f, err := n.Feature(100, node.Params{"feature": "snapshot"}); err != nil || f["hasFeature"] != 1 {
		t.Errorf("feature %v %v", f, err)
	}
	start(t, n)
	if exit := snap(t, n, "first"); exit != "OK" || !n.Running(100) {
		t.Fatalf("ended with %q", exit)
	}
	if err := n.SetConfig(t.Context(), node.Root, 100, node.Params{"memory": "1024", "description": "infrahaus:01J\nnew"}); err != nil {
		t.Fatal(err)
	}
	if exit := snap(t, n, "first"); exit != "snapshot name 'first' already used" {
		t.Errorf("a name twice: %q", exit)
	}
	snap(t, n, "second")
	if got := tree(t, n); got != "first second<first current<second" {
		t.Errorf("snapshots %q", got)
	}
	conf, err := n.SnapshotConfig(100, "first")
	if err != nil || conf["memory"] != 512 || conf["description"] != "of first\n" || conf["snaptime"] == nil || conf["lock"] != nil {
		t.Errorf("its config %v %v", conf, err)
	}
	if exit := rollback(t, n, "first"); exit != "OK" || n.Running(100) {
		t.Fatalf("rollback ended with %q, running %t", exit, n.Running(100))
	}
	conf, _ = n.Config(100, nil)
	if conf["memory"] != 512 || conf["description"] != "infrahaus:01J\nnew\n" || conf["parent"] != "first" || conf["lock"] != nil || conf["snaptime"] != nil {
		t.Errorf("rolled back to %v", conf)
	}
	upid, err := n.DeleteSnapshot(node.Root, 100, node.Params{"snapname": "first"})
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Errorf("delete ended with %q", exit)
	}
	if got := tree(t, n); got != "second current" {
		t.Errorf("snapshots %q", got)
	}
	if exit := rollback(t, n, "first"); exit != "snapshot 'first' does not exist" {
		t.Errorf("rollback to nothing ended with %q", exit)
	}
	upid, err = n.Destroy(t.Context(), node.Root, 100, nil) // and its snapshot
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Errorf("destroy ended with %q", exit)
	}
}

// With start=1 a second task starts the container.
func TestRollbackStarts(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	snap(t, n, "first")
	start(t, n)
	if err := n.Push(t.Context(), node.Root, 100, "/root/new", strings.NewReader(""), "", "", ""); err != nil {
		t.Fatal(err)
	}
	if exit := rollback(t, n, "first", "start", "1"); exit != "OK" {
		t.Fatalf("ended with %q", exit)
	}
	rows, _ := n.Tasks(node.Root, node.Params{"source": "all", "typefilter": "vzstart"})
	if len(rows) != 2 {
		t.Fatalf("%d start tasks", len(rows))
	}
	if _, exit := finish(t, n, rows[0]["upid"].(string), nil); exit != "OK" || !n.Running(100) {
		t.Errorf("the start ended with %q", exit)
	}
	if err := n.Pull(t.Context(), node.Root, 100, "/root/new", &strings.Builder{}); err == nil {
		t.Error("a newer file outlived the rollback")
	}
}

// The first start after the rollback of a running container waits for ext4's multi-mount
// protection, and only that one.
func TestSlowAfterRollback(t *testing.T) {
	const slow = 150 * time.Millisecond
	n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultRollbackSlow, Value: slow.String()})})
	mustCreate(t, n, spec(100))
	snap(t, n, "first")
	took := func() time.Duration {
		began := time.Now()
		start(t, n)
		return time.Since(began)
	}
	for _, step := range []struct {
		what     string
		slow     bool
		rollback bool
	}{
		{"the first start", false, false}, {"after a rollback while it ran", true, true}, {"the start after that", false, false},
	} {
		if step.rollback {
			if exit := rollback(t, n, "first"); exit != "OK" {
				t.Fatal(exit)
			}
		}
		if d := took(); (d >= slow) != step.slow {
			t.Errorf("%s took %s", step.what, d)
		}
		if step.what != "the first start" {
			upid, err := n.Stop(t.Context(), node.Root, 100, nil)
			finish(t, n, upid, err)
		}
	}
	if exit := rollback(t, n, "first"); exit != "OK" {
		t.Fatal(exit)
	}
	if d := took(); d >= slow {
		t.Errorf("the start after a rollback while it was stopped took %s", d)
	}
}

// What the worker is at shows as the config's lock, and keeps others away.
func TestSnapshotLocks(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	n := open(t, node.Options{Driver: &fake.Driver{OnSnapshot: func(context.Context, int, string) error {
		close(reached)
		<-release
		return errors.New("no luck")
	}}})
	mustCreate(t, n, spec(100))
	upid, err := n.TakeSnapshot(node.Root, 100, node.Params{"snapname": "first"})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if s, err := n.Status(100); err != nil || s["lock"] != "snapshot" {
		t.Errorf("status %v %v", s, err)
	}
	if rows, _ := n.Snapshots(100); rows[0]["snapstate"] != "prepare" {
		t.Errorf("snapshots %v", rows)
	}
	err = n.SetConfig(t.Context(), node.Root, 100, node.Params{"tags": "a"})
	wantErr(t, err, 500, "CT is locked (snapshot)")
	_, err = n.Destroy(t.Context(), node.Root, 100, nil)
	wantErr(t, err, 500, "CT is locked (snapshot)")
	if exit := rollback(t, n, "first"); exit != "unable to rollback to incomplete snapshot (snapstate = prepare)" {
		t.Errorf("rollback ended with %q", exit)
	}
	if exit := snap(t, n, "other"); exit != "CT is locked (snapshot)" {
		t.Errorf("a second one ended with %q", exit)
	}
	close(release)
	log, exit := finish(t, n, upid, nil)
	if exit != "no luck" || strings.Join(log, "\n") != "snapshot create failed: starting cleanup\nTASK ERROR: no luck" && strings.Join(log, "\n") != "snapshot create failed: starting cleanup" {
		t.Errorf("ended with %q, log %q", exit, log)
	}
	if got := tree(t, n); got != "current" {
		t.Errorf("snapshots %q", got)
	}
	if conf, _ := n.Config(100, nil); conf["lock"] != nil || conf["parent"] != nil {
		t.Errorf("config %v", conf)
	}
}

// A worker that is killed with its node leaves lock and half a snapshot.
func TestSnapshotKilled(t *testing.T) {
	dir, reached := t.TempDir(), make(chan struct{})
	first := open(t, node.Options{Dir: dir, Driver: &fake.Driver{OnSnapshot: func(ctx context.Context, _ int, _ string) error {
		close(reached)
		<-ctx.Done()
		return ctx.Err()
	}}})
	mustCreate(t, first, spec(100))
	upid, err := first.TakeSnapshot(node.Root, 100, node.Params{"snapname": "first"})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	first.Close()
	n := open(t, node.Options{Dir: dir})
	if st, err := n.TaskStatus(node.Root, upid); err != nil || st["exitstatus"] != "unexpected status" {
		t.Errorf("its task: %v %v", st, err)
	}
	if s, _ := n.Status(100); s["lock"] != "snapshot" {
		t.Errorf("status %v", s)
	}
	del := func() string {
		upid, err := n.DeleteSnapshot(node.Root, 100, node.Params{"snapname": "first"})
		_, exit := finish(t, n, upid, err)
		return exit
	}
	if exit := del(); exit != "CT is locked (snapshot)" {
		t.Errorf("delete ended with %q", exit)
	}
	if err := n.Unlock(100); err != nil {
		t.Fatal(err)
	}
	if exit := del(); exit != "OK" || tree(t, n) != "current" {
		t.Errorf("delete ended with %q, snapshots %q", exit, tree(t, n))
	}
}

func TestSnapshotRefusals(t *testing.T) {
	now := time.Now()
	n := open(t, node.Options{Now: func() time.Time { return now }, Storages: []node.Storage{
		{ID: "local", Type: "dir", Content: []string{"rootdir", "vztmpl"}, Total: 1 << 40},
		{ID: "local-lvm", Type: "lvmthin", Content: []string{"rootdir"}, Total: 1 << 40},
		{ID: "zfs", Type: "zfspool", Content: []string{"rootdir"}, Total: 1 << 40},
	}})
	for _, name := range []string{"current", "vzdump"} {
		_, err := n.TakeSnapshot(node.Root, 100, node.Params{"snapname": name})
		wantErr(t, err, 500, "unable to use snapshot name '"+name+"' (reserved name)")
	}
	var e *node.Error
	if _, err := n.TakeSnapshot(node.Root, 100, node.Params{"snapname": "../x"}); !errors.As(err, &e) || e.Status != 400 {
		t.Errorf("a path was taken: %v", err)
	}
	if exit := snap(t, n, "first"); exit != "Configuration file 'nodes/pve1/lxc/100.conf' does not exist" {
		t.Errorf("of nothing: %q", exit)
	}
	mustCreate(t, n, spec(100, "rootfs", "local:4"))
	if f, err := n.Feature(100, node.Params{"feature": "snapshot"}); err != nil || f["hasFeature"] != 0 {
		t.Errorf("feature %v %v", f, err)
	}
	if exit := snap(t, n, "first"); exit != "snapshot feature is not available" {
		t.Errorf("on a directory: %q", exit)
	}
	if s, _ := n.Status(100); s["lock"] != nil {
		t.Errorf("locked for nothing: %v", s)
	}
	upid, err := n.Destroy(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	mustCreate(t, n, spec(100, "rootfs", "zfs:4"))
	snap(t, n, "first")
	now = now.Add(time.Minute)
	snap(t, n, "second")
	if exit := rollback(t, n, "second"); exit != "OK" {
		t.Errorf("to the newest: %q", exit)
	}
	if exit := rollback(t, n, "first"); exit != "can't rollback, 'first' is not most recent snapshot on 'subvol-100-disk-0'" {
		t.Errorf("to an older one: %q", exit)
	}
}

func TestSnapshotFaults(t *testing.T) {
	f := driver.NewFaults(driver.Fault{Name: driver.FaultSnapshotFail, Value: "no space", Count: 1}, driver.Fault{Name: driver.FaultRollbackFail, Value: "no luck", Count: 1})
	n := open(t, node.Options{Faults: f})
	mustCreate(t, n, spec(100))
	if exit := snap(t, n, "first"); exit != "no space" || tree(t, n) != "current" {
		t.Errorf("ended with %q, %s", exit, tree(t, n))
	}
	if exit := snap(t, n, "first"); exit != "OK" {
		t.Fatalf("ended with %q", exit)
	}
	if exit := rollback(t, n, "first"); exit != "no luck" {
		t.Errorf("ended with %q", exit)
	}
	if s, _ := n.Status(100); s["lock"] != "rollback" {
		t.Errorf("status %v", s)
	}
	if err := n.Unlock(100); err != nil {
		t.Fatal(err)
	}
	if exit := rollback(t, n, "first"); exit != "OK" {
		t.Errorf("the second time it ended with %q", exit)
	}
}

func TestHA(t *testing.T) {
	n := open(t, node.Options{HAPause: 100 * time.Millisecond, Faults: driver.NewFaults(driver.Fault{Name: driver.FaultHAManaged, Value: "100"})})
	mustCreate(t, n, spec(100))
	mustCreate(t, n, spec(101, "net0", "name=eth0,bridge=vmbr0"))
	for id, want := range map[int]int{100: 1, 101: 0} {
		if s, err := n.Status(id); err != nil || s["ha"].(map[string]any)["managed"] != want {
			t.Errorf("CT %d: %v %v", id, s["ha"], err)
		}
	}
	// The request ends before the container runs; the manager's own task starts it.
	upid, err := n.Start(t.Context(), node.Root, 100, nil)
	log, exit := finish(t, n, upid, err)
	if exit != "OK" || !strings.Contains(upid, ":hastart:100:") || len(log) == 0 || log[0] != "Requesting HA start for CT 100" {
		t.Errorf("%s ended with %q, log %q", upid, exit, log)
	}
	waitFor(t, func() bool { return n.Running(100) })
	_, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"force": "1"})
	wantErr(t, err, 500, "unable to remove CT 100 - used in HA resources and purge parameter not set.")
	upid, err = n.Shutdown(t.Context(), node.Root, 100, node.Params{"timeout": "5"})
	if _, exit := finish(t, n, upid, err); exit != "OK" || !strings.Contains(upid, ":hastop:100:") {
		t.Errorf("%s ended with %q", upid, exit)
	}
	waitFor(t, func() bool { return !n.Running(100) })
	upid, err = n.Destroy(t.Context(), node.Root, 100, node.Params{"purge": "1"})
	if err != nil && strings.Contains(err.Error(), "locked") {
		t.Fatal(err)
	}
	if _, exit := finish(t, n, upid, err); exit != "OK" {
		t.Errorf("destroy ended with %q", exit)
	}
}

func TestLockedFault(t *testing.T) {
	f := driver.NewFaults()
	n := open(t, node.Options{Faults: f})
	mustCreate(t, n, spec(100))
	mustCreate(t, n, spec(101))
	for _, count := range []int{1, 0} {
		f.Add(driver.Fault{Name: driver.FaultLocked, Value: "backup@101", Count: count})
		if s, err := n.Status(100); err != nil || s["lock"] != nil {
			t.Errorf("the wrong one: %v %v", s, err)
		}
		_, err := n.Destroy(t.Context(), node.Root, 101, nil)
		wantErr(t, err, 500, "CT is locked (backup)")
		upid, err := n.Start(t.Context(), node.Root, 101, nil)
		if _, exit := finish(t, n, upid, err); exit != "CT is locked (backup)" {
			t.Errorf("start ended with %q", exit)
		}
		if err := n.Unlock(101); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(map[int]any{1: nil, 0: "backup"}[count])
		if s, _ := n.Status(101); fmt.Sprint(s["lock"]) != want {
			t.Errorf("count %d, after unlock: %v", count, s["lock"])
		}
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatal("it does not come")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
