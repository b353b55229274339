package node_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// TestBackup: vzdump makes an archive, which is listed, restored under another id and over
// its own container, pruned and removed.
func TestBackup(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100, "hostname", "web", "memory", "256"))
	start(t, n)
	put := func(text string) {
		t.Helper()
		if err := n.Push(t.Context(), node.Root, 100, "/root/state", strings.NewReader(text), "", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	dump := func(p node.Params) string {
		t.Helper()
		upid, err := n.Backup(node.Root, p)
		log, exit := finish(t, n, upid, err)
		if exit != "OK" {
			t.Fatal(exit, log)
		}
		return strings.Join(log, "\n")
	}
	archives := func() (volids []string) {
		t.Helper()
		rows, err := n.StorageContent(node.Root, "local", node.Params{"content": "backup"})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r["vmid"] != 100 || r["subtype"] != "lxc" || r["content"] != "backup" {
				t.Errorf("row %v", r)
			}
			volids = append(volids, r["volid"].(string))
		}
		return volids
	}
	put("first")
	log := dump(node.Params{"vmid": "100", "storage": "local", "compress": "zstd", "notes-template": "{{guestname}} of {{node}}"})
	if !strings.HasPrefix(log, "INFO: starting new backup job: vzdump 100 --compress zstd ") || !strings.HasSuffix(log, "INFO: Backup job finished successfully") {
		t.Error(log)
	}
	all := archives()
	if len(all) != 1 || !strings.HasPrefix(all[0], "local:backup/vzdump-lxc-100-") || !strings.HasSuffix(all[0], ".tar.zst") {
		t.Fatal(all)
	}
	if m, err := n.Volume(node.Root, node.Params{"storage": "local", "volume": all[0]}); err != nil || m["notes"] != "web of pve1" || m["format"] != "tar.zst" {
		t.Error(m, err)
	}
	put("second")

	restore := func(vmid string, more ...string) (string, error) {
		p := node.Params{"vmid": vmid, "ostemplate": all[0], "restore": "1", "storage": "local-lvm"}
		for i := 0; i < len(more); i += 2 {
			p[more[i]] = more[i+1]
		}
		return n.Create(t.Context(), node.Root, p)
	}
	upid, err := restore("101", "hostname", "other")
	if log, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit, log)
	}
	conf, err := n.Raw(101, "")
	if err != nil || conf["hostname"] != "other" || conf["memory"] != "256" || !strings.Contains(conf["rootfs"], "vm-101-disk-0") {
		t.Error(conf, err)
	}
	_, err = restore("100")
	wantErr(t, err, 500, "CT 100 already exists on node 'pve1'")
	_, err = restore("100", "force", "1")
	wantErr(t, err, 500, "unable to restore CT 100 - vm is running")
	upid, err = n.Stop(t.Context(), node.Root, 100, nil)
	finish(t, n, upid, err)
	upid, err = restore("100", "force", "1")
	if log, exit := finish(t, n, upid, err); exit != "OK" {
		t.Fatal(exit, log)
	}
	start(t, n)
	var kept strings.Builder
	if err := n.Pull(t.Context(), node.Root, 100, "/root/state", &kept); err != nil || kept.String() != "first" {
		t.Errorf("after the restore: %q, %v", kept.String(), err)
	}

	dump(node.Params{"vmid": "100", "storage": "local", "prune-backups": "keep-last=1"})
	if left := archives(); len(left) != 1 || left[0] == all[0] {
		t.Errorf("pruned to %v", left)
	}
	upid, err = restore("102")
	if _, exit := finish(t, n, upid, err); exit != "unable to restore CT 102 - volume '"+all[0]+"' does not exist" {
		t.Error(exit)
	}
	if err := n.Exists(102); err == nil {
		t.Error("a failed restore left its container")
	}
	_, err = n.RemoveVolume(t.Context(), node.Root, node.Params{"storage": "local", "volume": archives()[0], "delay": "5"})
	if err != nil || len(archives()) != 0 {
		t.Error(err, archives())
	}
}

// TestBackupModes: what vzdump's log says of the mode and of the volumes. A storage that cannot
// make a snapshot has the guest frozen.
func TestBackupModes(t *testing.T) {
	faults := driver.NewFaults()
	n := open(t, node.Options{Faults: faults})
	mustCreate(t, n, spec(100, "hostname", "web", "mp0", "local-lvm:1,mp=/data", "mp1", "local-lvm:1,mp=/db,backup=1"))
	volumes := []string{
		"INFO: CT Name: web", "INFO: including mount point rootfs ('/') in backup",
		"INFO: excluding volume mount point mp0 ('/data') from backup (disabled)", "INFO: including mount point mp1 ('/db') in backup",
	}
	start(t, n)
	for _, tt := range []struct {
		mode  string
		fault bool
		want  []string
	}{
		{"", false, slices.Concat([]string{"INFO: status = running"}, volumes, []string{"INFO: backup mode: snapshot", "INFO: ionice priority: 7", "INFO: create storage snapshot 'vzdump'"})},
		{"suspend", false, slices.Concat([]string{"INFO: status = running", "INFO: backup mode: suspend", "INFO: ionice priority: 7"}, volumes, []string{"INFO: suspending guest"})},
		{"snapshot", true, slices.Concat([]string{"INFO: status = running"}, volumes, []string{
			"INFO: mode failure - some volumes do not support snapshots", "INFO: trying 'suspend' mode instead", "INFO: backup mode: suspend", "INFO: ionice priority: 7",
		}, volumes)},
		{"stop", false, slices.Concat([]string{"INFO: status = running", "INFO: backup mode: stop", "INFO: ionice priority: 7"}, volumes, []string{"INFO: stopping virtual guest"})},
	} {
		if tt.fault {
			faults.Add(driver.Fault{Name: driver.FaultNoSnapshots})
		}
		p := node.Params{"vmid": "100", "storage": "local"}
		if tt.mode != "" {
			p["mode"] = tt.mode
		}
		upid, err := n.Backup(node.Root, p)
		log, exit := finish(t, n, upid, err)
		if text := strings.Join(log, "\n"); exit != "OK" || !strings.Contains(text, strings.Join(tt.want, "\n")) {
			t.Errorf("mode %q: %s\n%s\nwant:\n%s", tt.mode, exit, text, strings.Join(tt.want, "\n"))
		}
		faults.Clear("")
	}
}

func TestBackupRefusals(t *testing.T) {
	n := open(t, node.Options{})
	mustCreate(t, n, spec(100))
	for _, tt := range []struct {
		p    node.Params
		exit string
	}{
		{node.Params{"vmid": "100", "storage": "local-lvm"}, "could not get storage information for 'local-lvm': can't use storage 'local-lvm' for backups - wrong content type"},
		{node.Params{"vmid": "999", "storage": "local"}, "job errors"},
		{node.Params{"vmid": "100", "storage": "nowhere"}, "could not get storage information for 'nowhere': storage 'nowhere' does not exist"},
	} {
		upid, err := n.Backup(node.Root, tt.p)
		if log, exit := finish(t, n, upid, err); exit != tt.exit {
			t.Errorf("%v: %s %v", tt.p, exit, log)
		}
	}
	if conf, err := n.Raw(100, ""); err != nil || conf["lock"] != "" {
		t.Error(conf, err)
	}
	a := node.ParseAuth(n.Login().TokenID)
	_, err := n.Backup(a, node.Params{"vmid": "100", "tmpdir": "/tmp"})
	wantErr(t, err, 500, "Only root may set the option 'tmpdir'.")
}
