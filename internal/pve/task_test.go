package pve_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
)

const taskPath = "/nodes/pve1/tasks/" + upid

func running() answer { return ok(`{"status":"running"}`) }
func stopped(exit string) answer {
	return ok(`{"status":"stopped","exitstatus":` + fmt.Sprintf("%q", exit) + `}`)
}

func TestFollow(t *testing.T) {
	log := ok(`[{"n":2,"t":"WARN: newer than tested"},{"n":1,"t":"extracting"},{"n":4,"t":"TASK OK"},{"n":3,"t":"done: SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0 root@web-01"}]`)
	for _, tt := range []struct {
		name   string
		status []answer
		log    []answer
		want   string // the lines
		kind   pve.Kind
		text   string
	}{
		{"lines out of order", []answer{stopped("OK")}, []answer{log}, "extracting|WARN: newer than tested|done: SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0 root@web-01|TASK OK", -1, ""},
		{"warnings are success", []answer{running(), stopped("WARNINGS: 1")}, []answer{ok(`[{"n":1,"t":"no content"}]`), log}, "extracting|WARN: newer than tested|done: SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0 root@web-01|TASK OK", -1, ""},
		{"polls that fail in passing", []answer{running(), {596, "Connection timed out", ""}, cut, {595, "x", ""}, stopped("OK")}, []answer{ok(`[{"n":1,"t":"TASK OK"}]`)}, "TASK OK", -1, ""},
		{"the last line lags behind the status", []answer{stopped("OK")}, []answer{ok(`[{"n":1,"t":"a"}]`), ok(`[]`), ok(`[{"n":2,"t":"TASK OK"}]`)}, "a|TASK OK", -1, ""},
		{"failed", []answer{stopped("bridge 'vmbr9' does not exist")}, []answer{ok(`[{"n":1,"t":"a"},{"n":2,"t":"TASK ERROR: bridge 'vmbr9' does not exist"}]`)}, "a|TASK ERROR: bridge 'vmbr9' does not exist", pve.TaskFailed, "cannot create container 100: bridge 'vmbr9' does not exist"},
		{"worker died early", []answer{stopped("unable to read tail (got 0 bytes)")}, []answer{ok(`[{"n":1,"t":"no content"}]`)}, "", pve.TaskFailed, "died without a result"},
		{"worker died", []answer{stopped("unexpected status")}, []answer{ok(`[{"n":1,"t":"a"}]`)}, "a", pve.TaskFailed, "died"},
		{"no such task", []answer{{400, "Parameter verification failed.", `{"data":null,"errors":{"upid":"no such task"}}`}}, nil, "", pve.Refused, "no such task"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.on("GET "+taskPath+"/status", tt.status...)
			if tt.log != nil {
				f.on("GET "+taskPath+"/log", tt.log...)
			}
			var seen []string
			res, err := f.client(t).Follow(context.Background(), upid, pve.Watch{Line: func(s string) { seen = append(seen, s) }})
			if got := strings.Join(seen, "|"); got != tt.want {
				t.Errorf("lines %q", got)
			}
			if tt.kind < 0 {
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(tt.want, "WARN") && !slices.Equal(res.Warnings, []string{"newer than tested"}) {
					t.Errorf("warnings %q", res.Warnings)
				}
				return
			}
			var e *pve.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v", err)
			}
			if tt.kind == pve.TaskFailed && strings.Join(e.Tail(), "|") != tt.want {
				t.Errorf("tail %q", e.Tail())
			}
		})
	}
}

