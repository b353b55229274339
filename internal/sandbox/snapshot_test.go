package sandbox

import (
	"fmt"
	"regexp"
	"testing"
)

var snapDate = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)

// TestPctSnapshots: the node's own commands, with the guest's files; the steps
// build on one another.
func TestPctSnapshots(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver})
			recordedGuest(t, s)
			c := login(t, s.Endpoint())
			tree := fmt.Sprintf("%s %-27s %-23s %s\n", "`->", "before", "DATE", "the old state") +
				fmt.Sprintf("%s %-23s %-23s %s\n", "    `->", "after", "DATE", "no-description") +
				fmt.Sprintf("%s %-19s %-23s %s\n", "        `->", "current", "", "You are here!")
			for _, tt := range []struct {
				name, command  string
				exit           int
				stdout, stderr string
			}{
				{"take", `pct exec 100 -- sh -c 'echo old >/root/f; chmod 600 /root/f'; pct snapshot 100 before --description 'the old state'`, 0,
					`  Logical volume "snap_vm-100-disk-0_before" created.` + "\n", ""},
				{"edit", `pct exec 100 -- sh -c 'echo new >/root/f; rm /etc/hostname; mkdir /root/d'; pct set 100 --memory 1024; pct snapshot 100 after >/dev/null; pct status 100`, 0, "status: running\n", ""},
				{"list", "pct listsnapshot 100", 0, tree, ""},
				{"parent", "pct config 100 | grep -E '^(parent|memory)'; pct config 100 --snapshot before | grep -E '^(memory|description|parent)'", 0, "memory: 1024\nparent: after\ndescription: the old state%0A\nmemory: 512\n", ""},
				{"back", "pct rollback 100 before | tail -n1; pct status 100; pct start 100; pct exec 100 -- sh -c 'cat /root/f /etc/hostname; stat -c %a /root/f; ls /root'; pct config 100 | grep ^memory", 0,
					"  Logical volume \"vm-100-disk-0\" created.\nstatus: stopped\nold\nweb-01\n600\nf\nmemory: 512\n", ""},
				{"and forth, started", "pct rollback 100 after --start 1 >/dev/null; until pct status 100 | grep -q running; do sleep 0.1; done; pct exec 100 -- cat /root/f", 0, "new\n", ""},
				{"a reserved name", "pct snapshot 100 current", 255, "", "unable to use snapshot name 'current' (reserved name)\n"},
				{"a bad name", "pct snapshot 100 ../x 2>&1", 255, "400 Parameter verification failed.\nsnapname: invalid format - invalid configuration ID '../x'\npct snapshot <vmid> <snapname> [OPTIONS]\n", ""},
				{"a name in use", "pct snapshot 100 after", 255, "", "snapshot name 'after' already used\n"},
				{"delete", "pct delsnapshot 100 before; pct listsnapshot 100 | wc -l", 0, "  Logical volume \"snap_vm-100-disk-0_before\" successfully removed.\n2\n", ""},
				{"delete again", "pct delsnapshot 100 before", 255, "", "snapshot 'before' does not exist\n"},
				{"destroy with one", "pct stop 100; pct destroy 100; pct list", 0, "", ""},
			} {
				out, errOut, exit := remote(t, c, tt.command, nil)
				out = snapDate.ReplaceAllString(out, fmt.Sprintf("%-19s", "DATE"))
				if out != tt.stdout || errOut != tt.stderr || exit != tt.exit {
					t.Errorf("%s: status %d, stdout %q, want %q, stderr %q", tt.name, exit, out, tt.stdout, errOut)
				}
			}
		})
	}
}

// TestSnapshotsOutliveTheOwner: files and list are there for the next one.
func TestSnapshotsOutliveTheOwner(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver})
			recordedGuest(t, s)
			remote(t, login(t, s.Endpoint()), "pct exec 100 -- sh -c 'echo old >/root/f'; pct snapshot 100 before; pct exec 100 -- sh -c 'echo new >/root/f'", nil)
			if err := s.Reboot(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			out, _, _ := remote(t, login(t, s.Endpoint()), "pct exec 100 -- cat /root/f; pct rollback 100 before >/dev/null; pct start 100; pct exec 100 -- cat /root/f", nil)
			if out != "new\nold\n" {
				t.Errorf("%q", out)
			}
		})
	}
}
