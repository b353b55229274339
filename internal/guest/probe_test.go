package guest

import (
	"maps"
	"testing"
)

func TestVersionsIn(t *testing.T) {
	got := versionsIn("proxmox-ve: 8.4.0 (running kernel: 6.8.12-9-pve)\npve-manager: 8.4.1 (running version: 8.4.1/2a5fa54a8503f96d)\n" +
		"ceph: not correctly installed\nlxc-pve: 6.0.0-1\r\nno colon\n: 1\nzfsutils-linux: residual config\n")
	want := map[string]string{"proxmox-ve": "8.4.0", "pve-manager": "8.4.1", "lxc-pve": "6.0.0-1"}
	delete(got, "")
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
