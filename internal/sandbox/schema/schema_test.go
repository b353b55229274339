package schema_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/schema"
)

const create = "POST /nodes/{node}/lxc"

func TestMessages(t *testing.T) {
	const additional = "property is not defined in schema and the schema does not allow additional properties"
	tests := []struct{ key, value, want string }{
		{"cores", "abc", "type check ('integer') failed - got 'abc'"},
		{"cores", "0", "value must have a minimum value of 1"},
		{"cores", "9000", "value must have a maximum value of 8192"},
		{"cpulimit", "0.5", ""},
		{"cpulimit", "half", "type check ('number') failed - got 'half'"},
		{"unprivileged", "yes", "type check ('boolean') failed - got 'yes'"},
		{"cmode", "vnc", "value 'vnc' does not have a value in the enumeration 'shell, console, tty'"},
		{"hostname", "a_b", "invalid format - value does not look like a valid DNS name\n"},
		{"hostname", "a.b", ""},
		{"hostname", "a.b.", "invalid format - value does not look like a valid DNS name\n"},
		{"password", "1234", "value must be at least 5 characters long"},
		{"ostemplate", strings.Repeat("x", 256), "value may only be 255 characters long"},
		{"storage", "1x", "invalid format - storage ID '1x' contains illegal characters\n"},
		{"tags", "a;b_c,d", ""},
		{"tags", "a;-b", "invalid format - invalid characters in tag\n"},
		{"nameserver", "1.1.1.1 ::1", ""},
		{"nameserver", "dns", "invalid format - value does not look like a valid IP address\n"},
		{"timezone", "host", ""},
		{"timezone", "America/Argentina/Buenos_Aires", ""},
		{"timezone", "Mars/Phobos", "invalid format - invalid time zone 'Mars/Phobos'\n"},
		{"timezone", "Etc/UTC", "invalid format - invalid time zone 'Etc/UTC'\n"},
		{"net31", "name=eth0", ""},
		{"net32", "name=eth0", additional},
		{"net01", "name=eth0", additional},
		{"net0", "bridge=vmbr0", "invalid format - format error\nnet0.name: property is missing and it is not optional\n"},
		{"net0", "name=eth0,tag=4095", "invalid format - format error\nnet0.tag: value must have a maximum value of 4094\n"},
		{"net0", "name=eth0,ip6=auto,gw=10.0.0.1,hwaddr=bc:24:11:00:00:01", ""},
		{"net0", "name=eth0,hwaddr=bd:24:11:00:00:01", "invalid format - format error\nnet0.hwaddr: invalid format - value does not look like a valid unicast MAC address\n\n"},
		{"net0", "eth0", "invalid format - value without key, but schema does not define a default key\n"},
		{"net0", "name=eth0,name=eth1", "invalid format - duplicate key in comma-separated list property: name\n"},
		{"features", "", ""},
		{"features", "nesting=1,docker=1", "invalid format - format error\nfeatures.docker: " + additional + "\n"},
		{"rootfs", "local-lvm:8,mountoptions=noatime;nodev", ""},
		{"mp0", "local-lvm:8", "invalid format - format error\nmp0.mp: property is missing and it is not optional\n"},
		{"bogus", "1", additional},
	}
	for _, tt := range tests {
		p := map[string]string{"node": "pve1", "vmid": "100", "ostemplate": "local:vztmpl/x.tar.zst", tt.key: tt.value}
		if got := schema.Table(8)[create].Check(p)[tt.key]; got != tt.want {
			t.Errorf("%s=%s:\ngot  %q\nwant %q", tt.key, tt.value, got, tt.want)
		}
	}
	bad := schema.Table(8)[create].Check(map[string]string{"node": "pve1", "vmid": "5", "memory": "1"})
	if len(bad) != 3 {
		t.Errorf("all that is wrong is told at once: %v", bad)
	}
}

// TestAgainstRecording compares the table with the schemas that genuine Proxmox VE 8.4
// and 9.2 have of the same routes.
func TestAgainstRecording(t *testing.T) {
	dir := os.Getenv("INFRAHAUS_PVE_REPLIES")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "pve-replies")
	}
	for major, file := range map[int]string{8: "schema.json", 9: "schema-9.json"} {
		t.Run(file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Skipf("no recorded schemas: %v (INFRAHAUS_PVE_REPLIES names their folder)", err)
			}
			var recorded map[string]map[string]struct{ Parameters map[string]property }
			if err := json.Unmarshal(b, &recorded); err != nil {
				t.Fatal(err)
			}
			compared := 0
			for route, ours := range schema.Table(major) {
				method, path, _ := strings.Cut(route, " ")
				theirs, ok := recorded[path][method]
				switch {
				case route == "POST /cluster/ha/rules": // one schema for each type, which the recording leaves out
				case ok:
					compared++
					compare(t, route, ours, theirs.Parameters)
				case recorded[path] != nil, !slices.Contains(unrecorded, path) && !schema.Reads[route]:
					t.Errorf("%s is not a route of Proxmox", route)
				}
			}
			if compared < 30 {
				t.Errorf("only %d routes compared", compared)
			}
		})
	}
}

