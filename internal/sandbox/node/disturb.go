package node

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/console"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// disturb plays the faults of a console while one client looks.
func (n *Node) disturb(ctx context.Context, s *console.Session) {
	if v, ok := n.faults.Take(driver.FaultConsoleFlood); ok {
		go flood(ctx, s, v)
	}
	if v, ok := n.faults.Take(driver.FaultConsoleTypist); ok {
		every, text, _ := strings.Cut(v, "@")
		if text == "" {
			text = "ls -l\r"
		}
		go repeat(ctx, every, 2*time.Second, func(int) { _, _ = s.Write([]byte(text)) })
	}
	if v, ok := n.faults.Take(driver.FaultConsoleGarbage); ok {
		repeat(ctx, v, time.Second, func(i int) { s.Show([]byte(garbage(i))) })
	}
}

func repeat(ctx context.Context, every string, def time.Duration, f func(i int)) {
	d, err := time.ParseDuration(every)
	if err != nil || d <= 0 {
		d = def
	}
	tick := time.NewTicker(d)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f(i)
		}
	}
}

// garbage is output of a kernel and a systemd that spoils whatever is on the screen.
func garbage(i int) string {
	stamp := fmt.Sprintf("[%5d.%06d] ", 100+i, 4711*i%1000000)
	return []string{
		stamp + "audit: type=1400 audit(1700000000.123:45): apparmor=\"DENIED\" operation=\"mount\" profile=\"lxc-100\"\r\n",
		"[  OK  ] Started session-1.scope - Session 1 of User root.\r\n",
		"\r\nBroadcast message from systemd-journald@web:\r\n\r\nsystemd[1]: Caught <SEGV>, dumped core as pid 4711.\r\n\r\n",
		stamp + "eth0: renamed from vethX9aQ2b\r\n",
	}[i%4]
}

func flood(ctx context.Context, s *console.Session, v string) {
	left, err := strconv.Atoi(v)
	if err != nil {
		left = 1_000_000_000
	}
	noise := bytes.Repeat([]byte("y\r\n"), 2000)
	for ; left > 0 && ctx.Err() == nil; left -= len(noise) {
		s.Flood(noise[:min(left, len(noise))])
	}
}
