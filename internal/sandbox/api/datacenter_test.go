package api_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

type asked struct {
	method, path string
	status       int
	want         string // part of the answer
}

// differing are answers that differ between the versions.
var differing = map[string][]asked{
	"8.4": {
		{"GET", "/cluster/ha", 200, `{"id":"groups"}]`},
		{"GET", "/nodes/pve1/version", 200, `"version":"8.4.21"`},
		{"GET", "/cluster/ha/rules", 501, "Method 'GET /cluster/ha/rules' not implemented"},
		{"GET", "/cluster/ha/groups", 200, `{"data":[]}`},
	},
	"9.2": {
		{"GET", "/cluster/ha", 200, `{"id":"rules"}]`},
		{"GET", "/nodes/pve1/version", 200, `"version":"9.2.11"`},
		{"GET", "/cluster/ha/rules", 200, `{"data":[]}`},
		{"GET", "/cluster/ha/groups", 500, "migrated to rules"},
	},
}

// Real clients also ask for users, pools and the like.
func TestDatacenter(t *testing.T) {
	for _, p := range node.Profiles() {
		t.Run(p.Name, func(t *testing.T) { askDatacenter(t, p) })
	}
}

func askDatacenter(t *testing.T, p node.Profile) {
	f := serveVersion(t, api.Options{}, p)
	for _, tt := range append(differing[p.Name], []asked{
		{"GET", "/", 200, `{"subdir":"pools"}`},
		{"GET", "/nodes/pve1", 200, `{"name":"lxc"}`},
		{"GET", "/nodes/pve1/storage/local", 200, `{"subdir":"content"}`},
		{"GET", "/nodes/pve1/lxc/100/status", 200, `{"subdir":"current"}`},
		{"GET", "/storage", 200, `"storage":"local-lvm","thinpool":"data","type":"lvmthin"`},
		{"GET", "/storage/local", 200, `"path":"/var/lib/vz"`},
		{"GET", "/storage/nost", 500, `storage 'nost' does not exist`},
		{"GET", "/cluster/tasks", 200, `{"data":[]}`},
		{"GET", "/cluster/options", 200, `"mac_prefix":"BC:24:11"`},
		{"GET", "/access/domains", 200, `"realm":"pve"`},
		{"GET", "/access/domains/ldap", 500, `domain 'ldap' does not exist`},
		{"GET", "/access/groups", 200, `{"data":[]}`},
		{"GET", "/nodes/pve1/network/vmbr0", 200, `"type":"bridge"`},
		{"GET", "/nodes/pve1/network/vmbr9", 400, `"iface":"interface does not exist"`},
		{"GET", "/nodes/pve1/network?type=eth", 200, `"exists":1`},
		{"GET", "/nodes/pve1/qemu", 200, `{"data":[]}`},
		{"GET", "/nodes/pve1/qemu/820/config?anything=1", 500, `Configuration file 'nodes/pve1/qemu-server/820.conf' does not exist`},
		{"GET", "/nodes/pve1/lxc/820/firewall/options", 200, `"digest":"da39a3ee`},
		{"GET", "/nodes/pve1/lxc/820/rrddata?timeframe=hour", 200, `"time":`},
		{"GET", "/nodes/pve1/lxc/820/rrddata", 400, `"timeframe":"property is missing and it is not optional"`},
		{"GET", "/nodes/pve1/storage?format=1&storage=local", 200, `"format":[{"qcow2":1,"raw":1,"subvol":1,"vmdk":1},"raw"]`},
		{"GET", "/nodes/pve1/storage/local/content/local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", 200, `"path":"/var/lib/vz/template/cache/debian-12`},
		{"GET", "/nodes/pve1/storage/local/content/local%3Avztmpl%2Fnone.tar.zst", 500, `volume_size_info on 'local:vztmpl/none.tar.zst' failed - no format`},
		{"GET", "/nodes/pve1/storage/local/content/local-lvm:vm-1-disk-0", 400, `"storage":"storage ID mismatch (local-lvm != local)"`},
		{"DELETE", "/nodes/pve1/storage/local/content/local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", 200, `:imgdel:local:`},
		{"POST", "/nodes/pve1/lxc/820/status/suspend", 500, "CT 820 not running"},
		{"GET", "/cluster/ha/resources/ct:820", 500, "no such resource 'ct:820'"},
	}...) {
		r := f.do(t, tt.method, tt.path, "")
		if r.status != tt.status || !strings.Contains(string(r.body)+r.reason, tt.want) {
			t.Errorf("%s %s: %d %s %s", tt.method, tt.path, r.status, r.reason, r.body)
		}
	}
	waitTasks(t, f.node)
}

// TestChanges are requests that change something besides containers, in order.
func TestChanges(t *testing.T) {
	f := serve(t, api.Options{})
	for _, tt := range []struct {
		method, path, form string
		status             int
		want               string
	}{
		{"POST", "/access/users", "userid=ops@pve&password=secret-one", 200, ""},
		{"PUT", "/access/users/ops@pve", "comment=the+ops&enable=0", 200, ""},
		{"GET", "/access/users/ops@pve", "", 200, `"comment":"the ops"`},
		{"PUT", "/access/users/no@pve", "comment=x", 500, "no such user ('no@pve')"},
		{"PUT", "/access/users/ops@pve", "append=1", 400, `"groups":"missing property - 'append' requires this property"`},
		{"PUT", "/access/password", "userid=ops@pve&password=secret-two", 403, "Permission check failed"}, // by a token
		{"PUT", "/access/users/ops@pve/token/ci", "privsep=0", 500, "no such token 'ci' for user 'ops@pve'"},
		{"PUT", "/storage/local", "content=vztmpl,rootdir,backup", 200, `"storage":"local"`},
		{"PUT", "/storage/local", "content=songs", 400, `"content":`},
		{"PUT", "/storage/none", "content=iso", 500, "storage 'none' does not exist"},
		{"PUT", "/nodes/pve1/storage/local/content/local:backup/vzdump-lxc-100-x.tar", "notes=x", 500, "does not exist"},
		{"POST", "/nodes/pve1/vzdump", "vmid=100&storage=local&mode=fast", 400, `"mode":`},
		{"POST", "/nodes/pve1/vzdump", "storage=local", 200, `"data":"OK"`}, // nothing to back up
		{"POST", "/nodes/pve1/lxc/100/move_volume", "volume=rootfs&storage=local", 500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"},
		{"POST", "/nodes/pve1/lxc/100/migrate", "target=pve2", 500, "no such cluster node 'pve2'"},
	} {
		r := f.do(t, tt.method, tt.path, tt.form)
		if r.status != tt.status || !strings.Contains(string(r.body)+r.reason, tt.want) {
			t.Errorf("%s %s %s: %d %s %s", tt.method, tt.path, tt.form, r.status, r.reason, r.body)
		}
	}
}
