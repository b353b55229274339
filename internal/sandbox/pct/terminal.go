package pct

import (
	"io"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/kernel"
	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// onTerminal is lxc-attach on a terminal: that one is made raw, the guest's process gets a
// pty of its own, and the size of the window is passed on. If the terminal is hung up, so
// is the process.
func (t *Tool) onTerminal(p *kernel.Proc, vmid int, outer *tty.TTY, e driver.Exec) error {
	inner, err := t.node.Attach(vmid, e)
	if err != nil {
		return err
	}
	defer inner.Close()
	was := outer.Mode()
	raw := was.Raw()
	raw.Lflag &^= tty.ECHO
	outer.SetMode(raw)
	defer outer.SetMode(was)
	go follow(p, outer, inner)
	go func() {
		buf := make([]byte, 4<<10)
		for {
			n, err := outer.ReadContext(p.Context(), buf)
			if n > 0 {
				_, _ = inner.Write(buf[:n])
			}
			if err != nil {
				_ = inner.Close()
				return
			}
		}
	}()
	shown := make(chan struct{})
	go func() {
		_, _ = io.Copy(outer, inner)
		close(shown)
	}()
	select {
	case <-shown:
	case <-p.Context().Done():
		return exitError(129)
	}
	status, err := inner.Wait()
	if err != nil {
		return err
	}
	return exitError(status)
}

// follow passes the window's size on as it changes.
func follow(p *kernel.Proc, outer *tty.TTY, inner driver.Attached) {
	var last [2]int
	for {
		cols, rows := outer.Size()
		if now := [2]int{cols, rows}; now != last {
			last = now
			_ = inner.Resize(cols, rows)
		}
		select {
		case <-p.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
