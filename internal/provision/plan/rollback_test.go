package plan

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

func rollbackMarks(snapshot, back MarkState, name string) Marks {
	m := Marks{}
	m.Put(Mark{Phase: string(event.Deploying), Item: ItemSnapshot, State: snapshot, Detail: Detail{Name: "before"}})
	m.Put(Mark{Phase: string(event.Deploying), Item: ItemRollback, State: back, Detail: Detail{Name: name}})
	return m
}

func TestRollbackBegun(t *testing.T) {
	for _, tt := range []struct {
		name      string
		lifecycle lxc.Lifecycle
		marks     Marks
		want      bool
	}{
		{"never", lxc.Ready, Marks{}, false},
		{"the process ended on the way", lxc.Creating, rollbackMarks(Claimed, Claimed, "before"), true},
		{"the snapshot is gone, the lifecycle not written", lxc.Creating, rollbackMarks(Expired, Claimed, "before"), true},
		{"ready, and the mark is still open", lxc.Ready, rollbackMarks(Expired, Claimed, "before"), true},
		{"a claim that was written before the lifecycle", lxc.Ready, rollbackMarks(Claimed, Claimed, "before"), false},
		{"done", lxc.Ready, rollbackMarks(Expired, Done, "before"), false},
		{"failed", lxc.Failed, rollbackMarks(Claimed, Failed, "before"), false},
		{"to an older snapshot", lxc.Creating, rollbackMarks(Claimed, Claimed, "older"), false},
	} {
		if got := RollbackBegun(lxc.Container{Lifecycle: tt.lifecycle}, tt.marks); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestRollbackLock(t *testing.T) {
	for _, tt := range []struct {
		lock  string
		marks Marks
		want  bool
	}{
		{"rollback", rollbackMarks(Claimed, Claimed, "before"), true},
		{"rollback", rollbackMarks(Claimed, Failed, "before"), true},
		{"rollback", rollbackMarks(Claimed, Done, "before"), false},
		{"rollback", rollbackMarks(Claimed, Failed, "older"), false},
		{"rollback", Marks{}, false},
		{"backup", rollbackMarks(Claimed, Failed, "before"), false},
		{"", rollbackMarks(Claimed, Claimed, "before"), false},
	} {
		if got := RollbackLock(tt.lock, "before", tt.marks); got != tt.want {
			t.Errorf("%q %v: %v", tt.lock, tt.marks, got)
		}
	}
}
