package lxcguest

import (
	"os"
	"path/filepath"
	"testing"
)

// What is in a mount point's folder goes to its volume and back, hidden files and links
// included, and never through a link of the guest.
func TestMountVolume(t *testing.T) {
	d := &Driver{dir: t.TempDir()}
	in := func(name string) string { return d.path(100, "rootfs", name) }
	for _, dir := range []string{"data/sub", "again"} {
		if err := os.MkdirAll(in(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	outside := t.TempDir()
	for path, text := range map[string]string{in("data/sub/.hidden"): "kept", filepath.Join(outside, "file"): "safe"} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"data/link": "sub", "out": outside} {
		if err := os.Symlink(target, in(name)); err != nil {
			t.Fatal(err)
		}
	}
	const volume = "local-lvm:vm-100-disk-1"
	if err := d.SaveMount(t.Context(), 100, "/data", volume, false); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(in("data")); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
	if err := d.LoadMount(t.Context(), 100, "/out", volume); err != nil {
		t.Fatal(err)
	}
	if err := d.LoadMount(t.Context(), 100, "/again", volume); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(in("again/link/.hidden")); err != nil || string(text) != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(d.volumeDir(volume)); err == nil {
		t.Error("the volume has its content, too")
	}
	if err := d.SaveMount(t.Context(), 100, "/out", volume, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(outside, "file")); err != nil {
		t.Error(err)
	}
}
