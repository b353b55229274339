package api_test

import (
	"regexp"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

var volatile = regexp.MustCompile(`"digest":"[0-9a-f]+"|"snaptime":\d+|UPID:[^"]*:`)

// TestSnapshotRoutes checks the shapes and refusals of answers. Each step builds on the
// one before.
func TestSnapshotRoutes(t *testing.T) {
	f := serve(t, api.Options{})
	const ct = "/nodes/pve1/lxc/100"
	const snaps = ct + "/snapshot"
	f.do(t, "POST", "/nodes/pve1/lxc", "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:4&unprivileged=1")
	waitTasks(t, f.node)
	const bad = `{"data":null,"errors":{"snapname":"invalid format - invalid configuration ID '1x'\n"},"message":"Parameter verification failed.\n"}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		reply              string
	}{
		{"GET", ct + "/feature?feature=snapshot", "", 200, `{"data":{"hasFeature":1}}`},
		{"GET", ct + "/feature", "", 400, `{"data":null,"errors":{"feature":"property is missing and it is not optional"},"message":"Parameter verification failed.\n"}`},
		{"GET", snaps, "", 200, `{"data":[{"description":"You are here!",D,"name":"current","running":0}]}`},
		{"POST", snaps, "snapname=1x", 400, bad},
		{"POST", snaps, "snapname=current", 500, `{"data":null,"message":"unable to use snapshot name 'current' (reserved name)\n"}`},
		{"POST", snaps, "snapname=one&description=why", 200, `{"data":"U"}`},
		{"GET", snaps, "", 200, `{"data":[{"description":"why\n","name":"one",T},{"description":"You are here!",D,"name":"current","parent":"one","running":0}]}`},
		{"GET", snaps + "/one", "", 200, `{"data":[{"cmd":"rollback"},{"cmd":"config"}]}`},
		{"GET", snaps + "/none/config", "", 500, `{"data":null,"message":"snapshot 'none' does not exist\n"}`},
		{"PUT", snaps + "/one/config", "description=because", 200, `{"data":null}`},
		{"GET", snaps + "/one/config", "", 200, `{"data":{"arch":"amd64","description":"because\n","hostname":"CT100","memory":512,"ostype":"debian","rootfs":"local-lvm:vm-100-disk-0,size=4G",T,"swap":512,"unprivileged":1}}`},
		{"POST", snaps + "/one/rollback", "start=1", 200, `{"data":"U"}`},
		{"DELETE", snaps + "/one", "", 200, `{"data":"U"}`},
		{"DELETE", snaps + "/one", "", 200, `{"data":"U"}`}, // the task fails
		{"GET", "/nodes/pve1/lxc/101/snapshot", "", 500, `{"data":null,"message":"Configuration file 'nodes/pve1/lxc/101.conf' does not exist\n"}`},
	} {
		r := f.do(t, tt.method, tt.path, tt.body)
		got := volatile.ReplaceAllStringFunc(string(r.body), func(s string) string {
			return map[byte]string{'d': "D", 's': "T", 'P': "U"}[s[1]]
		})
		if r.status != tt.status || got != tt.reply {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, r.status, got)
		}
		waitTasks(t, f.node)
	}
}