// unrecorded are routes whose schemas come only from Proxmox's source in version 8, and not
// from recorded replies. Another path in the table is a mistake.
var unrecorded = strings.Fields(`
/
/access
/access/acl
/access/domains
/access/domains/{realm}
/access/groups
/access/groups/{groupid}
/access/password
/access/roles
/access/roles/{roleid}
/access/tfa/{userid}
/access/users
/access/users/{userid}
/access/users/{userid}/token
/cluster
/cluster/ha
/cluster/ha/groups
/cluster/ha/resources
/cluster/ha/resources/{sid}
/cluster/ha/rules
/cluster/ha/rules/{rule}
/cluster/ha/status
/cluster/ha/status/current
/cluster/ha/status/manager_status
/cluster/options
/cluster/tasks
/nodes/{node}
/nodes/{node}/apt/versions
/nodes/{node}/certificates/info
/nodes/{node}/lxc/{vmid}/feature
/nodes/{node}/lxc/{vmid}/firewall/rules
/nodes/{node}/lxc/{vmid}/firewall/rules/{pos}
/nodes/{node}/lxc/{vmid}/firewall
/nodes/{node}/lxc/{vmid}/firewall/options
/nodes/{node}/lxc/{vmid}/migrate
/nodes/{node}/lxc/{vmid}/move_volume
/nodes/{node}/lxc/{vmid}/rrddata
/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config
/nodes/{node}/lxc/{vmid}/status
/nodes/{node}/lxc/{vmid}/status/resume
/nodes/{node}/lxc/{vmid}/status/suspend
/nodes/{node}/lxc/{vmid}/template
/nodes/{node}/lxc/{vmid}/termproxy
/nodes/{node}/lxc/{vmid}/vncwebsocket
/nodes/{node}/network/{iface}
/nodes/{node}/qemu
/nodes/{node}/qemu/{vmid}
/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces
/nodes/{node}/qemu/{vmid}/clone
/nodes/{node}/qemu/{vmid}/config
/nodes/{node}/qemu/{vmid}/pending
/nodes/{node}/qemu/{vmid}/snapshot
/nodes/{node}/qemu/{vmid}/status/current
/nodes/{node}/qemu/{vmid}/status/reboot
/nodes/{node}/qemu/{vmid}/status/shutdown
/nodes/{node}/qemu/{vmid}/status/start
/nodes/{node}/qemu/{vmid}/status/stop
/nodes/{node}/qemu/{vmid}/template
/nodes/{node}/rrddata
/nodes/{node}/storage/{storage}
/nodes/{node}/storage/{storage}/rrddata
/nodes/{node}/version
/pools/{poolid}
/storage
/storage/{storage}
`)

type property struct {
	Type      string
	Optional  int
	Minimum   any
	Maximum   any
	MinLength *float64
	MaxLength *float64
	Enum      []string
	Requires  string
	Format    any
}

func compare(t *testing.T, route string, ours schema.Schema, theirs map[string]property) {
	for name, w := range theirs {
		g, ok := ours[name]
		if !ok {
			t.Errorf("%s lacks %s", route, name)
			continue
		}
		at := route + " " + name
		if g.Type != w.Type || g.Optional != (w.Optional == 1) || g.Requires != w.Requires {
			t.Errorf("%s: %s optional %v requires %q, want %s %v %q", at, g.Type, g.Optional, g.Requires, w.Type, w.Optional == 1, w.Requires)
		}
		// resize names mp0…mp255 one by one, for which the table has a pattern
		if name != "disk" && !slices.Equal(g.Enum, w.Enum) {
			t.Errorf("%s: enum %v, want %v", at, g.Enum, w.Enum)
		}
		lo, hi := w.MinLength, w.MaxLength
		if w.Type != "string" {
			lo, hi = number(w.Minimum), number(w.Maximum)
		}
		if !same(g.Min, lo) || !same(g.Max, hi) {
			t.Errorf("%s: from %v to %v, want %v %v", at, show(g.Min), show(g.Max), show(lo), show(hi))
		}
		if sub, ok := w.Format.(map[string]any); ok && !strings.HasPrefix(name, "dev") && !strings.HasPrefix(name, "unused") {
			for key := range sub {
				if _, ok := g.Parts[key]; !ok {
					t.Errorf("%s lacks the part %s", at, key)
				}
			}
			if len(sub) != len(g.Parts) {
				t.Errorf("%s has %d parts, want %d", at, len(g.Parts), len(sub))
			}
		}
	}
	for name := range ours {
		if _, ok := theirs[name]; !ok {
			t.Errorf("%s has %s, which Proxmox has not", route, name)
		}
	}
}

// number reads a bound, which Perl writes as a number or as a string.
func number(v any) *float64 {
	switch v := v.(type) {
	case float64:
		return &v
	case string:
		var f float64
		if json.Unmarshal([]byte(v), &f) == nil {
			return &f
		}
	}
	return nil
}

func same(a, b *float64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func show(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

func FuzzCheck(f *testing.F) {
	f.Add("net0", "name=eth0,bridge=vmbr0,ip=dhcp")
	f.Add("rootfs", "local:8,size=")
	f.Add("net99999999999999999999", "x")
	s := schema.Table(8)[create]
	f.Fuzz(func(t *testing.T, key, value string) {
		bad := s.Check(map[string]string{"node": "pve1", "vmid": "100", "ostemplate": "x", key: value})
		for k, msg := range bad {
			if msg == "" {
				t.Errorf("%s: an empty message", k)
			}
		}
	})
}
