package setup_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/transports"
)

func TestHostName(t *testing.T) {
	for _, tt := range []struct {
		url   string
		taken []string
		want  string
	}{
		{"https://pve.example.com:8006", nil, "pve"},
		{"https://pve.example.com.:8006", nil, "pve"},
		{"https://homelab:8006", nil, "homelab"},
		{"https://192.168.1.10:8006", nil, "192.168.1.10"},
		{"https://[fe80::1%25eth0]:8006", nil, "pve"},
		{"https://localhost:8006", nil, "pve"},
		{"https://_x.lan:8006", nil, "pve"},
		{"https://pve.example.com:8006", []string{"pve"}, "pve-2"},
		{"https://pve.example.com:8006", []string{"pve", "pve-2"}, "pve-3"},
		{"https://sandbox.lan:8006", []string{"sandbox"}, "sandbox-2"},
	} {
		if got := setup.HostName(tt.url, tt.taken); got != tt.want {
			t.Errorf("%s beside %v: %s, want %s", tt.url, tt.taken, got, tt.want)
		}
	}
}

func TestPick(t *testing.T) {
	two := []pve.Offer{{Name: "a"}, {Name: "b"}}
	for _, tt := range []struct {
		want   string
		offers []pve.Offer
		name   string
		err    string
	}{
		{"", two[:1], "a", ""},
		{"", two, "", ""},
		{"b", two, "b", ""},
		{"c", two, "", "there is no storage c"},
		{"", nil, "", "there is no storage that"},
	} {
		c, err := setup.Pick("storage", tt.want, tt.offers)
		if c.Name != tt.name || tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) {
			t.Errorf("%q of %v: %q %v", tt.want, tt.offers, c.Name, err)
		}
	}
}

func TestPrivileges(t *testing.T) {
	for _, tt := range []struct {
		transport string
		major     int
		console   bool
		sdn       bool
	}{
		{transports.API, 8, true, true},
		{transports.Auto, 9, true, true},
		{transports.Node, 8, false, true},
		{transports.Guest, 7, false, false},
		{transports.Guest, 0, false, true},
	} {
		p := setup.Privileges(tt.transport, tt.major)
		if slices.Contains(p, "VM.Console") != tt.console || slices.Contains(p, "SDN.Use") != tt.sdn || !slices.IsSorted(p) {
			t.Errorf("%s on %d: %v", tt.transport, tt.major, p)
		}
	}
}

func TestDecide(t *testing.T) {
	a := setup.Account{User: "infrahaus@pve", Role: "infrahaus", Token: "cli"}
	privs := []string{"Datastore.Audit", "VM.Audit", "VM.Allocate"}
	paths := []string{"/vms", "/storage/local"}
	role := func(privs ...string) []pve.Role { return []pve.Role{{Name: "infrahaus", Privileges: privs}} }
	for _, tt := range []struct {
		name   string
		there  setup.There
		lines  string
		kept   string
		widens int
		err    string
	}{
		{name: "nothing is there", lines: `pveum user add infrahaus@pve --comment 'made by infrahaus init'
pveum role add infrahaus --privs Datastore.Audit,VM.Audit,VM.Allocate
pveum user token add infrahaus@pve cli --privsep 1 --comment 'made by infrahaus init'
pveum acl modify /vms --roles infrahaus --users infrahaus@pve --tokens 'infrahaus@pve!cli'
pveum acl modify /storage/local --roles infrahaus --users infrahaus@pve --tokens 'infrahaus@pve!cli'`},
		{name: "user and role suffice", there: setup.There{User: true, Roles: role(privs...), Lacks: map[string][]string{}}, lines: `pveum user token add infrahaus@pve cli --privsep 1 --comment 'made by infrahaus init'
pveum acl modify /vms --roles infrahaus --tokens 'infrahaus@pve!cli'
pveum acl modify /storage/local --roles infrahaus --tokens 'infrahaus@pve!cli'`,
			kept: "the user infrahaus@pve exists and stays as it is; the role infrahaus exists and stays as it is"},
		{name: "the role lacks one, so its user does, too", there: setup.There{User: true, Roles: role("Datastore.Audit", "VM.Audit"), Lacks: map[string][]string{"/vms": {"VM.Allocate"}},
			Grants: []pve.Grant{{Path: "/vms", Role: "infrahaus", ID: "infrahaus@pve"}}}, lines: `pveum role modify infrahaus --append 1 --privs VM.Allocate
pveum user token add infrahaus@pve cli --privsep 1 --comment 'made by infrahaus init'
pveum acl modify /vms --roles infrahaus --tokens 'infrahaus@pve!cli'
pveum acl modify /storage/local --roles infrahaus --tokens 'infrahaus@pve!cli'`,
			kept: "the user infrahaus@pve exists and stays as it is", widens: 1},
		{name: "the user lacks a privilege on one path", there: setup.There{User: true, Roles: role(append(privs, "VM.Clone")...), Lacks: map[string][]string{"/vms": {"VM.Allocate"}}},
			lines: `pveum user token add infrahaus@pve cli --privsep 1 --comment 'made by infrahaus init'
pveum acl modify /vms --roles infrahaus --users infrahaus@pve --tokens 'infrahaus@pve!cli'
pveum acl modify /storage/local --roles infrahaus --tokens 'infrahaus@pve!cli'`,
			kept: "the user infrahaus@pve exists and stays as it is; the role infrahaus exists and stays as it is; the role infrahaus grants more than is needed: VM.Clone", widens: 1},
		{name: "the token is there", there: setup.There{User: true, Tokens: []string{"cli", "cli-2"}}, err: "the token infrahaus@pve!cli exists"},
		{name: "a role of Proxmox", there: setup.There{Roles: []pve.Role{{Name: "infrahaus", BuiltIn: true}}}, err: "the role infrahaus is Proxmox's own and lacks Datastore.Audit, VM.Audit, VM.Allocate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := setup.Decide(a, privs, paths, tt.there)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			if got := strings.Join(p.Lines(), "\n"); err != nil || got != tt.lines {
				t.Errorf("%v\n%s\nwant\n%s", err, got, tt.lines)
			}
			if got := strings.Join(p.Kept, "; "); got != tt.kept || len(p.Widens()) != tt.widens {
				t.Errorf("kept %s, widens %v", got, p.Widens())
			}
		})
	}
	_, err := setup.Decide(a, privs, paths, setup.There{User: true, Tokens: []string{"cli", "cli-2"}})
	var taken *setup.Taken
	if !errors.As(err, &taken) || taken.Free != "cli-3" {
		t.Errorf("proposes %v", taken)
	}
}

