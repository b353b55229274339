package pve_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const createPath = "/nodes/pve1/lxc"

func request(ctid int) pve.CreateRequest {
	return pve.CreateRequest{
		Spec: lxc.Spec{CTID: ctid, Hostname: "web", Cores: 1, MemoryMiB: 512, DiskGiB: 2, Unprivileged: true,
			Features: lxc.Features{Nesting: true}, Tags: []string{"a", "b"},
			Network: lxc.Network{IPv4: "10.0.0.5/24", Gateway4: "10.0.0.1", VLAN: 7, Nameservers: []string{"1.1.1.1", "9.9.9.9"}},
			SSHKeys: []string{"ssh-ed25519 AAAA one\n", "ssh-ed25519 AAAA one"}},
		Placement: &pve.Placement{Node: "pve1", Storage: "btr", Bridge: "vmbr0", CTID: 100, MarkerAllowed: true,
			Template: pve.Template{VolID: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"}},
		Password: "correct horse", SSHKeys: []string{"ssh-ed25519 BBBB tool"}, Description: pve.Marker("01J"), MAC: "BC:24:11:00:00:01",
		Mine: func(s pve.Seen) bool { return s.Config.MAC == "BC:24:11:00:00:01" || s.Left != "" },
	}
}

func TestCreateSendsEveryParameter(t *testing.T) {
	f := newFake(t)
	f.on("POST "+createPath, ok(`"`+upid+`"`))
	made, err := f.client(t).Create(context.Background(), request(0), nil)
	if err != nil || made.CTID != 100 || made.UPID != upid || made.MAC != "BC:24:11:00:00:01" {
		t.Fatalf("got %+v, %v", made, err)
	}
	want := map[string]any{
		"vmid": 100.0, "ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "hostname": "web", "unprivileged": 1.0,
		"rootfs": "btr:2", "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,tag=7,ip=10.0.0.5/24,gw=10.0.0.1",
		"swap": 0.0, "cores": 1.0, "memory": 512.0, "features": "nesting=1", "tags": "a;b", "nameserver": "1.1.1.1 9.9.9.9",
		"password": "correct horse", "ssh-public-keys": "ssh-ed25519 AAAA one\nssh-ed25519 BBBB tool", "description": "infrahaus:01J",
	}
	body := f.calls[0].body
	for k, v := range want {
		if body[k] != v {
			t.Errorf("%s is %v, not %v", k, body[k], v)
		}
	}
	if len(body) != len(want) {
		t.Errorf("sent %v", body)
	}
}

// Empty keys are left out, because the key alone needs a privilege.
func TestCreateLeavesEmptyKeysOut(t *testing.T) {
	f := newFake(t)
	f.on("POST "+createPath, ok(`"`+upid+`"`))
	r := request(0)
	r.Spec.Features, r.Spec.Tags, r.Placement.MarkerAllowed = lxc.Features{}, nil, false
	if _, err := f.client(t).Create(context.Background(), r, nil); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"features", "tags", "description", "onboot"} {
		if v, has := f.calls[0].body[k]; has {
			t.Errorf("%s was sent as %v", k, v)
		}
	}
}

func TestCreateTakesTheNextID(t *testing.T) {
	f := newFake(t)
	f.handle("POST "+createPath, func(c call) answer {
		switch c.body["vmid"] {
		case 100.0:
			return fail(500, "CT 100 already exists on node 'pve1'")
		case 104.0:
			return fail(500, "unable to create CT 104 - CT 104 already exists on node 'pve1'")
		}
		return ok(`"` + upid + `"`)
	})
	f.on("GET /cluster/nextid", ok(`"103"`), ok(`104`), ok(`"104"`))
	var claimed []int
	made, err := f.client(t).Create(context.Background(), request(0), func(id int) error {
		if claimed = append(claimed, id); id == 103 {
			return pve.ErrTaken // given to another run
		}
		return nil
	})
	if err != nil || made.CTID != 105 || !slices.Equal(claimed, []int{100, 103, 104, 105}) {
		t.Errorf("got %+v, %v after %v", made, err, claimed)
	}
}

func TestCreateRefusesAGivenIDThatExists(t *testing.T) {
	f := newFake(t)
	f.on("POST "+createPath, fail(500, "CT 100 already exists on node 'pve1'"))
	_, err := f.client(t).Create(context.Background(), request(100), nil)
	var e *pve.Error
	if !errors.As(err, &e) || e.Kind != pve.Refused || e.Field != "ctid" {
		t.Errorf("got %v", err)
	}
}

func TestCreateStopsWhenTheClaimFails(t *testing.T) {
	f := newFake(t)
	broken := errors.New("database is read-only")
	_, err := f.client(t).Create(context.Background(), request(0), func(int) error { return broken })
	if !errors.Is(err, broken) || f.count("POST", createPath) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestCreateAfterABrokenConnection(t *testing.T) {
	mine := ok(`{"net0":"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth"}`)
	other := ok(`{"net0":"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:FF:FF:FF,ip=dhcp,type=veth"}`)
	creating := ok(`{"lock":"create","digest":"a"}`)
	missing := fail(500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist")
	for _, tt := range []struct {
		name   string
		posts  []answer
		config []answer
		posted int
		text   string // of the error, "" for success
	}{
		{"it was created", []answer{cut}, []answer{creating, mine}, 1, ""},
		{"a proxy gave up waiting", []answer{{596, "Connection timed out", ""}}, []answer{missing, creating, mine}, 1, ""},
		{"it never arrived", []answer{cut, ok(`"` + upid + `"`)}, []answer{missing}, 2, ""},
		{"it arrived late", []answer{cut, fail(500, "CT 100 already exists on node 'pve1'")}, []answer{missing, missing, missing, mine}, 2, ""},
		{"somebody else's", []answer{cut}, []answer{other}, 1, "taken"},
		{"it never gets through", []answer{cut}, []answer{missing}, 3, "connection was closed"},
		{"no route", []answer{{595, "No route to host", ""}}, nil, 1, "No route to host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST "+createPath, tt.posts...)
			if tt.config != nil {
				f.on("GET "+createPath+"/100/config", tt.config...)
			}
			f.on("GET /nodes/pve1/tasks", ok(`[{"upid":"`+upid+`","starttime":1795401875}]`))
			made, err := f.client(t).Create(context.Background(), request(100), nil)
			switch {
			case tt.text != "":
				if err == nil || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %v", err)
				}
			case err != nil || made.UPID != upid:
				t.Errorf("got %+v, %v", made, err)
			}
			if n := f.count("POST", createPath); n != tt.posted {
				t.Errorf("%d requests to create", n)
			}
		})
	}
}

// The error for an unknown result must not look like a refusal.
func TestCreateThatNobodyKnowsOf(t *testing.T) {
	f := newFake(t)
	f.on("POST "+createPath, answer{596, "Connection timed out", ""})
	f.on("GET "+createPath+"/100/config", fail(403, "Permission check failed (/vms/100, VM.Audit)"))
	_, err := f.client(t).Create(context.Background(), request(100), nil)
	var e *pve.Error
	if !errors.As(err, &e) || e.Kind != pve.Unreachable || e.Status != 0 || !strings.Contains(err.Error(), "could not be found out") {
		t.Errorf("got %v", err)
	}
}

func TestCreateErrorsNameTheUsersKey(t *testing.T) {
	for reason, field := range map[string]string{
		"SSH public key validation error": "ssh-key",
		"storage 'nost' does not exist":   "storage",
	} {
		f := newFake(t)
		f.on("POST "+createPath, fail(500, reason))
		_, err := f.client(t).Create(context.Background(), request(100), nil)
		var e *pve.Error
		if !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: got %v, field %q", reason, err, e.Field)
		}
	}
}
