package store

import (
	"context"
	"errors"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// aside is an engine that announces nothing.
func aside() Engine {
	return Engine{
		Offer: func(context.Context, *Tx, string, int, int) (int64, error) { return 1, nil },
		Drop:  func(context.Context, *Tx, int64) error { return nil },
		Lost:  func(string) string { return `SELECT id FROM queue WHERE 1 = 0` },
	}
}

func putJobs(t *testing.T, s *Store, names ...string) (hostID string) {
	t.Helper()
	met, err := s.MeetHost(t.Context(), Facts{Name: "lab", URL: "https://192.0.2.1:8006"}, func(string) (Facts, bool) { return Facts{}, false })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		c := lxc.Container{RecordID: NewRecordID(), Host: "lab", HostID: met.Host.ID, Hostname: name, Lifecycle: lxc.Queued}
		j := NewJob{QueuedJob: QueuedJob{ID: NewRecordID(), RecordID: c.RecordID, Verb: "create", Format: 1, Priority: 2, HostID: met.Host.ID, Node: "pve1"}, Offer: aside().Offer}
		if err := s.CreateAndEnqueue(t.Context(), c, Sealed{RecordID: c.RecordID, Service: VariablesService}, []byte(`{}`), j); err != nil {
			t.Fatal(err)
		}
	}
	return met.Host.ID
}

