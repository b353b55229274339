package api_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// theirRegistry is where the registry of the recorded node was.
const theirRegistry = "localhost:5000"

// recordedImages are images like those of the recorded node, by the archive's name.
func recordedImages() map[string]ocitest.Image {
	user := ocitest.User()
	user.Layers[0] = ocitest.Base("busybox", "1.36")
	user.Config.Entrypoint, user.Config.Cmd, user.Config.Env = nil, []string{"/bin/sleep", "1000000"}, []string{"PATH=/bin:/usr/bin"}
	return map[string]ocitest.Image{
		"bbhttpd_1.0": ocitest.Httpd(), "bbuser_1.0": user, "debian-oci_12": ocitest.Shell(), "debian-sysd_12": ocitest.System(),
		"debian_12": ocitest.Shell(),
	}
}

// withImages builds the archives and starts a registry.
func (p *player) withImages(t *testing.T, templates []node.Template) {
	p.images = ocitest.NewRegistry()
	t.Cleanup(p.images.Close)
	if err := p.images.Push("library/debian:12", ocitest.Shell()); err != nil {
		t.Fatal(err)
	}
	images, dir := recordedImages(), t.TempDir()
	for i := range templates {
		name, ok := strings.CutSuffix(filepath.Base(templates[i].Volid), ".tar")
		if !ok {
			continue
		}
		file, err := images[name].Write(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		templates[i].Path = file
	}
}

// beforeImages repeats what happened between recorded requests.
func (p *player) beforeImages(t *testing.T, name string) {
	switch name {
	case "oci-shutdown": // of a web server that does not handle SIGTERM
		p.drv.OnShutdown = func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}
	case "oci-stop":
		p.settle(t)
		p.drv.OnShutdown = nil
	case "oci-pull":
		upid := p.remove(t, "local:vztmpl/debian_12.tar")
		p.follow(t, upid)
	case "storage-content-vztmpl-oci":
		for _, file := range []string{"debian-exit_12.tar", "debian-sh_12.tar", "debian-sleep_12.tar", "debian-user_12.tar"} {
			p.addTemplate(t, file)
		}
	}
}

func (p *player) remove(t *testing.T, volid string) string {
	upid, err := p.node.RemoveVolume(t.Context(), node.Root, node.Params{"storage": "local", "volume": volid})
	if err != nil {
		t.Fatal(err)
	}
	return upid.(string)
}

// theirs puts the recorded registry in the place of ours.
func (p *player) theirs(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte(p.images.Host()), []byte(theirRegistry))
}
