//go:build e2e

package packages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestImage builds the image from packaging/Dockerfile with buildah, from the files that
// GoReleaser would give `docker buildx`, and runs the program in it without a daemon.
func TestImage(t *testing.T) {
	first := releases(t)[0]
	platform := "linux/" + runtime.GOARCH
	context, archive := t.TempDir(), t.TempDir()
	succeed(t, "tar", "-xzf", first.only(t, "*.tar.gz"), "-C", archive)
	for from, to := range map[string]string{"infrahaus": platform + "/infrahaus", "LICENSE": "LICENSE", "NOTICES": "bin/package/NOTICES"} {
		if err := copyFile(filepath.Join(archive, from), filepath.Join(context, to)); err != nil {
			t.Fatal(err)
		}
	}
	state := t.TempDir()
	buildah := func(args ...string) string {
		t.Helper()
		return succeed(t, "buildah", append([]string{"--storage-driver", "vfs", "--root", state + "/root", "--runroot", state + "/run"}, args...)...)
	}
	buildah("build", "--isolation", "chroot", "--platform", platform, "-f", filepath.Join(root(), "packaging/Dockerfile"), "-t", "infrahaus:test", context)

	var image struct {
		OCIv1 struct {
			Config struct {
				Entrypoint, Env []string
				Volumes         map[string]any
			}
			RootFS struct{ DiffIDs []string } `json:"rootfs"`
		}
	}
	if err := json.Unmarshal([]byte(buildah("inspect", "--type", "image", "infrahaus:test")), &image); err != nil {
		t.Fatal(err)
	}
	c := image.OCIv1.Config
	if strings.Join(c.Entrypoint, " ") != "/usr/bin/infrahaus" || len(c.Volumes) != 2 {
		t.Errorf("the image has entry point %q and volumes %v", c.Entrypoint, c.Volumes)
	}
	container := strings.TrimSpace(buildah("from", "infrahaus:test"))
	defer buildah("rm", container)
	if out := buildah("run", "--isolation", "chroot", container, "--", "/usr/bin/infrahaus", "version"); !strings.HasPrefix(out, "infrahaus 0.2.0-rc1 (") {
		t.Errorf("it says %q", out)
	}
	out := buildah("run", "--isolation", "chroot", container, "--", "/usr/bin/infrahaus", "create", "web", "--template", "hello", "--sandbox")
	if !strings.Contains(out, "web") {
		t.Errorf("a create in the image says %q", out)
	}
	layout := filepath.Join(state, "layout")
	buildah("push", "-q", "infrahaus:test", "oci:"+layout)
	if _, err := os.Stat(filepath.Join(layout, "oci-layout")); err != nil {
		t.Error(err)
	}
}
