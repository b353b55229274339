package pve_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	sim "github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// sandbox is a simulated Proxmox, and a client with a token of its root.
type sandbox struct {
	node   *node.Node
	server *api.Server
	faults *driver.Faults
	client *pve.Client
	prof   node.Profile // zero: 9.2
}

func newSandbox(t *testing.T, faults ...driver.Fault) *sandbox {
	t.Helper()
	s := &sandbox{faults: driver.NewFaults(faults...)}
	s.open(t, t.TempDir())
	return s
}

// open starts a node in dir, with a server and a client.
func (s *sandbox) open(t *testing.T, dir string) {
	t.Helper()
	n, err := node.Open(t.Context(), node.Options{Dir: dir, Driver: &sim.Driver{}, Faults: s.faults, Profile: s.prof, LockTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	server, err := api.Serve(n, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s.node, s.server = n, server
	login := n.Login()
	s.client = s.as(t, pve.Options{Token: login.TokenID + "=" + login.TokenUUID})
}

func (s *sandbox) as(t *testing.T, o pve.Options) *pve.Client {
	t.Helper()
	o.URL, o.Fingerprint = s.server.URL(), s.server.Fingerprint()
	c, err := pve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create takes a spec through Resolve, Download, Create and Follow.
func create(ctx context.Context, c *pve.Client, spec lxc.Spec) (*pve.Placement, pve.Created, pve.Result, error) {
	p, err := c.Resolve(ctx, spec, pve.Way{})
	if err != nil {
		return p, pve.Created{}, pve.Result{}, err
	}
	if err := c.Download(ctx, p, pve.Watch{}); err != nil {
		return p, pve.Created{}, pve.Result{}, err
	}
	made, err := c.Create(ctx, pve.CreateRequest{Spec: spec, Placement: p, Password: "correct horse", Description: pve.Marker("01JTEST")}, nil)
	if err != nil {
		return p, made, pve.Result{}, err
	}
	res, err := c.Follow(ctx, made.UPID, pve.Watch{})
	return p, made, res, err
}

// A node is "unknown" for ten seconds after a boot, until its pvestatd has reported. It
// counts as online all the same, and its containers are found.
func TestNodeThatHasJustBooted(t *testing.T) {
	s := newSandbox(t)
	if rows := s.node.NodeList(node.Root, ""); rows[0]["status"] != "unknown" || rows[0]["mem"] != nil {
		t.Errorf("a node that has just booted is told as %v", rows)
	}
	_, made, _, err := create(t.Context(), s.client, spec())
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.client.List(t.Context())
	if err != nil || len(list) != 1 || list[0].CTID != made.CTID {
		t.Errorf("listed %v, %v", list, err)
	}
}

// A token's name has at least two characters. For a shorter one the refused login says
// so.
func TestTokenNameOfOneCharacter(t *testing.T) {
	s := newSandbox(t)
	if _, err := s.node.CreateToken("root@pam", "x", false); err == nil {
		t.Error("the sandbox takes a token that Proxmox would not")
	}
	_, err := s.as(t, pve.Options{Token: "root@pam!x=00000000-0000-4000-8000-000000000000"}).Nodes(t.Context())
	var e *pve.Error
	if !errors.As(err, &e) || e.Kind != pve.Unauthorized || !strings.Contains(strings.Join(e.Hints, "\n"), "two characters at least") {
		t.Errorf("%v, hints %q", err, e.Hints)
	}
}

func TestWholeLife(t *testing.T) {
	s := newSandbox(t)
	login := s.node.Login()
	for name, c := range map[string]*pve.Client{"token": s.client, "password": s.as(t, pve.Options{User: login.User, Password: login.Password})} {
		t.Run(name, func(t *testing.T) { wholeLife(t, c) })
	}
}

func wholeLife(t *testing.T, c *pve.Client) {
	ctx := t.Context()
	sp := spec()
	sp.Tags, sp.OnBoot = []string{"Web", "infrahaus", "App"}, true
	p, made, res, err := create(ctx, c, sp)
	if err != nil {
		t.Fatal(err)
	}
	if keys := pve.SSHFingerprints(res.Lines); len(keys) == 0 {
		t.Errorf("no host keys in the log %q", res.Lines)
	}
	cfg, err := c.Config(ctx, p.Node, made.CTID)
	if err != nil || cfg.Marker() != "01JTEST" || cfg.MAC != made.MAC || cfg.Hostname != sp.Hostname || !cfg.Unprivileged {
		t.Errorf("configured %+v, %v", cfg, err)
	}
	if want := []string{"app", "infrahaus", "web"}; !slices.Equal(cfg.Tags, want) { // Proxmox keeps them sorted
		t.Errorf("tags %v, not %v", cfg.Tags, want)
	}
	upid, err := c.Start(ctx, p.Node, made.CTID)
	if err == nil {
		_, err = c.Follow(ctx, upid, pve.Watch{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if upid, err := c.Start(ctx, p.Node, made.CTID); upid != "" || err != nil {
		t.Errorf("started again: %q, %v", upid, err)
	}
	if a, err := c.Address(ctx, p.Node, made.CTID, cfg.Net0, cfg.MAC, pve.Watch{}); err != nil || !a.Is4() {
		t.Errorf("address %v, %v", a, err)
	}
	if st, err := c.Status(ctx, p.Node, made.CTID); err != nil || !st.Running || !slices.Equal(st.Tags, cfg.Tags) {
		t.Errorf("status %+v, %v", st, err)
	}
	if n, name, err := c.Find(ctx, made.CTID); n != p.Node || name != sp.Hostname || err != nil {
		t.Error(n, name, err)
	}
	if _, err := c.Destroy(ctx, p.Node, made.CTID, pve.DestroyOptions{Purge: true}); !pve.IsKind(err, pve.Refused) {
		t.Errorf("a running one was destroyed: %v", err)
	}
	for _, do := range []func() (string, error){
		func() (string, error) { return c.Shutdown(ctx, p.Node, made.CTID, time.Minute, true) },
		func() (string, error) { return c.Stop(ctx, p.Node, made.CTID) },
		func() (string, error) { return c.Destroy(ctx, p.Node, made.CTID, pve.DestroyOptions{Purge: true}) },
	} {
		upid, err := do()
		if err == nil {
			_, err = c.Follow(ctx, upid, pve.Watch{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Status(ctx, p.Node, made.CTID); !pve.IsKind(err, pve.NotFound) {
		t.Errorf("got %v", err)
	}
	if _, _, err := c.Find(ctx, made.CTID); !pve.IsKind(err, pve.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestDownloadsWhatIsMissing(t *testing.T) {
	s := newSandbox(t)
	sp := spec()
	sp.OSTemplate = "debian-13"
	p, _, _, err := create(t.Context(), s.client, sp)
	if err != nil || !strings.HasPrefix(p.Template.Name, "debian-13-standard_") || p.Template.Download {
		t.Errorf("got %+v, %v", p, err)
	}
}

// Of twenty creates at once, each gets an id of its own.
func TestTwentyAtOnce(t *testing.T) {
	s := newSandbox(t)
	var mu sync.Mutex
	ids := map[int]bool{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, made, _, err := create(t.Context(), s.client, spec())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[made.CTID] = true
		})
	}
	wg.Wait()
	all, err := s.client.List(t.Context())
	if err != nil || len(all) != 20 || len(ids) != 20 {
		t.Errorf("%d containers for %d ids, %v", len(all), len(ids), err)
	}
}

func TestFaultsThatAreBorne(t *testing.T) {
	for _, fault := range []driver.Fault{
		{Name: driver.FaultAPIDrop, Value: `^POST .*/lxc$`, Count: 1}, // created, but the answer was lost
		{Name: driver.FaultAPI596, Value: `^POST .*/lxc$`, Count: 1},
		{Name: driver.FaultAPI596, Value: `^GET .*/storage$`, Count: 2},
		{Name: driver.FaultAPIDrop, Value: `^GET `, Count: 2},
		{Name: driver.FaultTaskPollError, Count: 3},
		{Name: driver.FaultTaskLineLate},
		{Name: driver.FaultIDTaken, Count: 1},
		{Name: driver.FaultLockTimeout, Count: 1},
		{Name: driver.FaultCreateWarnings, Value: "Systemd 257 detected."},
	} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			s := newSandbox(t, fault)
			p, made, res, err := create(t.Context(), s.client, spec())
			if err != nil {
				t.Fatal(err)
			}
			if cfg, err := s.client.Config(t.Context(), p.Node, made.CTID); err != nil || cfg.MAC != made.MAC {
				t.Errorf("got %+v, %v", cfg, err)
			}
			if list, err := s.client.List(t.Context()); len(list) != 1 || err != nil {
				t.Errorf("%d containers, %v", len(list), err)
			}
			if (fault.Name == driver.FaultCreateWarnings) != (len(res.Warnings) == 1) {
				t.Errorf("warnings %q", res.Warnings)
			}
		})
	}
}

func TestStaleTicketIsRenewed(t *testing.T) {
	s := newSandbox(t, driver.Fault{Name: driver.FaultStaleTicket, Count: 1})
	login := s.node.Login()
	c := s.as(t, pve.Options{User: login.User, Password: login.Password})
	if _, err := c.Version(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFaultsThatAreNot(t *testing.T) {
	for _, tt := range []struct {
		fault driver.Fault
		spec  func(*lxc.Spec)
		kind  pve.Kind
		text  string
	}{
		{driver.Fault{Name: driver.FaultAuth401}, nil, pve.Unauthorized, "token"},
		{driver.Fault{Name: driver.FaultNoPrivileges}, nil, pve.Forbidden, "no privilege at all"},
		{driver.Fault{Name: driver.FaultCreateFail, Value: "unable to detect OS distribution"}, nil, pve.TaskFailed, "unable to detect OS distribution"},
		{driver.Fault{Name: driver.FaultStorageFull}, nil, -1, ""},
		{driver.Fault{Name: driver.FaultNoTemplates}, nil, pve.Invalid, "appliance index"},
		{driver.Fault{Name: driver.FaultDownloadFail, Value: "download failed: 404"}, func(s *lxc.Spec) { s.OSTemplate = "debian-13" }, pve.TaskFailed, "404"},
		{driver.Fault{Name: driver.FaultAPI500, Value: "POST .*/lxc$"}, nil, pve.Refused, ""},
		{driver.Fault{Name: driver.FaultAPI595, Value: "^GET /version"}, nil, pve.Unreachable, "No route to host"},
		{driver.Fault{Name: driver.FaultAPIGarbage, Value: "^GET /version"}, nil, pve.Unreachable, "not Proxmox"},
	} {
		t.Run(tt.fault.Name, func(t *testing.T) {
			s := newSandbox(t, tt.fault)
			sp := spec()
			if tt.spec != nil {
				tt.spec(&sp)
			}
			_, _, _, err := create(t.Context(), s.client, sp)
			var e *pve.Error
			if !errors.As(err, &e) || tt.kind >= 0 && e.Kind != tt.kind || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v", err)
			}
			t.Log(err, e.Hints)
			s.faults.Clear("")
			if list, err := s.client.List(t.Context()); len(list) != 0 || err != nil {
				t.Errorf("%d containers were left, %v", len(list), err)
			}
		})
	}
}

func TestGivenIDIsTaken(t *testing.T) {
	s := newSandbox(t)
	_, made, _, err := create(t.Context(), s.client, spec())
	if err != nil {
		t.Fatal(err)
	}
	sp := spec()
	sp.CTID = made.CTID
	if _, err := s.client.Resolve(t.Context(), sp, pve.Way{}); !pve.IsKind(err, pve.Invalid) {
		t.Errorf("got %v", err)
	}
}

// Preflight requires the same privileges as Proxmox: a login with exactly those creates a
// container.
func TestLeastPrivileges(t *testing.T) {
	s := newSandbox(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.node.AddUser("lim@pve", "limited-pw"))
	secret, err := s.node.AddToken("lim@pve!ci", true)
	must(err)
	must(s.node.AddRole("ct", "VM.Allocate", "VM.Audit", "VM.Config.Disk", "VM.Config.Network", "VM.Config.Memory", "VM.Config.CPU", "VM.PowerMgmt"))
	must(s.node.AddRole("disk", "Datastore.AllocateSpace", "Datastore.Audit"))
	must(s.node.AddRole("net", "SDN.Use"))
	c := s.as(t, pve.Options{Token: "lim@pve!ci=" + secret})
	grants := []node.ACL{{Path: "/vms", Role: "ct", Propagate: true}, {Path: "/storage", Role: "disk", Propagate: true}, {Path: "/sdn/zones/localnetwork", Role: "net", Propagate: true}}
	for n := range len(grants) + 1 {
		for _, id := range []string{"lim@pve", "lim@pve!ci"} {
			must(s.node.SetACL(id, grants[:n]...))
		}
		p, made, _, err := create(t.Context(), c, spec())
		if n < len(grants) {
			if !pve.IsKind(err, pve.Forbidden) || made.CTID != 0 {
				t.Errorf("with %d grants: %+v, %v", n, made, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.MarkerAllowed {
			t.Error("the marker needs VM.Config.Options")
		}
	}
}

func TestAddressFaults(t *testing.T) {
	for fault, text := range map[string]string{driver.FaultNoAddress: "no IPv4 address", driver.FaultLinkLocalOnly: "fe80::"} {
		s := newSandbox(t, driver.Fault{Name: fault})
		p, made, _, err := create(t.Context(), s.client, spec())
		if err != nil {
			t.Fatal(err)
		}
		upid, err := s.client.Start(t.Context(), p.Node, made.CTID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.Follow(t.Context(), upid, pve.Watch{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := s.client.Address(ctx, p.Node, made.CTID, spec().Network, made.MAC, pve.Watch{}); !pve.IsKind(err, pve.Timeout) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", fault, err)
		}
	}
}
