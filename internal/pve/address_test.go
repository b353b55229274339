package pve_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	mac = "BC:24:11:BA:A7:20"
	lo  = `{"name":"lo","hwaddr":"00:00:00:00:00:00","inet":"127.0.0.1/8","inet6":"::1/128"}`
	// Docker's bridge comes before eth0 here, and has a good-looking address.
	docker = `{"name":"docker0","hwaddr":"02:42:00:00:00:01","inet":"172.17.0.1/16"}`
)

func eth0(rest string) string {
	return `{"name":"eth0","hwaddr":"bc:24:11:ba:a7:20"` + rest + `}`
}

func TestAddress(t *testing.T) {
	dhcp := lxc.Network{IPv4: "dhcp"}
	null := ok(`null`)
	empty := ok(`[` + lo + `,` + eth0(`,"ip-addresses":[]`) + `]`)
	for _, tt := range []struct {
		name    string
		net     lxc.Network
		answers []answer
		want    string
	}{
		{"static", lxc.Network{IPv4: "10.0.0.5/24"}, nil, "10.0.0.5"},
		{"static IPv6 only", lxc.Network{IPv6: "fd00::5/64"}, nil, "fd00::5"},
		{"old shape", dhcp, []answer{ok(`[` + lo + `,` + docker + `,` + eth0(`,"inet":"10.77.0.50/24","inet6":"fe80::1/64"`) + `]`)}, "10.77.0.50"},
		{"new shape, link-local first", dhcp, []answer{null, empty, ok(`[` + docker + `,` + eth0(`,"inet6":"fe80::1/64","ip-addresses":[{"ip-address":"fe80::1","prefix":64},{"ip-address":"169.254.1.1","prefix":"16"},{"ip-address":"10.77.0.50","prefix":"24"}]`) + `]`)}, "10.77.0.50"},
		{"IPv6 by advertisement", lxc.Network{IPv6: "auto"}, []answer{ok(`[` + eth0(`,"ip-addresses":[{"ip-address":"fe80::1"},{"ip-address":"2001:db8::50"}]`) + `]`)}, "2001:db8::50"},
		{"polls that fail in passing", dhcp, []answer{{596, "Connection timed out", ""}, cut, {500, "got timeout", ""}, ok(`[` + eth0(`,"inet":"10.77.0.50/24"`) + `]`)}, "10.77.0.50"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			if tt.answers != nil {
				f.on("GET /nodes/pve1/lxc/100/interfaces", tt.answers...)
			}
			var waited bool
			got, err := f.client(t).Address(context.Background(), "pve1", 100, tt.net, mac, pve.Watch{Waiting: func(string) { waited = true }})
			if err != nil || got.String() != tt.want {
				t.Errorf("got %v, %v", got, err)
			}
			if waited != (tt.answers != nil) {
				t.Errorf("waiting was told: %v", waited)
			}
		})
	}
}

