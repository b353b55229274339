package node_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// proxy is what POST termproxy answers, and the task that began.
func proxy(t *testing.T, n *node.Node, vmid int) (ticket, upid string) {
	t.Helper()
	m, err := n.TermProxy(node.Root, vmid)
	if err != nil {
		t.Fatal(err)
	}
	return m["ticket"].(string), m["upid"].(string)
}

func TestTermproxyTimeout(t *testing.T) {
	n := open(t, node.Options{ConsoleWait: time.Millisecond})
	upid, err := n.Create(t.Context(), node.Root, spec(100))
	finish(t, n, upid, err)
	_, upid = proxy(t, n, 100)
	log, exit := finish(t, n, upid, nil)
	if want := "Error: failed waiting for client: timed out"; len(log) == 0 || log[0] != want {
		t.Errorf("%q", log)
	}
	if !strings.HasSuffix(exit, "-z lxc-console -n 100 -e -1' failed: exit code 1") {
		t.Error(exit)
	}
	if _, err := n.Dial(5900); !errors.Is(err, node.ErrRefused) {
		t.Errorf("the port answers still: %v", err)
	}
}

func TestVNCTicketLife(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	n := open(t, node.Options{Now: func() time.Time { return now }})
	upid, err := n.Create(t.Context(), node.Root, spec(100))
	finish(t, n, upid, err)
	ticket, _ := proxy(t, n, 100)
	for age, ok := range map[time.Duration]bool{0: true, 40 * time.Second: true, 41 * time.Second: false, -20 * time.Second: true, -21 * time.Second: false} {
		now = time.Unix(1_700_000_000, 0).Add(age)
		if err := n.CheckVNCTicket(node.Root, 100, ticket); (err == nil) != ok {
			t.Errorf("%v: %v", age, err)
		}
	}
}

// TestTermproxyPorts: the lowest that is free, a hundred at most.
func TestTermproxyPorts(t *testing.T) {
	n := open(t, node.Options{})
	upid, err := n.Create(t.Context(), node.Root, spec(100, "start", "1"))
	finish(t, n, upid, err)
	for want := 5900; want < 6000; want++ {
		m, err := n.TermProxy(node.Root, 100)
		if err != nil || m["port"] == "" {
			t.Fatal(want, err)
		}
	}
	if _, err := n.TermProxy(node.Root, 100); err == nil || err.Error() != "unable to find free port (5900-5999)" {
		t.Error(err)
	}
	c, err := n.Dial(5950)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "root@pam:nonsense\n"); err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); len(b) != 0 {
		t.Errorf("%q", b)
	}
	if m, err := n.TermProxy(node.Root, 100); err != nil || m["port"] != "5950" {
		t.Error(m, err)
	}
}
