package lxcguest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

// TestClone: a copy of a running guest, one of its snapshot, and one whose users have other ids
// each start with the files, owners and removals of the original. One of a missing guest leaves
// nothing.
func TestClone(t *testing.T) {
	d, archive := open(t, t.Context())
	config := func(vmid int, unprivileged bool) driver.Config {
		return driver.Config{VMID: vmid, Hostname: "copy", Unprivileged: unprivileged, MemoryMiB: 512, OSTemplate: TemplateName, TemplatePath: archive,
			Interfaces: []driver.Interface{{Name: "eth0", MAC: "BC:24:11:00:01:" + string(rune('0'+vmid/10%10)) + string(rune('0'+vmid%10)), DHCP: true, Addr: netip.PrefixFrom(host(d.net.subnet, byte(vmid)), 24)}}}
	}
	log := func(string) {}
	first := config(110, true)
	if err := d.Create(t.Context(), first, driver.Secrets{}, log); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context(), first, log); err != nil {
		t.Fatal(err)
	}
	sh(t, d, 110, "echo one >/srv/file; chown games:games /srv/file; chmod 4751 /srv/file; rm /etc/issue", "")
	if err := d.Snapshot(t.Context(), 110, "before"); err != nil {
		t.Fatal(err)
	}
	sh(t, d, 110, "echo two >/srv/file; chmod 4751 /srv/file", "")
	for _, tt := range []struct {
		to           int
		snapshot     string
		unprivileged bool
		want         string
	}{{111, "", true, "two"}, {112, "before", true, "one"}, {113, "", false, "two"}} {
		c := config(tt.to, tt.unprivileged)
		if err := d.Clone(t.Context(), 110, tt.snapshot, c); err != nil {
			t.Fatal(err)
		}
		if err := d.Start(t.Context(), c, log); err != nil {
			t.Fatal(err)
		}
		out, status := sh(t, d, tt.to, "cat /srv/file; stat -c '%U:%G %a' /srv/file / /root; test ! -e /etc/issue && hostname", "")
		if want := tt.want + "\ngames:games 4751\nroot:root 755\nroot:root 700\ncopy\n"; out != want || status != 0 {
			t.Errorf("clone %d has %q (%d), not %q", tt.to, out, status, want)
		}
		if err := d.Destroy(t.Context(), tt.to); err != nil {
			t.Error(err)
		}
	}
	err := d.Clone(t.Context(), 199, "", config(114, true))
	if err == nil || !strings.Contains(err.Error(), "CT 199 has no root file system") {
		t.Errorf("a clone of nothing: %v", err)
	}
	if err := d.Create(t.Context(), config(114, true), driver.Secrets{}, log); err != nil {
		t.Errorf("it has left something: %v", err)
	}
}
