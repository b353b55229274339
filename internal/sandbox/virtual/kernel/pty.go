package kernel

import (
	"context"
	"io"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual/tty"
)

// Bridge does the part of sshd in a session with a pty: it types the bytes of r on the
// terminal and writes the terminal's output to w. It returns when the process has ended and everything that
// it printed has been passed on. The terminal is gone then. When the link ends before
// that, the process is hung up.
func (m *Machine) Bridge(ctx context.Context, t *tty.TTY, p *Proc, r io.Reader, w io.Writer) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		buf := make([]byte, 4<<10)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				if _, err := t.Type(ctx, buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		select {
		case <-p.Done():
		case <-ctx.Done():
			p.HangUpSession()
			p.Signal(1)
		}
		m.DropPts(t)
	}()
	buf := make([]byte, 8<<10)
	for {
		n, err := t.Show(context.Background(), buf) // ends with the hangup
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				cancel()
				w = io.Discard
			}
		}
		if err != nil {
			return
		}
	}
}

// PtyRequest is the payload of SSH's pty-req, which is parsed with ssh.Unmarshal.
type PtyRequest struct {
	Term          string
	Cols, Rows    uint32
	Width, Height uint32
	Modes         string
}

// WindowChange is the payload of SSH's window-change.
type WindowChange struct{ Cols, Rows, Width, Height uint32 }
