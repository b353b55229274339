package node

import (
	"context"
	"sync"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// locks are the flocks on /run/lock/lxc/pve-config-ID.lock: one holder an id,
// held by a worker for its whole run.
type locks struct {
	mu sync.Mutex
	m  map[int]chan struct{}
}

func (l *locks) of(vmid int) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[int]chan struct{})
	}
	c := l.m[vmid]
	if c == nil {
		c = make(chan struct{}, 1)
		l.m[vmid] = c
	}
	return c
}

// lock waits for the id's flock as lock_config does and returns its release.
func (n *Node) lock(ctx context.Context, vmid int, timeout time.Duration) (func(), error) {
	c := n.flocks.of(vmid)
	release := func() { <-c }
	if _, ok := n.faults.Take(driver.FaultLockTimeout); ok {
		return nil, lockTimeout(vmid)
	}
	select {
	case c <- struct{}{}:
		return release, nil
	default:
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case c <- struct{}{}:
		return release, nil
	case <-t.C:
		return nil, lockTimeout(vmid)
	case <-ctx.Done():
		return nil, lockTimeout(vmid)
	}
}

func lockTimeout(vmid int) *Error {
	return fail("can't lock file '/run/lock/lxc/pve-config-%d.lock' - got timeout", vmid)
}
