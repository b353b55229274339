package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Reboot is a power failure of the node: every connection is cut, its tasks die
// with "unexpected status" and leave their locks, guests are killed, and after
// off it is back on the same ports with the guests that ran. It returns once the
// node answers again. Only the owner can; Node is another one afterwards.
func (s *Sandbox) Reboot(ctx context.Context, off time.Duration) error {
	if s.owned == nil {
		return errors.New("cannot reboot the sandbox's node: another process holds the sandbox open")
	}
	return s.owned.reboot(ctx, off)
}

func (w *owned) reboot(ctx context.Context, off time.Duration) error {
	w.power.Lock()
	defer w.power.Unlock()
	w.opt.Log("the sandbox's node loses power")
	if err := w.stop(); err != nil {
		return fmt.Errorf("cannot stop the sandbox's node: %w", err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("cannot start the sandbox's node again: %w", context.Cause(ctx))
	case <-w.ctx.Done():
		return nil // the sandbox is being closed
	case <-time.After(off):
	}
	if err := w.start(ctx, samePort); err != nil {
		return fmt.Errorf("cannot start the sandbox's node again: %w", err)
	}
	w.opt.Log("the sandbox's node is up again")
	return nil
}

// losePower begins a reboot that nobody waits for.
func (w *owned) losePower(off time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.tasks.Go(func() {
		if err := w.reboot(w.ctx, off); err != nil {
			w.opt.Log(err.Error())
		}
	})
}

// samePort insists on the port, which somebody's outgoing connection may have
// taken for a moment.
func samePort(port string, serve func(addr string) error) error {
	addr := net.JoinHostPort("127.0.0.1", port)
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := serve(addr)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// cutLinks ends the connections to the nodes' own sshd.
func (w *owned) cutLinks() { w.cutLinksOf("") }

// cutLinksOf ends those of one node, or with "" of all.
func (w *owned) cutLinksOf(name string) {
	w.mu.Lock()
	faces := w.faces
	w.mu.Unlock()
	for _, f := range faces {
		if f.sshd != nil && (name == "" || f.node.Name() == name) {
			f.sshd.CutLinks()
		}
	}
}
