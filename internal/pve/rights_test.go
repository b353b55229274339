package pve_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// nobody is the token of a user without privileges.
func (s *sandbox) nobody(t *testing.T) *pve.Client {
	t.Helper()
	if err := s.node.CreateUser("ops@pve", "12345678"); err != nil {
		t.Fatal(err)
	}
	secret, err := s.node.CreateToken("ops@pve", "ci", true)
	if err != nil {
		t.Fatal(err)
	}
	return s.as(t, pve.Options{Token: "ops@pve!ci=" + secret})
}

var (
	roleLine = regexp.MustCompile(`^on the node: pveum role add (\w+) 2>/dev/null; pveum role modify (\w+) --append 1 --privs (\S+)$`)
	aclLine  = regexp.MustCompile(`^pveum acl modify (\S+) --roles (\w+)( --propagate 0)? --users '(\S+)' --tokens '(\S+)'$`)
)

// follow executes the hints of an error exactly as written, and returns the privileges
// and the paths in them.
func (s *sandbox) follow(t *testing.T, err error) (privs, paths []string) {
	t.Helper()
	var e *pve.Error
	if !errors.As(err, &e) || e.Kind != pve.Forbidden {
		t.Fatalf("not a refusal: %v", err)
	}
	for _, hint := range e.Hints {
		if m := roleLine.FindStringSubmatch(hint); m != nil {
			privs = strings.Split(m[3], ",")
			_ = s.node.CreateRole(m[1], nil)
			if err := s.node.ModifyRole(m[2], privs, true); err != nil {
				t.Fatal(err)
			}
		} else if m := aclLine.FindStringSubmatch(hint); m != nil {
			paths = append(paths, m[1])
			if err := s.node.ModifyACL(m[1], m[2], []string{m[4], m[5]}, m[3] == "", false); err != nil {
				t.Fatal(err)
			}
		} else if strings.Contains(hint, "pveum") {
			t.Errorf("no command: %s", hint)
		}
	}
	return privs, paths
}

// TestPrivilegesInOneRound: the error for a token without privileges names everything
// that a create needs at once, and after its hints the create works.
func TestPrivilegesInOneRound(t *testing.T) {
	const vm = "VM.Allocate VM.Audit VM.Config.Disk VM.Config.Network VM.Config.Memory VM.PowerMgmt VM.Config.CPU VM.Config.Options"
	const disk, archive = " Datastore.AllocateSpace Datastore.Audit", " Datastore.AllocateTemplate"
	for _, tt := range []struct {
		name    string
		profile node.Profile
		spec    func(*lxc.Spec)
		inside  []string
		privs   string
		paths   string
	}{
		{"all left open", node.Profile{}, nil, nil, vm + disk + archive, "/vms /storage"},
		{"from the index", node.Profile{}, func(s *lxc.Spec) { s.OSTemplate = "debian-13" }, nil, vm + disk + archive, "/vms /storage"},
		{"named", node.Profile{}, func(s *lxc.Spec) {
			s.Storage, s.Network.Bridge, s.OSTemplate = "local-lvm", "vmbr0", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
		}, nil, vm + disk + archive + " SDN.Use", "/vms /storage/local-lvm /storage/local /sdn/zones/localnetwork/vmbr0"},
		{"a VLAN", node.Profile{}, func(s *lxc.Spec) { s.Network.Bridge, s.Network.VLAN = "vmbr0", 7 }, nil, vm + disk + archive + " SDN.Use", "/vms /storage /sdn/zones/localnetwork/vmbr0"},
		{"by the console", node.Profile{}, nil, []string{pve.ConsolePrivilege}, vm + " VM.Console" + disk + archive, "/vms /storage"},
		{"privileged on 8", node.V84(), func(s *lxc.Spec) { s.Unprivileged, s.Features = false, lxc.Features{} }, nil, vm + disk + archive, "/vms /storage"},
		{"privileged on 9", node.V92(), func(s *lxc.Spec) { s.Unprivileged, s.Features = false, lxc.Features{} }, nil, vm + " Sys.Modify" + disk + archive, "/vms / /storage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSandbox(t)
			if tt.profile.Version != "" {
				s = &sandbox{faults: s.faults, prof: tt.profile}
				s.open(t, t.TempDir())
			}
			c := s.nobody(t)
			sp := spec()
			if tt.spec != nil {
				tt.spec(&sp)
			}
			_, err := c.Resolve(context.Background(), sp, pve.Way{Inside: tt.inside})
			privs, paths := s.follow(t, err)
			want := tt.privs
			wantPaths := strings.Fields(tt.paths)
			if !slices.Contains(wantPaths, "/sdn/zones/localnetwork/vmbr0") && sp.Network.Bridge == "" {
				want += " SDN.Use"
				wantPaths = append(wantPaths, "/sdn/zones/localnetwork")
			}
			if !same(privs, strings.Fields(want)) || !same(paths, wantPaths) {
				t.Errorf("asked for %v on %v\nwant       %v on %v", privs, paths, strings.Fields(want), wantPaths)
			}
			if _, _, _, err := create(context.Background(), c, sp); err != nil {
				t.Errorf("and then: %v", err)
			}
		})
	}
}