// TestLateAttempt: a worker that was silent for longer than its lease loses its job; what it
// records afterwards does not count, and its run can write nothing.
func TestLateAttempt(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := OpenAt(t.Context(), placeOf(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		id := putJobs(t, s, "web")
		claim := Claim{Worker: "W1", Format: 1, Hosts: []string{id}}
		one, _, err := s.ClaimJob(t.Context(), claim)
		if err != nil || one == nil {
			t.Fatal(one, err)
		}
		run := Run{ID: NewRecordID(), RecordID: one.RecordID, Kind: "create", Job: one.ID}
		if err := errors.Join(s.BeginRun(t.Context(), run), s.JobRun(t.Context(), *one, run.ID)); err != nil {
			t.Fatal(err)
		}
		if found, err := s.RescueJobs(t.Context(), aside()); err != nil || len(found) != 0 {
			t.Fatalf("a job of a living worker was given away: %v, %v", found, err)
		}
		if _, err := s.changed(t.Context(), `UPDATE queue SET beat = 0`); err != nil {
			t.Fatal(err)
		}
		if found, err := s.RescueJobs(t.Context(), aside()); err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		var late *Late
		var taken *Taken
		if err := s.EndJob(t.Context(), *one, JobEnd{State: JobDone}); !errors.As(err, &late) {
			t.Errorf("the late end: %v", err)
		}
		err = s.SetStep(t.Context(), Step{RecordID: one.RecordID, RunID: run.ID, Phase: "creating", Item: "create", State: Claimed})
		if !errors.As(err, &taken) {
			t.Errorf("a late step: %v", err)
		}
		if _, err := s.UpdateContainerIn(t.Context(), run.ID, one.RecordID, func(*lxc.Container) error { return nil }); !errors.As(err, &taken) {
			t.Errorf("a late change: %v", err)
		}
		claim.Worker = "W2"
		two, _, err := s.ClaimJob(t.Context(), claim)
		if err != nil || two == nil || two.Attempt != 2 {
			t.Fatal(two, err)
		}
		next := Run{ID: NewRecordID(), RecordID: one.RecordID, Kind: "resume", Job: one.ID}
		if err := s.BeginRun(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if err := s.EndJob(t.Context(), *two, JobEnd{State: JobFailed, ExitStatus: 5, Error: "it fails"}); err != nil {
			t.Fatal(err)
		}
		if err := s.EndJob(t.Context(), *one, JobEnd{State: JobDone}); !errors.As(err, &late) {
			t.Errorf("the late end: %v", err)
		}
		if j, err := s.QueuedJob(t.Context(), one.ID); err != nil || j.State != JobFailed || *j.ExitStatus != 5 {
			t.Errorf("the failure of the second attempt is lost: %+v, %v", j, err)
		}
	})
}

// TestLimits: a host and a node have room for so many jobs, whichever worker asks.
func TestLimits(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		s, err := OpenAt(t.Context(), placeOf(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		id := putJobs(t, s, "a", "b", "c")
		claim := Claim{Worker: "W1", Format: 1, Hosts: []string{id}, PerNode: 1, PerHost: 2}
		take := func(want string) *QueuedJob {
			t.Helper()
			j, why, err := s.ClaimJob(t.Context(), claim)
			got := string(why)
			if j != nil {
				got = j.Hostname
			}
			if err != nil || got != want {
				t.Fatalf("%s, want %s: %v", got, want, err)
			}
			return j
		}
		a := take("a")
		take(string(AllWait)) // a's create task occupies the node
		if err := s.FreeRoom(t.Context(), *a); err != nil {
			t.Fatal(err)
		}
		b := take("b")
		if ok, err := s.MakeRoom(t.Context(), *a, "pve1", 1); err != nil || ok {
			t.Errorf("%v, %v", ok, err)
		}
		if err := s.FreeRoom(t.Context(), *b); err != nil {
			t.Fatal(err)
		}
		take(string(AllWait)) // two on the host
		if err := s.EndJob(t.Context(), *b, JobEnd{State: JobDone}); err != nil {
			t.Fatal(err)
		}
		take("c")
		claim.Hosts = []string{"another"}
		take(string(NothingQueued))
	})
}

// TestFence: a run whose lease another one has taken is told so before its next change, also
// right after its process was asleep.
func TestFence(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		s, err := OpenAt(t.Context(), placeOf(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		id := putJobs(t, s, "web")
		j, _, err := s.ClaimJob(t.Context(), Claim{Worker: "W1", Format: 1, Hosts: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		run := Run{ID: NewRecordID(), RecordID: j.RecordID, Kind: "create", Job: j.ID}
		if err := s.BeginRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		sleep := func() {
			s.mu.Lock()
			s.kept[run.ID] = wall().Add(-leaseLimit())
			s.mu.Unlock()
		}
		sleep()
		if err := s.Fence(t.Context(), run.ID); err != nil {
			t.Errorf("nobody took it over: %v", err)
		}
		if _, err := s.changed(t.Context(), `UPDATE queue SET beat = 0`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RescueJobs(t.Context(), aside()); err != nil {
			t.Fatal(err)
		}
		sleep()
		var taken *Taken
		if err := s.Fence(t.Context(), run.ID); !errors.As(err, &taken) {
			t.Errorf("%v", err)
		}
	})
}

// TestBeatEvery: six signs of life fit into a lease.
func TestBeatEvery(t *testing.T) {
	if BeatEvery() != beatEvery || LeaseLimit() != beatLimit {
		t.Errorf("%s of %s", BeatEvery(), LeaseLimit())
	}
}

// TestArchives: the template of jobs is kept once, as long as one of them may need it.
func TestArchives(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		s, err := OpenAt(t.Context(), placeOf(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var jobs []QueuedJob
		id := putJobs(t, s)
		put := func(name, archive string) {
			t.Helper()
			c := lxc.Container{RecordID: NewRecordID(), Host: "lab", HostID: id, Hostname: name, Lifecycle: lxc.Queued}
			j := NewJob{QueuedJob: QueuedJob{ID: NewRecordID(), RecordID: c.RecordID, Verb: "create", Format: 1, Priority: 2, HostID: id, Template: "d1"}, Offer: aside().Offer, Archive: []byte(archive)}
			if err := s.CreateAndEnqueue(t.Context(), c, Sealed{RecordID: c.RecordID, Service: VariablesService}, []byte(`{}`), j); err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, j.QueuedJob)
		}
		has := func(want bool) {
			t.Helper()
			archive, err := s.Archive(t.Context(), "d1")
			var gone *NoArchive
			if want && (err != nil || string(archive) != "\x00\xff text") || !want && !errors.As(err, &gone) {
				t.Errorf("wanted %t: %q, %v", want, archive, err)
			}
		}
		end := func(state JobState) {
			t.Helper()
			j, _, err := s.ClaimJob(t.Context(), Claim{Worker: "W1", Format: 1, Hosts: []string{id}})
			if err != nil || j == nil || j.Template != "d1" {
				t.Fatal(j, err)
			}
			if err := s.EndJob(t.Context(), *j, JobEnd{State: state}); err != nil {
				t.Fatal(err)
			}
		}
		has(false)
		put("one", "\x00\xff text")
		put("two", "not sent again")
		put("three", "not sent again")
		has(true)
		end(JobDone)
		has(true)
		end(JobFailed) // it may be tried again
		if _, err := s.CancelJob(t.Context(), jobs[2].ID, "ada"); err != nil {
			t.Fatal(err)
		}
		has(true)
		if _, err := s.UpdateContainer(t.Context(), jobs[1].RecordID, func(c *lxc.Container) error {
			c.Lifecycle = lxc.Destroyed
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		put("four", "not sent again")
		end(JobDone)
		has(false)
	})
}
