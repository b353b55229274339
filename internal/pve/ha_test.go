package pve_test

import (
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// TestSettle: after a task that only asked the HA manager, the container's own state
// counts.
func TestSettle(t *testing.T) {
	task := func(typ string) string { return strings.Replace(upid, "vzcreate", typ, 1) }
	stopped, runs := ok(`{"status":"stopped","ha":{"managed":1,"state":"started"}}`), ok(`{"status":"running","ha":{"managed":1,"state":"started"}}`)
	gone := fail(500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist")
	for _, tt := range []struct {
		name    string
		upid    string
		answers []answer
		most    time.Duration
		want    string // in the error; "" for none
		asked   int
	}{
		{"it starts", task("hastart"), []answer{stopped, stopped, runs}, time.Minute, "", 3},
		{"it stops", task("hastop"), []answer{runs, stopped}, time.Minute, "", 2},
		{"a poll fails in passing", task("hastop"), []answer{fail(500, "got timeout"), stopped}, time.Minute, "", 2},
		{"the manager gives up", task("hastart"), []answer{stopped, ok(`{"status":"stopped","ha":{"managed":1,"state":"error"}}`)}, time.Minute, "cannot start container 100: the HA manager was asked to, and says error", 2},
		{"nothing happens", task("hastop"), []answer{runs}, 0, "cannot stop container 100: the HA manager was asked to, and has not done so after 0s", 1},
		{"it starts on another node", task("hastart"), []answer{stopped, gone}, time.Minute, "", 2},
		{"a task that did it itself", task("vzstop"), nil, time.Minute, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			if tt.answers != nil {
				f.on("GET /nodes/pve1/lxc/100/status/current", tt.answers...)
			}
			f.on("GET /nodes/pve2/lxc/100/status/current", runs)
			f.on("GET /cluster/resources", ok(`[{"vmid":100,"type":"lxc","node":"pve2","name":"web"}]`))
			said := ""
			err := f.client(t).Settle(t.Context(), "pve1", 100, tt.upid, tt.most, pve.Watch{Waiting: func(s string) { said = s }})
			if got := f.count("GET", "/nodes/pve1/lxc/100/status/current"); got != tt.asked {
				t.Errorf("looked %d times", got)
			}
			if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
				t.Errorf("got %v", err)
			}
			if (said != "") != (tt.asked > 0) {
				t.Errorf("said %q", said)
			}
		})
	}
}
