package sandbox

import (
	"strings"
	"testing"
)

// TestAdmin runs the commands of a privilege hint on the node; the steps build on one
// another.
func TestAdmin(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	c := login(t, s.Endpoint())
	for _, tt := range []struct {
		command        string
		exit           int
		stdout, stderr string // parts that must be contained
	}{
		{"pveum user add ops@pve; pveum user token add ops@pve t1 --privsep 1", 0, "│ full-tokenid │ ops@pve!t1", ""},
		{"pveum user token add ops@pve t2 --privsep 0 --output-format json", 0, `"full-tokenid":"ops@pve!t2"`, ""},
		{"pveum user token add ops@pve t1", 255, "", "tokenid: Token already exists."},
		{"pveum user token modify ops@pve t1 --privsep 0; pveum user token list ops@pve --output-format json", 0, `"privsep":0,"tokenid":"t1"`, ""},
		{`pveum role modify infrahaus --append 1 --privs "VM.Audit"`, 255, "", "update role failed: role 'infrahaus' does not exist"},
		{`pveum role add infrahaus --privs "VM.Audit,VM.Console"`, 0, "", ""},
		{`pveum role add infrahaus --privs VM.Audit`, 255, "", "create role failed: role 'infrahaus' already exists"},
		{`pveum role modify infrahaus --privs "VM.Allocate" --append; pveum role list`, 0, "VM.Allocate,VM.Audit,VM.Console", ""},
		{`pveum role modify infrahaus --privs VM.Flying`, 255, "", "invalid privilege 'VM.Flying'"},
		{`pveum role modify PVEAdmin2 --privs VM.Audit`, 255, "", "does not exist"},
		{`pveum acl modify /vms --roles infrahaus --users ops@pve --tokens 'ops@pve!t1'`, 0, "", ""},
		{`pveum acl modify /nowhere --roles infrahaus --users ops@pve`, 255, "", "path: invalid ACL path '/nowhere'"},
		{`pveum acl modify /vms --roles nobody --users ops@pve`, 255, "", "role 'nobody' does not exist"},
		{`pveum acl modify /vms --roles infrahaus --tokens 'ops@pve!none'`, 255, "", "no such token"},
		{`pveum acl modify /vms --role infrahaus`, 255, "", "Unknown option: role"},
		{`pveum fly`, 255, "", "unknown command 'pveum fly'"},
		{`pveum user modify ops@pve --comment "the ops" --enable no; pveum user list --output-format json`, 0, `"comment":"the ops","enable":0`, ""},
		{`pveum user modify no@pve --comment x`, 255, "", "no such user ('no@pve')"},
		{`pveum acl list`, 0, "infrahaus", ""},
		{`pveum acl delete /vms --roles infrahaus --users ops@pve; pveum user permissions root@pam`, 0, "ACL path", ""},
		{`pveum realm list`, 0, "│ pam   │", ""},
		{`pveum pool add p1 --comment one; pveum pool list; pveum pool delete p1`, 0, "│ p1     │ one", ""},
		{`pveum passwd ops@pve`, 255, "", "pveum passwd: the simulated node cannot do that"},
		{`pveam update; pveam available --section system`, 0, "system          debian-13-standard_13.1-2_amd64.tar.zst", ""},
		{`pveam list local`, 0, "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst         120.65MB", ""},
		{`pveam download local none.tar.zst`, 255, "", "template: no such template"},
		{`pveam download local debian-13-standard_13.1-2_amd64.tar.zst | tail -1`, 0, "finished", ""},
		{`pveam remove local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst; pveam list local | wc -l`, 0, "3", ""},
		{`pvesm status`, 0, "local-lvm    lvmthin     active      1073741824", ""},
		{`pvesm add dir x --path /x`, 255, "", "pvesm add: the simulated node cannot do that"},
		{`pct create 100 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst --storage local-lvm --hostname web --features nesting=1; pct list`, 0, "100        stopped                 web ", ""},
		{`pvesm list local-lvm`, 0, "local-lvm:vm-100-disk-0 raw     rootdir     4294967296 100", ""},
		{`pct resize 100 rootfs +1G; pct config 100 | grep rootfs`, 0, "size=5G", ""},
		{`pct resize 100 rootfs 1G`, 255, "", "unable to shrink disk size"},
		{`pct snapshot 100 one; pct listsnapshot 100; pct rollback 100 one; pct delsnapshot 100 one`, 0, "one", ""},
		{`pct move-volume 100 rootfs local-lvm; pct config 100 | grep unused0`, 0, "unused0: local-lvm:vm-100-disk-0", ""},
		{`pct move-volume 100 rootfs local`, 255, "", "content type 'rootdir' is not available or configured on storage 'local'"},
		{`pvesm set local --content rootdir,vztmpl,backup; pct move-volume 100 rootfs local --delete 1; pct config 100 | grep rootfs`, 0, "rootfs: local:100/vm-100-disk-0.raw,size=5G", ""},
		{`pct clone 100 101 --hostname copy; pct list`, 0, "101        stopped                 copy", ""},
		{`pct template 101; pct start 101`, 255, "", "you can't start a CT if it's a template"},
		{`pct migrate 100 pve2`, 255, "", "no such cluster node 'pve2'"},
		{`pct rescan`, 0, "rescan volumes...", ""},
		{`pct df 100`, 255, "", "pct df: the simulated node cannot do that"},
		{`pct fstrim 100 --ignore-mountpoints`, 255, "", "pct fstrim: the simulated node cannot do that"},
		{`vzdump 100 --storage local --mode snapshot --compress zstd`, 0, "INFO: Backup job finished successfully", ""},
		{`pct restore 102 $(pvesm list local --content backup | tail -1 | cut -d' ' -f1) --storage local-lvm; pct config 102`, 0, "size=5G", ""},
		{`pct start 102; echo hostname | pct enter 102`, 0, "web", ""},
		{`pct enter 100`, 255, "", "container '100' not running!"},
		{`vzdump 999 --storage local`, 255, "ERROR: Backup of VM 999 failed - unable to find VM '999'", "job errors"},
		{`pct help`, 0, "pct move-volume <vmid> <volume>", ""},
		{`pct help nothing`, 255, "", "no such command 'nothing'"},
		{`pvesm free local-lvm:vm-100-disk-0; pvesm free local-lvm:vm-100-disk-0`, 255, "Removed volume", "no such volume"}, // it was unused0
	} {
		out, errOut, exit := remote(t, c, tt.command, nil)
		if exit != tt.exit || !strings.Contains(out, tt.stdout) || !strings.Contains(errOut, tt.stderr) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", tt.command, exit, out, errOut)
		}
	}
}
