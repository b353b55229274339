package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/needs/pgserver"
	"github.com/infrahaus/infrahaus/internal/store"
)

// onBoth runs a test on a catalogue in SQLite and on one in PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func() *store.Store { return opened(t, store.Place{Dir: dir}) })
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := pgserver.Start(pgserver.Options{})
		switch {
		case errors.Is(err, pgserver.ErrMissing) && os.Getenv("INFRAHAUS_NEEDS") != "all":
			t.Skip(err)
		case err != nil:
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, func() *store.Store { return opened(t, store.Place{Dir: t.TempDir(), URL: s.URL("")}) })
	})
}

func opened(t *testing.T, p store.Place) *store.Store {
	t.Helper()
	s, err := store.OpenAt(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// host makes a host on record.
func host(t *testing.T, s *store.Store) string {
	t.Helper()
	met, err := s.MeetHost(t.Context(), store.Facts{Name: "lab", URL: "https://192.0.2.1:8006"}, func(string) (store.Facts, bool) { return store.Facts{}, false })
	if err != nil {
		t.Fatal(err)
	}
	return met.Host.ID
}

// put puts a create into the queue.
func put(t *testing.T, s *store.Store, hostID, name string, more func(*store.NewJob)) store.QueuedJob {
	t.Helper()
	q, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	c := lxc.Container{RecordID: store.NewRecordID(), Host: "lab", HostID: hostID, Hostname: name, Lifecycle: lxc.Queued}
	j := store.NewJob{QueuedJob: store.QueuedJob{ID: store.NewRecordID(), RecordID: c.RecordID, Verb: "create", Format: Format(), Priority: 2, HostID: hostID}, Offer: q.Offer}
	if more != nil {
		more(&j)
	}
	variables := store.Sealed{RecordID: c.RecordID, Service: store.VariablesService, Envelope: "x"}
	if err := s.CreateAndEnqueue(t.Context(), c, variables, []byte(`{}`), j); err != nil {
		t.Fatal(err)
	}
	return j.QueuedJob
}

// crew is some workers of a test.
type crew struct {
	t     *testing.T
	stops []chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	did   []string
	said  []string
}

func (c *crew) add(s *store.Store, name string, hosts []string, do func(ctx context.Context, j store.QueuedJob) Result, more func(*Worker)) {
	stop := make(chan struct{})
	c.stops = append(c.stops, stop)
	w := &Worker{
		Store: s, Self: store.Worker{ID: store.NewRecordID(), Name: name, Format: Format(), Concurrency: 2, StartedAt: lxc.At(time.Now())},
		Hosts: func(context.Context) ([]string, error) { return hosts, nil }, Grace: time.Minute, UntilEmpty: true,
		Do: func(ctx context.Context, j store.QueuedJob) Result {
			c.mu.Lock()
			c.did = append(c.did, j.Hostname)
			c.mu.Unlock()
			return do(ctx, j)
		},
		Say: func(text string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.said = append(c.said, name+": "+text)
		},
		Cause: func(why Why) error { return fmt.Errorf("stopped: %d", why) },
	}
	if more != nil {
		more(w)
	}
	c.wg.Go(func() {
		if err := w.Run(c.t.Context(), stop, nil); err != nil {
			c.t.Error(err)
		}
	})
}

func done(context.Context, store.QueuedJob) Result { return Result{} }

// states are the jobs by name.
func states(t *testing.T, s *store.Store) map[string]store.QueuedJob {
	t.Helper()
	list, err := s.QueuedJobs(t.Context(), store.JobQuery{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]store.QueuedJob{}
	for _, j := range list {
		out[j.Hostname] = j
	}
	return out
}

// TestEachJobOnce: two workers do every job once, whatever ends badly, and what comes after a
// failed one fails with it.
func TestEachJobOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		id := host(t, s)
		const n = 20
		for i := range n {
			put(t, s, id, fmt.Sprintf("c%d", i), nil)
		}
		first := put(t, s, id, "first", nil)
		put(t, s, id, "second", func(j *store.NewJob) { j.After = []string{first.ID} })
		bad := put(t, s, id, "bad", nil)
		put(t, s, id, "panics", nil)
		put(t, s, id, "never", func(j *store.NewJob) { j.After = []string{bad.ID} })
		c := &crew{t: t}
		do := func(_ context.Context, j store.QueuedJob) Result {
			if j.Hostname == "panics" {
				panic("nil")
			}
			if j.Hostname == "bad" {
				return Result{ExitStatus: 5, Error: "cannot create: it is bad"}
			}
			return Result{}
		}
		c.add(s, "one", []string{id}, do, nil)
		c.add(open(), "two", []string{id}, do, nil)
		c.wg.Wait()
		if len(c.did) != n+4 {
			t.Errorf("%d jobs were done: %v", len(c.did), c.did)
		}
		after := states(t, s)
		for name, want := range map[string]store.JobState{"c0": store.JobDone, "first": store.JobDone, "second": store.JobDone, "bad": store.JobFailed, "panics": store.JobFailed, "never": store.JobFailed} {
			if after[name].State != want {
				t.Errorf("%s is %s, want %s", name, after[name].State, want)
			}
		}
		if j := after["never"]; !strings.Contains(j.Error, "bad comes first, and is failed") || *j.ExitStatus != 5 {
			t.Errorf("%+v", j)
		}
		if c, err := s.Record(t.Context(), after["never"].RecordID); err != nil || c.Lifecycle != lxc.Destroyed {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestHandedOver: a worker that is told to stop gives its job to another one at once.
func TestHandedOver(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		id := host(t, s)
		put(t, s, id, "long", nil)
		begun := make(chan struct{})
		one := &crew{t: t}
		one.add(s, "one", []string{id}, func(ctx context.Context, _ store.QueuedJob) Result {
			close(begun)
			<-ctx.Done()
			return Result{ExitStatus: 143, Error: context.Cause(ctx).Error()}
		}, func(w *Worker) { w.Grace = 0 })
		<-begun
		close(one.stops[0])
		one.wg.Wait()
		if j := states(t, s)["long"]; j.State != store.JobQueued || j.Attempt != 2 {
			t.Fatalf("%+v", j)
		}
		two := &crew{t: t}
		two.add(s, "two", []string{id}, done, nil)
		two.wg.Wait()
		if j := states(t, s)["long"]; j.State != store.JobDone || j.Attempt != 2 {
			t.Errorf("%+v", j)
		}
	})
}

// TestCancelRunning: a job that runs is stopped within seconds.
func TestCancelRunning(t *testing.T) {
	s := opened(t, store.Place{Dir: t.TempDir()})
	id := host(t, s)
	j := put(t, s, id, "long", nil)
	c := &crew{t: t}
	begun := make(chan struct{})
	c.add(s, "one", []string{id}, func(ctx context.Context, _ store.QueuedJob) Result {
		close(begun)
		<-ctx.Done()
		return Result{ExitStatus: 130, Error: "interrupted by SIGINT"}
	}, nil)
	<-begun
	if _, err := s.CancelJob(t.Context(), j.ID, "ann@desk"); err != nil {
		t.Fatal(err)
	}
	c.wg.Wait()
	if now := states(t, s)["long"]; now.State != store.JobCancelled || *now.ExitStatus != 130 || now.Stop != "ann@desk" {
		t.Errorf("%+v", now)
	}
}

// TestLeftForOthers: a worker takes no job of a host that it cannot reach, and none of a newer
// format, says so once each, and another one does them.
func TestLeftForOthers(t *testing.T) {
	s := opened(t, store.Place{Dir: t.TempDir()})
	id := host(t, s)
	put(t, s, id, "theirs", nil)
	one := &crew{t: t}
	one.add(s, "one", []string{"another"}, done, func(w *Worker) { w.UntilEmpty = false })
	for heard := false; !heard; time.Sleep(10 * time.Millisecond) {
		one.mu.Lock()
		heard = len(one.said) > 0
		one.mu.Unlock()
	}
	two := &crew{t: t}
	two.add(s, "two", []string{id}, done, nil)
	two.wg.Wait()
	put(t, s, id, "newer", func(j *store.NewJob) { j.Format = Format() + 1 })
	three := &crew{t: t}
	three.add(s, "three", []string{id}, done, func(w *Worker) { w.UntilEmpty = false })
	for heard := false; !heard; time.Sleep(10 * time.Millisecond) {
		three.mu.Lock()
		heard = len(three.said) > 1
		three.mu.Unlock()
	}
	close(one.stops[0])
	close(three.stops[0])
	one.wg.Wait()
	three.wg.Wait()
	if len(one.did)+len(three.did) != 0 || len(two.did) != 1 {
		t.Errorf("%v, %v, %v", one.did, two.did, three.did)
	}
	if said := one.said[0]; !strings.Contains(said, "no login for host lab") {
		t.Error(said)
	}
	if said := strings.Join(three.said, "\n"); !strings.Contains(said, "does not lead the queue") || !strings.Contains(said, "left for a newer worker") {
		t.Error(said)
	}
	if j := states(t, s)["newer"]; j.State != store.JobQueued {
		t.Errorf("%+v", j)
	}
}