func same(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// TestPrivilegesPartly: the missing privileges are named in one list, with the grants for
// them only, on the paths where they are missing.
func TestPrivilegesPartly(t *testing.T) {
	s := newSandbox(t)
	c := s.nobody(t)
	ids := []string{"ops@pve", "ops@pve!ci"}
	grant := func(at, role string, privs ...string) {
		t.Helper()
		err := errors.Join(s.node.CreateRole(role, privs), s.node.ModifyACL(at, role, ids, true, false))
		if err != nil {
			t.Fatal(err)
		}
	}
	grant("/vms", "some", "VM.Allocate", "VM.Audit", "VM.Config.Disk", "VM.Config.Network", "VM.Config.Memory", "VM.Config.CPU", "VM.Config.Options")
	grant("/storage", "sees", "Datastore.Audit")
	_, err := c.Resolve(context.Background(), spec(), pve.Way{})
	want := "cannot create container 100: ops@pve!ci lacks VM.PowerMgmt on /vms/100; Datastore.AllocateSpace on /storage/local-lvm; SDN.Use on /sdn/zones/localnetwork/vmbr0"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, paths := s.follow(t, err); !same(paths, []string{"/vms", "/storage/local-lvm", "/sdn/zones/localnetwork/vmbr0"}) {
		t.Errorf("on %v", paths)
	}
	if _, _, _, err := create(context.Background(), c, spec()); err != nil {
		t.Errorf("and then: %v", err)
	}
	// An entry on the container's own path hides grants on the paths above it.
	grant("/vms/100", "less", "VM.Audit")
	err = c.May(context.Background(), "stop container 100", 100, []string{"VM.Audit", "VM.PowerMgmt"}, nil)
	if _, paths := s.follow(t, err); !same(paths, []string{"/vms/100"}) {
		t.Errorf("on %v", paths)
	}
	if err := c.May(context.Background(), "stop container 100", 100, []string{"VM.Audit", "VM.PowerMgmt"}, nil); err != nil {
		t.Errorf("and then: %v", err)
	}
}

// TestMay: a missing optional privilege is not an error, one of two alternatives is
// enough, and the role in an error's hints has the optional ones, too.
func TestMay(t *testing.T) {
	s := newSandbox(t)
	c := s.nobody(t)
	may := func(needs ...string) error {
		return c.May(context.Background(), "roll back container 100", 100, needs, []string{"VM.Console"})
	}
	privs, _ := s.follow(t, may("VM.Audit", "VM.Snapshot.Rollback|VM.Snapshot"))
	if fmt.Sprint(privs) != "[VM.Audit VM.Snapshot.Rollback VM.Console]" {
		t.Errorf("asked for %v", privs)
	}
	if err := may("VM.Audit", "VM.Snapshot|VM.Snapshot.Rollback"); err != nil {
		t.Error(err)
	}
	err := may("VM.Audit", "VM.Allocate")
	if err == nil || err.Error() != "cannot roll back container 100: ops@pve!ci lacks VM.Allocate on /vms/100" {
		t.Errorf("got %v", err)
	}
}
