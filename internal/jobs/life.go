package jobs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/store"
)

// keep shows the signs of life of this worker and its jobs, and stops those that somebody
// cancels or that are another attempt's now.
func (w *Worker) keep(ctx context.Context) {
	every(ctx, min(store.BeatEvery(), beatMost), func() {
		beat, cancel := context.WithTimeout(ctx, store.LeaseLimit())
		defer cancel()
		w.mu.Lock()
		self := w.Self
		before := slices.Collect(maps.Keys(w.running))
		w.mu.Unlock()
		held, err := w.Store.BeatJobs(beat, self)
		if err != nil {
			return // the leases run out, unless the next one succeeds
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, x := range before {
			id := x.job.ID
			switch {
			case held.Attempts[id] != x.job.Attempt:
				x.late = true
				x.cancel(&store.Late{Job: store.QueuedJob{ID: id, Attempt: x.job.Attempt + 1, State: store.JobQueued}})
			case held.Stop[id] != "":
				w.end(x, Cancelled)
			}
		}
	})
}

// rescue looks for jobs of workers that are dead.
func (w *Worker) rescue(ctx context.Context) {
	every(ctx, min(store.LeaseLimit()/3, rescueMost), func() {
		look, cancel := context.WithTimeout(ctx, store.LeaseLimit())
		defer cancel()
		found, err := w.Store.RescueJobs(look, w.queue.Engine())
		if err != nil {
			return // the next look, or that of another worker, finds them
		}
		for _, j := range found {
			w.Say(fmt.Sprintf("job %s (%s %s): its worker was not heard of for %s; it goes on as attempt %d", j.ID, j.Verb, j.Hostname, store.LeaseLimit(), j.Attempt+1))
		}
	})
}

// every calls do in intervals until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			do()
		}
	}
}