// The hint names the flag of the family that was waited for.
func TestNoAddressHint(t *testing.T) {
	f := newFake(t)
	f.on("GET /nodes/pve1/lxc/100/interfaces", ok(`[`+eth0(`,"inet6":"fe80::1/64"`)+`]`))
	for _, tt := range []struct {
		net  lxc.Network
		want string
	}{
		{lxc.Network{IPv4: "dhcp", Bridge: "vmbr7"}, "is there a DHCP server on vmbr7? else give a static address: --ip CIDR,gateway"},
		{lxc.Network{IPv6: "dhcp", VLAN: 5}, "is there a DHCPv6 server on the bridge with VLAN 5? else give a static address: --ip6 CIDR,gateway"},
		{lxc.Network{IPv6: "auto", Bridge: "vmbr0"}, "is there a router that sends advertisements on vmbr0? else give a static address: --ip6 CIDR,gateway"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err := f.client(t).Address(ctx, "pve1", 100, tt.net, mac, pve.Watch{})
		cancel()
		var e *pve.Error
		if !errors.As(err, &e) || e.Kind != pve.Timeout || len(e.Hints) != 1 || e.Hints[0] != tt.want {
			t.Errorf("%+v: %v", tt.net, err)
			if e != nil {
				t.Log(e.Hints)
			}
		}
	}
}

func TestAddressErrors(t *testing.T) {
	f := newFake(t)
	c := f.client(t)
	dhcp := lxc.Network{IPv4: "dhcp", Bridge: "vmbr7"}
	_, err := c.Address(context.Background(), "pve1", 100, dhcp, mac, pve.Watch{})
	if !pve.IsKind(err, pve.Refused) || !strings.Contains(err.Error(), "before 8.1") {
		t.Errorf("PVE 7: got %v", err)
	}

	f.on("GET /nodes/pve1/lxc/101/interfaces", ok(`null`))
	f.on("GET /nodes/pve1/lxc/101/status/current", ok(`{"status":"stopped"}`))
	_, err = c.Address(context.Background(), "pve1", 101, dhcp, mac, pve.Watch{})
	if !pve.IsKind(err, pve.Refused) || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("stopped: got %v", err)
	}

	f.on("GET /nodes/pve1/lxc/102/interfaces", ok(`[`+eth0(`,"inet6":"fe80::1/64"`)+`]`))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = c.Address(ctx, "pve1", 102, dhcp, mac, pve.Watch{})
	var e *pve.Error
	if !errors.As(err, &e) || e.Kind != pve.Timeout || !strings.Contains(err.Error(), "fe80::1") || !strings.Contains(e.Hints[0], "vmbr7") {
		t.Errorf("no lease: got %v", err)
	}

	_, err = c.Address(context.Background(), "pve1", 103, lxc.Network{}, mac, pve.Watch{})
	if !pve.IsKind(err, pve.Refused) {
		t.Errorf("no network: got %v", err)
	}
}

func TestConfigIsReadTolerantly(t *testing.T) {
	f := newFake(t)
	f.on("GET /nodes/pve1/lxc/100/config", ok(`{"cpulimit":"0.5","cores":2,"memory":"512","lxc":[["lxc.apparmor.profile","unconfined"]],
		"unprivileged":1,"description":"hand-written\ninfrahaus:01JABC\n","tags":"a;b","hostname":"web","dev0":{"path":"/dev/kvm"},
		"net0":"name=eth0,bridge=vmbr0,gw=10.77.0.1,hwaddr=bc:24:11:ba:a7:20,ip=10.77.0.50/24,tag=7,type=veth"}`))
	cfg, err := f.client(t).Config(context.Background(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Marker() != "01JABC" || cfg.MAC != mac || cfg.Interface != "eth0" || cfg.Net0.IPv4 != "10.77.0.50/24" || cfg.Net0.VLAN != 7 ||
		cfg.MemoryMiB != 512 || !cfg.Unprivileged || cfg.All["cpulimit"] != "0.5" || len(cfg.Tags) != 2 {
		t.Errorf("got %+v", cfg)
	}
}

func TestFind(t *testing.T) {
	f := newFake(t)
	c, ctx := f.client(t), context.Background()
	f.on("GET /cluster/resources", ok(`[{"vmid":100,"type":"lxc","node":"pve2","name":"web"},{"vmid":"101","type":"qemu","node":"pve1"},{"vmid":104,"type":"lxc","node":"pve1","status":"unknown"}]`))
	f.on("GET /nodes", ok(`[{"node":"pve1","status":"unknown"},{"node":"pve3","status":"offline"}]`)) // pve1 has just booted
	f.on("GET /nodes/pve1/lxc", ok(`[{"vmid":104,"name":"newer","status":"running"},{"vmid":"102","name":"new","status":"running","cpus":"0.5"}]`))
	if node, name, err := c.Find(ctx, 100); node != "pve2" || name != "web" || err != nil {
		t.Error(node, name, err)
	}
	if node, name, err := c.Find(ctx, 102); node != "pve1" || name != "new" || err != nil {
		t.Error("one that the cluster's list does not have yet:", node, name, err)
	}
	if node, name, err := c.Find(ctx, 104); node != "pve1" || name != "newer" || err != nil {
		t.Error("one whose name the cluster's list does not have yet:", node, name, err)
	}
	if _, _, err := c.Find(ctx, 101); !pve.IsKind(err, pve.Refused) || !errors.Is(err, pve.ErrMachine) {
		t.Errorf("a virtual machine: got %v", err)
	}
	if _, _, err := c.Find(ctx, 103); !pve.IsKind(err, pve.NotFound) {
		t.Errorf("got %v", err)
	}
}
