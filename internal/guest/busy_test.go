package guest

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// If an sshd refuses connections for a while, Open tries again after growing pauses. auto
// must not treat it as absent and try another way.
func TestBusySSHD(t *testing.T) {
	id := newSigner(t)
	for _, line := range []string{"Not allowed at this time\r\n", "Exceeded MaxStartups\r\n"} {
		h := newNode(t, id)
		h.mu.Lock()
		h.refuse, h.busy = line, 2
		h.mu.Unlock()
		var mu sync.Mutex
		var said []string
		target, o := h.guestOptions(id)
		o.Waiting = func(s string) { mu.Lock(); said = append(said, s); mu.Unlock() }
		g, err := Open(ctxFor(t), target, o)
		if err != nil {
			t.Fatal(err)
		}
		g.Close()
		h.mu.Lock()
		met := h.met
		h.mu.Unlock()
		mu.Lock()
		all := strings.Join(said, "|")
		mu.Unlock()
		if !strings.Contains(all, "takes no connection for now; trying again in 1s|") || !strings.Contains(all, "again in 2s") || met != 3 {
			t.Errorf("%d connections, %q", met, all)
		}
		h.mu.Lock()
		h.busy = 1
		h.mu.Unlock()
		o.Transport, o.Node = "node", h.nodeSSH(keyText(t, id))
		if g, err = Open(ctxFor(t), target, o); err != nil {
			t.Fatal(err)
		}
		g.Close()
	}
	d := &dialer{whom: "the guest", address: "10.0.0.5:22"}
	err := d.why(io.EOF, "Not allowed at this time\r\n")
	if KindOf(err) != Busy || absent(err) || !strings.Contains(err.Error(), `on port 22: its sshd says "Not allowed at this time"`) {
		t.Errorf("%v", err)
	}
	// The greeting of a server that is no sshd is quoted.
	var e *Error
	if !errors.As(d.why(io.EOF, "220 smtp ready"), &e) || e.Kind != NoSSHD || e.Tail != "220 smtp ready" {
		t.Errorf("%+v", e)
	}
}
