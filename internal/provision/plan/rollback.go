package plan

import (
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
)

// RollbackBegun reports whether a rollback has begun and has not ended. At its very end the
// container is ready and its snapshot has expired; then only the mark is left to close.
func RollbackBegun(c lxc.Container, marks Marks) bool {
	back, snapshot := marks.Of(event.Deploying, ItemRollback), marks.Of(event.Deploying, ItemSnapshot)
	return back.State == Claimed && back.Name == snapshot.Name && (c.Lifecycle != lxc.Ready || snapshot.State != Claimed)
}

// RollbackLock reports whether the lock on a container is the one of our rollback to that
// snapshot, which still holds it or has failed and left it.
func RollbackLock(lock, snapshot string, marks Marks) bool {
	back := marks.Of(event.Deploying, ItemRollback)
	return lock == "rollback" && back.Name == snapshot && (back.State == Claimed || back.State == Failed)
}