// world is a simulated Proxmox with an administrator.
type world struct {
	node   *node.Node
	server *api.Server
	admin  *pve.Client
}

func open(t *testing.T) *world {
	t.Helper()
	n, err := node.Open(t.Context(), node.Options{Dir: t.TempDir(), Driver: &fake.Driver{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	s, err := api.Serve(n, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &world{node: n, server: s}
	w.admin = w.as(t, pve.Options{User: "root@pam", Password: n.Login().Password})
	return w
}

func (w *world) as(t *testing.T, o pve.Options) *pve.Client {
	t.Helper()
	o.URL, o.Fingerprint = w.server.URL(), w.server.Fingerprint()
	c, err := pve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var place = setup.Place{Storage: "local-lvm", Archive: "local", Bridge: "vmbr0", Major: 8}

// make has the account made with these privileges.
func (w *world) make(t *testing.T, a setup.Account, privs []string) (*setup.Made, *pve.Client) {
	t.Helper()
	there, err := setup.Look(t.Context(), w.admin, a, privs, place.Paths())
	if err != nil {
		t.Fatal(err)
	}
	p, err := setup.Decide(a, privs, place.Paths(), there)
	if err != nil {
		t.Fatal(err)
	}
	m, err := setup.Make(t.Context(), w.admin, p)
	if err != nil {
		t.Fatal(err)
	}
	return m, w.as(t, pve.Options{Token: a.TokenID() + "=" + m.Secret})
}

// TestLeast: with all of the privileges, everything that commands check before their first
// change is allowed, and with one less, something is not.
func TestLeast(t *testing.T) {
	w := open(t)
	can := func(c *pve.Client, transport string) error {
		spec := lxc.Spec{Hostname: "web", OSTemplate: "debian-13", Cores: 1, MemoryMiB: 64, DiskGiB: 1, Unprivileged: true,
			Storage: place.Storage, Network: lxc.Network{Bridge: place.Bridge, IPv4: "dhcp", VLAN: 7}}
		var inside []string
		if transport == transports.API {
			inside = []string{pve.ConsolePrivilege}
		}
		p, err := c.Resolve(context.Background(), spec, pve.Way{Inside: inside})
		if err != nil {
			return err
		}
		if !p.Template.Download {
			return errors.New("nothing is downloaded, so Datastore.AllocateTemplate is not tried")
		}
		if !p.MarkerAllowed {
			return errors.New("no marker")
		}
		return c.May(context.Background(), "sync container 100", 100, []string{"VM.Audit", "VM.Snapshot", "VM.PowerMgmt", "VM.Allocate"}, nil)
	}
	for i, transport := range []string{transports.API, transports.Node, transports.Guest} {
		privs := setup.Privileges(transport, 8)
		_, c := w.make(t, setup.Account{User: fmt.Sprintf("all%d@pve", i), Role: "all-" + transport, Token: "cli"}, privs)
		if err := can(c, transport); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		for j, p := range privs {
			if p == "Datastore.Audit" { // AllocateSpace shows a storage as well; Audit shows the archives on another one
				continue
			}
			less := slices.Delete(slices.Clone(privs), j, j+1)
			_, c := w.make(t, setup.Account{User: fmt.Sprintf("u%d-%d@pve", i, j), Role: fmt.Sprintf("less-%d-%d", i, j), Token: "cli"}, less)
			if err := can(c, transport); err == nil {
				t.Errorf("%s: %s is not needed", transport, p)
			}
		}
	}
}

// TestUndo: nothing is left of what was made, and what existed stays.
func TestUndo(t *testing.T) {
	w := open(t)
	before := w.sees()
	a := setup.Account{User: "infrahaus@pve", Role: "infrahaus", Token: "cli"}
	m, _ := w.make(t, a, setup.Privileges(transports.Node, 8))
	if w.sees() == before {
		t.Fatal("nothing was made")
	}
	if err := m.Undo(t.Context()); err != nil || w.sees() != before {
		t.Errorf("%v\n%s\nwant\n%s", err, w.sees(), before)
	}
	w.make(t, a, setup.Privileges(transports.Node, 8))
	before = w.sees()
	a.Token = "second"
	m, _ = w.make(t, a, setup.Privileges(transports.Node, 8))
	if err := m.Undo(t.Context()); err != nil || w.sees() != before {
		t.Errorf("%v\n%s\nwant\n%s", err, w.sees(), before)
	}
}

func (w *world) sees() string {
	users := w.node.UserList(node.Root, node.Params{"full": "1"})
	return fmt.Sprint(users, w.node.RoleList()["infrahaus"], w.node.ACLList(node.Root))
}
