package api_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

// Real clients also ask for users, pools and the like; each row has a part of the answer.
func TestDatacenter(t *testing.T) {
	f := serve(t, api.Options{})
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/", 200, `{"subdir":"pools"}`},
		{"GET", "/nodes/pve1", 200, `{"name":"lxc"}`},
		{"GET", "/cluster/ha", 200, `{"id":"groups"}]`},
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
		{"GET", "/nodes/pve1/version", 200, `"version":"8.4.21"`},
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
		{"GET", "/cluster/ha/rules", 501, "Method 'GET /cluster/ha/rules' not implemented"},
		{"GET", "/cluster/ha/resources/ct:820", 500, "no such resource 'ct:820'"},
	} {
		r := f.do(t, tt.method, tt.path, "")
		if r.status != tt.status || !strings.Contains(string(r.body)+r.reason, tt.want) {
			t.Errorf("%s %s: %d %s %s", tt.method, tt.path, r.status, r.reason, r.body)
		}
	}
	waitTasks(t, f.node)
}
