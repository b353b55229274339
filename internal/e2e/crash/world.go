package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// world is a sandbox that is used by one case at a time.
type world struct {
	dir string
	sb  *sandbox.Sandbox
}

func openWorld(ctx context.Context, dir, version string) (*world, error) {
	sb, err := sandbox.Open(ctx, sandbox.Options{Dir: dir, Driver: "virtual", PVE: version})
	return &world{dir: dir, sb: sb}, err
}

// transports lists the transports that virtual guests offer to this user.
func transports() []string {
	l, err := net.Listen("tcp", "127.93.0.1:22")
	if err != nil {
		return []string{"node"}
	}
	l.Close()
	return []string{"node", "guest"}
}

// fault sets a fault, as `sandbox serve --fault` does.
func (w *world) fault(text string) {
	f, err := driver.ParseFault(text)
	if err != nil {
		panic(err) // a mistake in this program
	}
	w.sb.Faults().Add(f)
}

// inGuests writes a file into every container's root file system, running or not.
func (w *world) inGuests(path string) {
	for _, id := range w.sb.Node().IDs() {
		_ = os.WriteFile(w.path(id, path), nil, 0o644) // one that is being made has no /root yet
	}
}

func (w *world) path(ctid int, path string) string {
	return filepath.Join(w.dir, "guests", strconv.Itoa(ctid), "rootfs", path)
}

// clean leaves an empty node without faults.
func (w *world) clean(ctx context.Context) error {
	w.sb.Faults().Clear("")
	w.sb.Faults().Jump(-time.Until(w.sb.Faults().Now()))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for len(w.sb.Node().IDs()) > 0 {
		for _, id := range w.sb.Node().IDs() {
			w.remove(ctx, id)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("cannot empty the node of %s", w.dir)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// remove tries to destroy a container in any state.
func (w *world) remove(ctx context.Context, id int) {
	n := w.sb.Node()
	w.endTasks(n, id)
	_ = n.Unlock(id) // not every one is locked
	if upid, err := n.Destroy(ctx, node.Root, id, node.Params{"force": "1", "purge": "1"}); err == nil {
		_, _ = n.Follow(ctx, upid, func(string) {})
	}
}

// endTasks stops the tasks of a container.
func (w *world) endTasks(n *node.Node, id int) {
	tasks, _ := n.Tasks(node.Root, node.Params{"vmid": strconv.Itoa(id), "source": "active"})
	for _, t := range tasks {
		if upid, ok := t["upid"].(string); ok {
			_ = n.StopTask(node.Root, upid) // it may have ended meanwhile
		}
	}
}

// idle waits until no task runs on the node any more.
func (w *world) idle() {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if tasks, _ := w.sb.Node().Tasks(node.Root, node.Params{"source": "active"}); len(tasks) == 0 {
			return
		}
	}
}
