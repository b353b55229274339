package api_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// These tests run the product's own client, from preflight to destroy and with each
// fault. Only this package's tests may combine client and sandbox.

func (f *fixture) client(t *testing.T) *pve.Client {
	t.Helper()
	c, err := pve.New(pve.Options{
		URL: f.srv.URL(), Token: f.login.TokenID + "=" + f.login.TokenUUID, Fingerprint: f.srv.Fingerprint(), Timeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wanted() lxc.Spec {
	return lxc.Spec{
		Hostname: "web-01", OSTemplate: "debian-12", Cores: 1, MemoryMiB: 512, SwapMiB: 512, DiskGiB: 8, Unprivileged: true,
		Features: lxc.Features{Nesting: true}, Network: lxc.Network{IPv4: "dhcp"}, Tags: []string{"web"},
	}
}

// createBy resolves, creates and follows.
func createBy(ctx context.Context, c *pve.Client, spec lxc.Spec) (pve.Created, pve.Result, error) {
	p, err := c.Resolve(ctx, spec, pve.Way{})
	if err != nil {
		return pve.Created{}, pve.Result{}, err
	}
	if err := c.Download(ctx, p, pve.Watch{}); err != nil {
		return pve.Created{}, pve.Result{}, err
	}
	made, err := c.Create(ctx, pve.CreateRequest{Spec: spec, Placement: p, Password: "secret secret"}, func(int) error { return nil })
	if err != nil {
		return made, pve.Result{}, err
	}
	r, err := c.Follow(ctx, made.UPID, pve.Watch{})
	return made, r, err
}

func TestClientLifecycle(t *testing.T) {
	f := serve(t, api.Options{})
	c := f.client(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	made, _, err := createBy(ctx, c, wanted())
	if err != nil {
		t.Fatal(err)
	}
	upid, err := c.Start(ctx, "pve1", made.CTID)
	if err == nil {
		_, err = c.Follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		t.Fatal(err)
	}
	addr, err := c.Address(ctx, "pve1", made.CTID, wanted().Network, made.MAC, pve.Watch{})
	if err != nil || !f.node.Subnet().Contains(addr) {
		t.Errorf("address %v, %v", addr, err)
	}
	if node, _, err := c.Find(ctx, made.CTID); err != nil || node != "pve1" {
		t.Errorf("found on %q, %v", node, err)
	}
	st, err := c.Status(ctx, "pve1", made.CTID)
	if err != nil || !st.Running || st.Name != "web-01" {
		t.Errorf("status %+v, %v", st, err)
	}
	if upid, err = c.Shutdown(ctx, "pve1", made.CTID, time.Minute, true); err == nil {
		_, err = c.Follow(ctx, upid, pve.Watch{})
	}
	if err == nil {
		upid, err = c.Destroy(ctx, "pve1", made.CTID, pve.DestroyOptions{Purge: true})
	}
	if err == nil {
		_, err = c.Follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		t.Fatal(err)
	}
	var e *pve.Error
	if _, err := c.Status(ctx, "pve1", made.CTID); !errors.As(err, &e) || e.Kind != pve.NotFound {
		t.Errorf("status of what is gone: %v", err)
	}
}

// TestClientFaults runs the client with each fault, from the first question to the
// address.
func TestClientFaults(t *testing.T) {
	type edit = func(*lxc.Spec)
	as := func(kind pve.Kind) *pve.Kind { return &kind }
	tests := []struct {
		fault string
		spec  edit
		kind  *pve.Kind // nil: it succeeds in spite of the fault
		says  string
	}{
		{fault: "id-taken:2"},
		{fault: "id-race:1"},
		{fault: "lock-timeout:1"},
		{fault: "task-line-late:1"},
		{fault: "task-poll-error:2"},
		{fault: "api-drop=^POST /nodes/pve1/lxc$:1"},
		{fault: "create-warnings=Systemd 257 detected.:1"},
		{fault: "create-fail=disk on fire:1", kind: as(pve.TaskFailed), says: "disk on fire"},
		{fault: "storage-full:1", kind: as(pve.TaskFailed), says: "free space in thin pool"},
		{fault: "auth-401", kind: as(pve.Unauthorized)},
		{fault: "no-privileges", kind: as(pve.Forbidden)},
		{fault: "no-os-templates", kind: as(pve.Invalid)},
		{fault: "download-fail=no route to the mirror:1", spec: func(s *lxc.Spec) { s.OSTemplate = "debian-13" }, kind: as(pve.TaskFailed), says: "no route to the mirror"},
		{fault: "", spec: func(s *lxc.Spec) { s.Storage = "local" }, kind: as(pve.Refused)},
		{fault: "", spec: func(s *lxc.Spec) { s.Network.Bridge = "vmbr7" }, kind: as(pve.Invalid)},
		{fault: "", spec: func(s *lxc.Spec) { s.Features.Keyctl = true }, kind: as(pve.Forbidden)},
		{fault: "", spec: func(s *lxc.Spec) { s.OSTemplate = "debian-13" }},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			f := serve(t, api.Options{})
			c := f.client(t)
			// id-race needs an id that is taken
			if _, _, err := createBy(t.Context(), c, wanted()); err != nil {
				t.Fatal(err)
			}
			if tt.fault != "" {
				x, err := driver.ParseFault(tt.fault)
				if err != nil {
					t.Fatal(err)
				}
				f.faults.Add(x)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			spec := wanted()
			spec.Hostname = "web-02"
			if tt.spec != nil {
				tt.spec(&spec)
			}
			made, _, err := createBy(ctx, c, spec)
			switch {
			case tt.kind == nil && err != nil:
				t.Errorf("failed: %v", err)
			case tt.kind == nil && made.CTID != 101 && !strings.HasPrefix(tt.fault, "id-taken"):
				t.Errorf("made CT %d", made.CTID)
			case tt.kind != nil && !pve.IsKind(err, *tt.kind):
				t.Errorf("%v, want %v", err, *tt.kind)
			case tt.kind != nil && !strings.Contains(err.Error(), tt.says):
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}

// The address is that of eth0, whatever other interfaces the guest has and in whatever
// form Proxmox reports it.
func TestClientAddress(t *testing.T) {
	for _, fault := range []string{driver.FaultOtherBridge, driver.FaultOldShapes, driver.FaultAddressLate + "=2"} {
		t.Run(fault, func(t *testing.T) {
			f := serve(t, api.Options{})
			c := f.client(t)
			x, err := driver.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			f.faults.Add(x)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			made, _, err := createBy(ctx, c, wanted())
			if err != nil {
				t.Fatal(err)
			}
			upid, err := c.Start(ctx, "pve1", made.CTID)
			if err == nil {
				_, err = c.Follow(ctx, upid, pve.Watch{})
			}
			if err != nil {
				t.Fatal(err)
			}
			addr, err := c.Address(ctx, "pve1", made.CTID, wanted().Network, made.MAC, pve.Watch{})
			if err != nil || !f.node.Subnet().Contains(addr) {
				t.Errorf("%v %v", addr, err)
			}
		})
	}
}

// Without an address of the right kind, the deadline passes.
func TestClientAddressFaults(t *testing.T) {
	for _, fault := range []string{driver.FaultNoAddress, driver.FaultLinkLocalOnly} {
		t.Run(fault, func(t *testing.T) {
			f := serve(t, api.Options{})
			c := f.client(t)
			made, _, err := createBy(t.Context(), c, wanted())
			if err != nil {
				t.Fatal(err)
			}
			upid, err := c.Start(t.Context(), "pve1", made.CTID)
			if err == nil {
				_, err = c.Follow(t.Context(), upid, pve.Watch{})
			}
			if err != nil {
				t.Fatal(err)
			}
			f.faults.Add(driver.Fault{Name: fault})
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			addr, err := c.Address(ctx, "pve1", made.CTID, wanted().Network, made.MAC, pve.Watch{})
			if addr != (netip.Addr{}) || !pve.IsKind(err, pve.Timeout) {
				t.Errorf("%v %v", addr, err)
			}
		})
	}
}
