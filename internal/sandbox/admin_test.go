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
		{"pveum user token modify ops@pve t1 --privsep 0; pveum user token list ops@pve", 0, "privsep=0", ""},
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
		{`pvesm free local-lvm:vm-100-disk-0`, 255, "", "no such volume"},
	} {
		out, errOut, exit := remote(t, c, tt.command, nil)
		if exit != tt.exit || !strings.Contains(out, tt.stdout) || !strings.Contains(errOut, tt.stderr) {
			t.Errorf("%s: status %d, stdout %q, stderr %q", tt.command, exit, out, errOut)
		}
	}
}
