package catalogue

import (
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/store"
)

// A script that is on record as done has its whole output on record. After a kill, no later
// run would ask the guest for that output.
func TestMarkComesAfterTheOutput(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := lxc.Container{RecordID: store.NewRecordID(), Host: "h", Hostname: "web", Lifecycle: lxc.Creating}
	run := store.Run{ID: store.NewRecordID(), RecordID: c.RecordID, Kind: "create"}
	if err := s.CreateContainer(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	r := Of(s, nil, c.RecordID).In(run.ID)
	err = r.sink.Event(event.Event{Seq: 1, Type: event.Log, Timestamp: time.Now(), Message: "said", ContainerID: c.RecordID, RunID: run.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Mark(t.Context(), plan.Mark{Phase: "syncing", Item: "10-x.sh", State: plan.Done}); err != nil {
		t.Fatal(err)
	}
	other, err := store.Open(t.Context(), dir) // as another process finds it if this one is killed now
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for e, err := range other.Events(t.Context(), store.EventQuery{RecordID: c.RecordID}) {
		if err == nil && e.Message == "said" {
			return
		}
	}
	t.Error("the mark is on record, but the output before it is not")
}
