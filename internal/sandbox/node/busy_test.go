package node_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Three creates at once on a node take three times as long as one.
func TestCreatesShareTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := open(t, node.Options{Faults: driver.NewFaults(driver.Fault{Name: driver.FaultCreateSlow, Value: "3s"})})
		took := func(ids ...int) time.Duration {
			begin := time.Now()
			var upids []string
			for _, id := range ids {
				upid, err := n.Create(t.Context(), node.Root, spec(id))
				if err != nil {
					t.Fatal(err)
				}
				upids = append(upids, upid)
			}
			for _, upid := range upids {
				if _, exit := finish(t, n, upid, nil); exit != "OK" {
					t.Error(exit)
				}
			}
			return time.Since(begin)
		}
		if one, three := took(100), took(101, 102, 103); one != 3*time.Second || three != 9*time.Second {
			t.Errorf("one takes %s, three take %s", one, three)
		}
	})
}
