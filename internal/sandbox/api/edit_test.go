package api_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

// TestEditDatacenter: what clients change beside containers, in this order, with the errors.
func TestEditDatacenter(t *testing.T) {
	f := serve(t, api.Options{})
	r := f.do(t, "POST", "/nodes/pve1/lxc", "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:8&unprivileged=1")
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	waitTasks(t, f.node)
	const (
		fw    = "/nodes/pve1/lxc/100/firewall"
		rules = "/cluster/ha/rules"
	)
	for _, tt := range []struct {
		method, path, form string
		status             int
		want               string
	}{
		{"GET", fw + "/options", "", 200, `"digest":"da39a3ee`},
		{"PUT", fw + "/options", "enable=1&policy_in=DROP&log_level_in=info", 200, `{"data":null}`},
		{"GET", fw + "/options", "", 200, `"enable":1`},
		{"PUT", fw + "/options", "policy_in=MAYBE", 400, "policy_in"},
		{"PUT", fw + "/options", "delete=nosuch", 400, "no such option 'nosuch'"},
		{"PUT", fw + "/options", "enable=0&digest=123", 500, "detected modified configuration - file changed by other user? Try again."},
		{"GET", fw + "/rules", "", 200, `{"data":[]}`},
		{"POST", fw + "/rules", "type=in&action=ACCEPT&proto=tcp&dport=80,443&source=10.0.0.0/8&comment=web", 200, `{"data":null}`},
		{"POST", fw + "/rules", "type=in&action=ACCEPT&macro=ssh&enable=1", 200, `{"data":null}`},
		{"GET", fw + "/rules/0", "", 200, `"macro":"SSH"`},
		{"GET", fw + "/rules/1", "", 200, `"enable":0,"ipversion":4,"pos":1`},
		{"PUT", fw + "/rules/1", "moveto=0", 200, `{"data":null}`},
		{"GET", fw + "/rules/0", "", 200, `"dport":"80,443"`},
		{"PUT", fw + "/rules/0", "delete=type", 400, "unable to delete required property 'type'"},
		{"PUT", fw + "/rules/7", "comment=x", 500, "no rule at position 7"},
		{"POST", fw + "/rules", "type=in&action=LATER", 400, "unknown action 'LATER'"},
		{"POST", fw + "/rules", "type=in&action=DROP&macro=nosuch", 400, "unknown macro 'nosuch'"},
		{"POST", fw + "/rules", "type=in&action=DROP&iface=eth0", 400, "value does not match the regex pattern"},
		{"POST", fw + "/rules", "type=in&action=DROP&dport=22", 400, "missing property - 'dport' requires this property"},
		{"POST", fw + "/rules", "type=in&action=DROP&proto=tcp&dport=99999", 400, "invalid port '99999'"},
		{"POST", fw + "/rules", "type=in&action=DROP&source=%2Bnosuch", 400, "no such ipset 'nosuch'"},
		{"DELETE", fw + "/rules/0", "", 200, `{"data":null}`},
		{"DELETE", fw + "/rules/1", "", 500, "no rule at position 1"},
		{"GET", "/nodes/pve1/lxc/900/firewall/rules", "", 200, `{"data":[]}`},

		{"POST", "/storage", "storage=nas&type=nfs&server=nas.lan&export=/srv/pve&content=backup,vztmpl,rootdir", 200, `{"data":{"storage":"nas","type":"nfs"}}`},
		{"GET", "/storage/nas", "", 200, `"export":"/srv/pve"`},
		{"GET", "/nodes/pve1/storage/nas/status", "", 200, `"active":1`},
		{"POST", "/storage", "storage=nas&type=nfs&server=nas.lan&export=/srv/pve", 500, "create storage failed: storage ID 'nas' already defined"},
		{"POST", "/storage", "storage=more&type=nfs&server=nas.lan", 500, "missing value for required option 'export'"},
		{"POST", "/storage", "storage=more&type=lvmthin&vgname=pve&thinpool=more&server=x", 500, "unexpected property 'server'"},
		{"POST", "/storage", "storage=more&type=dir&path=/more&content=images,none", 500, "unable to combine 'none' with other content types"},
		{"POST", "/storage", "storage=more&type=nope", 400, "type"},
		{"PUT", "/storage/nas", "content=backup&nodes=pve1", 200, `{"data":{"storage":"nas","type":"nfs"}}`},
		{"GET", "/storage/nas", "", 200, `"content":"backup"`},
		{"DELETE", "/storage/nas", "", 200, `{"data":null}`},
		{"DELETE", "/storage/nas", "", 500, "delete storage failed: storage 'nas' does not exist"},

		{"POST", rules, "rule=apart&type=resource-affinity&affinity=negative&resources=ct:100", 500, "cannot use unmanaged resource(s) ct:100."},
		{"POST", "/cluster/ha/resources", "sid=ct:100&state=started", 200, `{"data":null}`},
		{"POST", rules, "rule=apart&type=resource-affinity&affinity=negative&resources=ct:100", 400, "rule is ineffective as there are less than two resources"},
		{"POST", rules, "rule=home&type=node-affinity&resources=ct:100", 500, "missing value for required option 'nodes'"},
		{"POST", rules, "rule=home&type=node-affinity&resources=ct:100&nodes=pve9", 500, "cannot use non-existent node(s) pve9."},
		{"POST", rules, "rule=home&type=node-affinity&resources=ct:100&nodes=pve1:2&comment=here", 200, `{"data":null}`},
		{"POST", rules, "rule=home&type=node-affinity&resources=ct:100&nodes=pve1", 500, "create ha rule failed: HA rule 'home' already defined"},
		{"POST", rules, "rule=more&type=node-affinity&resources=ct:100&nodes=pve1", 400, "resource 'ct:100' is already used in another node affinity rule"},
		{"GET", rules + "/home", "", 200, `"nodes":"pve1:2"`},
		{"PUT", rules + "/home", "type=node-affinity&strict=1&delete=comment", 200, `{"data":null}`},
		{"GET", rules, "", 200, `"strict":1`},
		{"PUT", rules + "/gone", "type=node-affinity&strict=1", 500, "update HA rules failed: HA rule 'gone' does not exist"},
		{"DELETE", rules + "/home", "", 200, `{"data":null}`},
		{"GET", rules + "/home", "", 500, "no such ha rule 'home'"},
	} {
		r := f.do(t, tt.method, tt.path, tt.form)
		if text := string(r.body) + " " + r.reason; r.status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.path, tt.form, r.status, text, tt.status, tt.want)
		}
	}
}
