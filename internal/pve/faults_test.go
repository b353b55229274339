package pve_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// step is one operation on a container, and the request that it makes.
type step struct {
	pattern string
	do      func(ctx context.Context, c *pve.Client) error
}

// steps are the operations that change something, in the order of a container's life, and
// the two that wait.
func steps() map[string]step {
	var made pve.Created
	done := func(upid string, err error) error { return err }
	return map[string]step{
		"1 create": {`^POST /nodes/pve1/lxc$`, func(ctx context.Context, c *pve.Client) (err error) {
			_, m, _, err := create(ctx, c, spec())
			if made = m; err == nil && made.UPID == "" {
				err = errors.New("its task was not found")
			}
			return err
		}},
		"2 start": {`^POST /nodes/pve1/lxc/100/status/start$`, func(ctx context.Context, c *pve.Client) error {
			return done(c.Start(ctx, "pve1", 100))
		}},
		"3 follow": {`^GET /nodes/pve1/tasks/[^/]*/status$`, func(ctx context.Context, c *pve.Client) error {
			upid, err := c.LastTask(ctx, "pve1", 100, "vzstart")
			if err == nil {
				_, err = c.Follow(ctx, upid, pve.Watch{})
			}
			return err
		}},
		"4 address": {`^GET /nodes/pve1/lxc/100/interfaces$`, func(ctx context.Context, c *pve.Client) error {
			a, err := c.Address(ctx, "pve1", 100, lxc.Network{IPv4: "dhcp"}, made.MAC, pve.Watch{})
			if err == nil && !a.IsValid() {
				err = errors.New("no address")
			}
			return err
		}},
		"5 config": {`^GET /nodes/pve1/lxc/100/config$`, func(ctx context.Context, c *pve.Client) error {
			_, err := c.Config(ctx, "pve1", 100)
			return err
		}},
		"6 stop": {`^POST /nodes/pve1/lxc/100/status/stop$`, func(ctx context.Context, c *pve.Client) error {
			upid, err := c.Stop(ctx, "pve1", 100)
			if err == nil {
				_, err = c.Follow(ctx, upid, pve.Watch{})
			}
			return err
		}},
		"7 destroy": {`^DELETE /nodes/pve1/lxc/100$`, func(ctx context.Context, c *pve.Client) error {
			upid, err := c.Destroy(ctx, "pve1", 100, pve.DestroyOptions{})
			if err == nil {
				_, err = c.Follow(ctx, upid, pve.Watch{})
			}
			if pve.IsKind(err, pve.NotFound) || pve.IsKind(err, pve.TaskFailed) { // by the request whose answer was lost
				return nil
			}
			return err
		}},
	}
}

// TestFaultsOfTheWire: each fault affects the one request that it names, as often as it
// says. A read is repeated unless Proxmox refused it or gave no answer in time. A create
// finds out what happened. For any other change that may have happened, the caller gets
// an error and asks again.
func TestFaultsOfTheWire(t *testing.T) {
	kinds := map[string]pve.Kind{
		driver.FaultAPI500: pve.Refused, driver.FaultAPI595: pve.Unreachable, driver.FaultAPI596: pve.Unreachable,
		driver.FaultAPIGarbage: pve.Unreachable, driver.FaultAPIHang: pve.Timeout, driver.FaultAPIDrop: pve.Unreachable,
	}
	for fault, kind := range kinds {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			login := s.node.Login()
			o := pve.Options{Token: login.TokenID + "=" + login.TokenUUID}
			if fault == driver.FaultAPIHang {
				o.Timeout = 5 * time.Second
			}
			c := s.as(t, o)
			all := steps()
			for _, name := range []string{"1 create", "2 start", "3 follow", "4 address", "5 config", "6 stop", "7 destroy"} {
				st := all[name]
				s.faults.Add(driver.Fault{Name: fault, Value: st.pattern, Count: 1})
				err := st.do(t.Context(), c)
				if _, left := s.faults.Has(fault); left {
					t.Fatalf("%s: the fault did not strike (%v)", name, err)
				}
				if err == nil {
					continue
				}
				t.Log(name+":", err)
				if !pve.IsKind(err, kind) {
					t.Errorf("%s: not %v: %v", name, kind, err)
				}
				if err := st.do(t.Context(), c); err != nil {
					t.Errorf("%s, once more: %v", name, err)
				}
			}
			if list, err := s.client.List(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("left are %v, %v", list, err)
			}
		})
	}
}