// If the node's pve-container does not know a distribution yet, the error has the hint
// wherever Proxmox reports it.
func TestUnsupportedDistribution(t *testing.T) {
	for _, tt := range []struct {
		exit, log string
		want      bool
	}{
		{"unable to create CT 100 - unsupported debian version '14.0'", "", true},
		{"unable to create CT 100 - unsupported Ubuntu version '26.04'", "", true},
		{"unable to create CT 100 - unsupported fedora release '45'", "", true},
		{"unsupported openSUSE release '17.0'", "", true},
		{"unknown ubuntu version '26.04'", "", true},
		{"startup for container '100' failed", "lxc-start: unsupported debian version '14.1'", true},
		{"unable to create CT 100 - unsupported image format", "", false},
		{"startup for container '100' failed", "unsupported network type", false},
	} {
		f := newFake(t)
		f.on("GET "+taskPath+"/status", stopped(tt.exit))
		f.on("GET "+taskPath+"/log", ok(fmt.Sprintf(`[{"n":1,"t":%q},{"n":2,"t":%q}]`, tt.log, "TASK ERROR: "+tt.exit)))
		_, err := f.client(t).Follow(context.Background(), upid, pve.Watch{})
		var e *pve.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", tt.exit, err)
		}
		hints := strings.Join(e.Hints, "\n")
		if got := strings.Contains(hints, "apt install pve-container") && strings.Contains(hints, "older OS template"); got != tt.want {
			t.Errorf("%s, %s: hints %q", tt.exit, tt.log, hints)
		}
	}
}

func TestFollowReadsLongLogsWhole(t *testing.T) {
	f := newFake(t)
	f.on("GET "+taskPath+"/status", stopped("OK"))
	const total = 1203
	f.handle("GET "+taskPath+"/log", func(c call) answer {
		var start, limit int
		fmt.Sscanf(c.query, "start=%d&limit=%d", &start, &limit)
		var rows []string
		for n := start + 1; n <= min(start+limit, total); n++ {
			text := fmt.Sprint("line ", n)
			if n == total {
				text = "TASK OK"
			}
			rows = append(rows, fmt.Sprintf(`{"n":%d,"t":%q}`, n, text))
		}
		return ok("[" + strings.Join(rows, ",") + "]")
	})
	n := 0
	_, err := f.client(t).Follow(context.Background(), upid, pve.Watch{Line: func(s string) {
		if n++; n < total && s != fmt.Sprint("line ", n) {
			t.Fatalf("line %d is %q", n, s)
		}
	}})
	if err != nil || n != total {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	f.handle("GET "+taskPath+"/status", func(c call) answer {
		if c.nth == 3 {
			cancel()
		}
		return running()
	})
	f.on("GET "+taskPath+"/log", ok(`[]`))
	_, err := f.client(t).Follow(ctx, upid, pve.Watch{})
	if !pve.IsKind(err, pve.Interrupted) {
		t.Errorf("got %v", err)
	}
}

func TestFollowNothing(t *testing.T) {
	if _, err := newFake(t).client(t).Follow(context.Background(), "", pve.Watch{}); err != nil {
		t.Error(err)
	}
	if _, err := newFake(t).client(t).Follow(context.Background(), "UPID:a:b", pve.Watch{}); !pve.IsKind(err, pve.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestSSHFingerprints(t *testing.T) {
	got := pve.SSHFingerprints([]string{
		"Creating SSH host key 'ssh_host_ed25519_key' - this may take some time ...",
		"done: SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0 root@web-01",
		"done: nonsense", "xdone: SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0 root@web-01",
	})
	if !slices.Equal(got, []string{"SHA256:+Rw0DWiQWu8Pwk6cohUG+mK0Zv7B0kCUXsGm+jItl+0"}) {
		t.Errorf("got %q", got)
	}
}

func TestLifecycleIsIdempotent(t *testing.T) {
	f := newFake(t)
	c, ctx := f.client(t), context.Background()
	f.on("POST /nodes/pve1/lxc/100/status/start", fail(500, "CT 100 already running"))
	f.on("POST /nodes/pve1/lxc/100/status/stop", fail(500, "CT 100 not running"))
	f.on("POST /nodes/pve1/lxc/100/status/shutdown", fail(500, "CT 100 not running"))
	if upid, err := c.Start(ctx, "pve1", 100); upid != "" || err != nil {
		t.Error(upid, err)
	}
	if upid, err := c.Stop(ctx, "pve1", 100); upid != "" || err != nil {
		t.Error(upid, err)
	}
	if upid, err := c.Shutdown(ctx, "pve1", 100, 0, true); upid != "" || err != nil {
		t.Error(upid, err)
	}
	f.on("POST /nodes/pve1/lxc/101/status/start", fail(500, "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout"), ok(`"`+upid+`"`))
	if got, err := c.Start(ctx, "pve1", 101); got != upid || err != nil {
		t.Errorf("a lock that was not got in time is tried again: %q, %v", got, err)
	}
}
