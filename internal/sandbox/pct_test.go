package sandbox

import (
	"strings"
	"testing"
)

// TestPct holds pct against what was seen on a real node; the steps build on
// one another.
func TestPct(t *testing.T) {
	for _, driver := range drivers() {
		t.Run(driver, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), Driver: driver})
			recordedGuest(t, s)
			c := login(t, s.Endpoint())
			for _, tt := range []struct {
				name, command, stdin string
				exit                 int
				stdout, stderr       string
			}{
				{"status of the guest's program", `pct exec 100 -- sh -c 'exit 7'`, "", 7, "", ""},
				{"killed in the guest", `pct exec 100 -- sh -c 'kill -9 $$'`, "", 137, "", ""},
				{"streams", "pct exec 100 -- sh -s", "echo out; echo err >&2; exit 3\n", 3, "out\n", "err\n"},
				{"quoting is the node's shell's", `pct exec 100 -- printf '%s|' "a b" c`, "", 0, "a b|c|", ""},
				{"no such container", "pct exec 999 -- true", "", 2, "", "Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n"},
				{"a failed push exits 0", "pct push 100 /tmp/none /root/x; echo $?", "", 0, "0\n", "failed to open /tmp/none for reading\n"},
				{"so does one into no folder", "echo x >/tmp/x; pct push 100 /tmp/x /no/x; echo $?", "", 0, "0\n", "failed to create file: /no/x: No such file or directory\n"},
				{"push keeps an old file's mode", "pct exec 100 -- sh -c 'umask 077; echo a >/root/q'; pct push 100 /tmp/x /root/q; pct exec 100 -- stat -c %a /root/q", "", 0, "600\n", ""},
				{"pull", "pct pull 100 /root/q /tmp/back; cat /tmp/back", "", 0, "x\n", ""},
				{"a locked container runs programs", "pct set 100 --lock backup; pct exec 100 -- true; echo $?; pct start 100; pct unlock 100", "", 0, "0\n", "CT 100 already running\n"},
				{"features wait for a restart", "pct set 100 --features nesting=1,keyctl=1; pct config 100 | grep ^features", "", 0, "features: nesting=1,keyctl=1\n", ""},
				{"description", "pct config 100 | grep ^desc", "", 0, "description: made by infrahaus%0A\n", ""},
				{"an unknown option", "pct exec 100 --foo 2>&1 | head -n1", "", 0, "Unknown option: foo\n", ""},
				{"stop", "pct stop 100; pct status 100", "", 0, "status: stopped\n", ""},
				{"not running", "pct exec 100 -- true", "", 255, "", "container '100' not running!\n"},
				{"stopped twice", "pct stop 100", "", 255, "", "CT 100 not running\n"},
				{"destroy", "pct destroy 100; pct list", "", 0, "", ""},
			} {
				out, errOut, exit := remote(t, c, tt.command, strings.NewReader(tt.stdin))
				if out != tt.stdout || errOut != tt.stderr || exit != tt.exit {
					t.Errorf("%s: status %d, stdout %q, stderr %q", tt.name, exit, out, errOut)
				}
			}
			if got := s.Stats().PushTasks; got != 2 && got != 3 {
				t.Errorf("%d push_file tasks", got)
			}
		})
	}
}

// TestPctCreate makes a container on the node alone, as its admin would.
func TestPctCreate(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Faults: []string{"start-fail=no luck:1"}})
	c := login(t, s.Endpoint())
	const create = "pct create 105 local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst --hostname h --rootfs local-lvm:2 --unprivileged 1 --net0 name=eth0,bridge=vmbr0,ip=dhcp"
	out, errOut, exit := remote(t, c, create+" --features nesting=1", nil)
	if exit != 0 || !strings.Contains(out, "extracting archive") || strings.Contains(out, "TASK OK") {
		t.Errorf("create: %d %q %q", exit, out, errOut)
	}
	if _, errOut, exit := remote(t, c, create, nil); exit != 255 || errOut != "CT 105 already exists on node 'pve1'\n" {
		t.Errorf("create again: %d %q", exit, errOut)
	}
	if _, errOut, exit := remote(t, c, "pct start 105", nil); exit != 255 || !strings.HasSuffix(errOut, "startup for container '105' failed\n") {
		t.Errorf("start: %d %q", exit, errOut)
	}
	if out, errOut, exit := remote(t, c, "pct start 105 && pct status 105 && pct shutdown 105 && pct destroy 105 && pct list", nil); exit != 0 || out != "status: running\n" {
		t.Errorf("life: %d %q %q", exit, out, errOut)
	}
	if _, errOut, exit := remote(t, c, "pct create 105 local:vztmpl/none.tar.zst --memory 1", nil); exit != 255 || !strings.HasPrefix(errOut, "400 Parameter verification failed.\nmemory: ") {
		t.Errorf("bad memory: %d %q", exit, errOut)
	}
}
