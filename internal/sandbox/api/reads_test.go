package api_test

import (
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Monitoring clients and Terraform's providers read what a node and its cluster are. The texts
// are those of Proxmox's sources.
func TestReads(t *testing.T) {
	for _, p := range node.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			f := serveVersion(t, api.Options{}, p)
			if err := f.node.CreateUser("ops@pve", "long enough"); err != nil {
				t.Fatal(err)
			}
			root, ops := f.by("root@pam"), f.by("ops@pve")
			for _, tt := range []asked{
				{"GET", "/nodes/pve1/services", 200, `{"active-state":"active","desc":"PVE API Daemon","name":"pvedaemon","service":"pvedaemon","state":"running","unit-state":"enabled"}`},
				{"GET", "/nodes/pve1/services", 200, `"service":"corosync","state":"dead","unit-state":"enabled"`},
				{"GET", "/nodes/pve1/services", 200, `"service":"postfix","state":"dead","unit-state":"not-found"`},
				{"GET", "/nodes/pve1/services/pveproxy", 200, `{"subdir":"state"}`},
				{"GET", "/nodes/pve1/services/pveproxy/state", 200, `"state":"running"`},
				{"GET", "/nodes/pve1/services/apache2/state", 400, `value 'apache2' does not have a value in the enumeration`},
				{"GET", "/nodes/pve1/subscription", 200, `"serverid":`},
				{"GET", "/nodes/pve1/time", 200, `"timezone":"UTC"`},
				{"GET", "/nodes/pve1/dns", 200, `"dns1":"`},
				{"GET", "/nodes/pve1/hosts", 200, ` pve1.sandbox pve1\n`},
				{"GET", "/nodes/pve1/report", 200, "pve-manager: " + p.Version},
				{"GET", "/nodes/pve1/report", 200, "This is the infrahaus sandbox."},
				{"GET", "/nodes/pve1/syslog?limit=5", 200, `{"data":[{"n":1,"t":"This is the infrahaus sandbox.`},
				{"GET", "/nodes/pve1/syslog?since=yesterday", 400, `"since":"value does not match the regex pattern"`},
				{"GET", "/nodes/pve1/syslog?since=2026-01-02%2003:04", 200, `"total":1`},
				{"GET", "/nodes/pve1/apt/update", 200, `{"data":[]}`},
				{"GET", "/nodes/pve1/disks/list", 200, `{"data":[]}`},
				{"GET", "/nodes/pve1/disks/smart?disk=/dev/sda", 500, "not a valid block device"},
				{"GET", "/nodes/pve1/ceph/status", 500, "binary not installed: /usr/bin/ceph-mon"},
				{"GET", "/nodes/pve1/hardware", 200, `{"type":"usb"}`},
				{"GET", "/nodes/pve1/network?type=bridge", 200, `"iface":"vmbr0"`},
				{"GET", "/nodes/pve1/netstat", 200, `{"data":[]}`},
				{"GET", "/nodes/pve1/replication", 200, `{"data":[]}`},
				{"GET", "/nodes/pve1/firewall", 200, `{"name":"log"}`},
				{"GET", "/nodes/pve1/firewall/options", 200, `{"data":{"digest":"da39a3ee`},
				{"GET", "/nodes/pve1/firewall/rules/0", 500, "no rule at position 0"},
				{"GET", "/nodes/pve1/firewall/log", 200, `{"data":[{"n":1,"t":"no content"}],"total":1}`},
				{"GET", "/nodes/pve1/lxc/100/firewall/aliases", 200, `{"data":[]}`},
				{"GET", "/nodes/pve1/lxc/100/firewall/log", 200, `"no content"`},
				{"GET", "/nodes/pve9/time", 500, "hostname lookup 'pve9' failed"},
				{"GET", "/cluster/firewall/aliases/home", 400, `"name":"no such alias"`},
				{"GET", "/cluster/firewall/groups/web", 500, "no such security group 'web'"},
				{"GET", "/cluster/firewall/ipset/9", 400, `"name":"value does not match the regex pattern"`},
				{"GET", "/cluster/firewall/ipset/web", 500, "no such IPSet 'web'"},
				{"GET", "/cluster/firewall/macros", 200, `{"descr":"SSH","macro":"SSH"}`},
				{"GET", "/cluster/firewall/refs?type=group", 400, `does not have a value in the enumeration 'alias, ipset'`},
				{"GET", "/cluster/backup/j1", 400, `"id":"No such job 'j1'"`},
				{"GET", "/cluster/replication/100-0", 500, "no such replication job '100-0'"},
				{"GET", "/cluster/config/nodes", 200, `{"data":[]}`},
				{"GET", "/cluster/config/join", 424, "node is not in a cluster, no join info available!"},
				{"GET", "/cluster/log", 200, `{"data":[]}`},
				{"GET", "/access/tfa", 200, `{"data":[]}`},
				{"GET", "/access/users/ops@pve/tfa?multiple=1", 200, `{"data":{"user":[]}}`},
				// A route that is not simulated says so.
				{"GET", "/nodes/pve1/apt/repositories", 501, "not implemented"},
				{"GET", "/nodes/pve1/disks/lvmthin", 501, "not implemented"},
				{"POST", "/cluster/firewall/groups", 501, "not implemented"},
				{"POST", "/cluster/backup", 501, "not implemented"},
			} {
				r := f.do(t, tt.method, tt.path, "", root)
				if r.status != tt.status || !strings.Contains(string(r.body)+r.reason, tt.want) {
					t.Errorf("%s %s: %d %s %s", tt.method, tt.path, r.status, r.reason, r.body)
				}
			}
			for _, tt := range []asked{ // without a privilege
				{"GET", "/nodes/pve1/services", 403, "Permission check failed (/nodes/pve1, Sys.Audit)"},
				{"GET", "/nodes/pve1/syslog", 403, "Permission check failed (/nodes/pve1, Sys.Syslog)"},
				{"GET", "/nodes/pve1/apt/update", 403, "Permission check failed (/nodes/pve1, Sys.Modify)"},
				{"GET", "/nodes/pve1/hosts", 403, "Permission check failed (/, Sys.Audit)"},
				{"GET", "/nodes/pve1/hardware/pci", 403, "Permission check failed (/, Sys.Audit|Sys.Modify)"},
				{"GET", "/nodes/pve1/disks/list", 403, "Permission check failed"},
				{"GET", "/nodes/pve1/subscription", 200, `"status":"notfound"`},
				{"GET", "/nodes/pve1/network", 200, `{"data":[{"active":1,"exists":1`}, // no bridge
				{"GET", "/nodes/pve1/lxc/100/firewall/log", 403, "Permission check failed (/vms/100, VM.Console)"},
				{"GET", "/cluster/firewall/rules", 403, "Permission check failed (/, Sys.Audit)"},
				{"GET", "/cluster/firewall/groups", 200, `{"data":[]}`},
				{"GET", "/cluster/backup-info/not-backed-up", 403, "Permission check failed (/, Sys.Audit)"},
				{"GET", "/access/tfa/root@pam", 403, "Permission check failed"},
				{"GET", "/access/tfa/ops@pve", 200, `{"data":[]}`},
			} {
				r := f.do(t, tt.method, tt.path, "", ops)
				if body := string(r.body) + r.reason; r.status != tt.status || !strings.Contains(body, tt.want) || strings.Contains(body, "serverid") || strings.Contains(body, "vmbr0") {
					t.Errorf("%s %s as ops: %d %s %s", tt.method, tt.path, r.status, r.reason, r.body)
				}
			}
		})
	}
}

// The log of the cluster and the guests without a backup are those that there are.
func TestClusterLog(t *testing.T) {
	f := serve(t, api.Options{})
	r := f.do(t, "POST", "/nodes/pve1/lxc", "vmid=100&hostname=web&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:1")
	if r.status != 200 {
		t.Fatal(r.status, r.reason)
	}
	waitTasks(t, f.node)
	root := f.by("root@pam")
	for path, want := range map[string]string{
		"/cluster/log":                       `:vzcreate:100:`,
		"/cluster/log?max=1":                 `"msg":"end task UPID:pve1:`,
		"/cluster/backup-info/not-backed-up": `{"data":[{"name":"web","type":"lxc","vmid":100}]}`,
	} {
		if r := f.do(t, "GET", path, "", root); r.status != 200 || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}
