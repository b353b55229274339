//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/sandbox/lxcguest"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// busybox is this machine's busybox with the libraries that it needs, and its applets as links.
func busybox(t *testing.T) ocitest.Layer {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	l := ocitest.Layer{
		{Name: "bin/"}, {Name: "etc/"}, {Name: "dev/"}, {Name: "proc/"}, {Name: "sys/"}, {Name: "root/", Mode: 0o700}, {Name: "tmp/", Mode: 0o1777}, {Name: "var/"}, {Name: "www/"},
		{Name: "etc/passwd", Content: "root:x:0:0:root:/root:/bin/sh\n"}, {Name: "etc/group", Content: "root:x:0:\n"},
		{Name: "bin/busybox", Content: content(t, path), Mode: 0o755},
	}
	linked, _ := exec.Command("ldd", path).Output() // fails for a static one
	for word := range strings.FieldsSeq(string(linked)) {
		if strings.HasPrefix(word, "/") {
			l = append(l, ocitest.File{Name: strings.TrimPrefix(word, "/"), Content: content(t, word), Mode: 0o755})
		}
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(applets)) {
		if name != "busybox" {
			l = append(l, ocitest.File{Name: "bin/" + name, Kind: tar.TypeSymlink, Link: "busybox", Mode: 0o777})
		}
	}
	return l
}

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// webImage runs a script that ends with busybox's web server.
func webImage(base ocitest.Layer, version, script string) ocitest.Image {
	return ocitest.Image{
		Config: v1.ImageConfig{
			Entrypoint: []string{"/run.sh"}, Env: []string{ocitest.Path, "APP_VERSION=" + version}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, StopSignal: "SIGKILL",
			Labels: map[string]string{"org.opencontainers.image.version": version},
		},
		Layers: []ocitest.Layer{base, {
			{Name: "run.sh", Content: "#!/bin/sh\n" + script, Mode: 0o755}, {Name: "www/index.html", Content: "web " + version + "\n"},
		}},
	}
}

// shownImage is the part of `show --json` that tests of images need.
type shownImage struct {
	Container struct {
		CTID         int
		Address, MAC string
		Status       string
		Image        struct{ Digest, Kind string }
	}
}

func (u *user) image(name string) shownImage {
	u.t.Helper()
	var s shownImage
	if err := json.Unmarshal([]byte(u.run("show", name, "--json").stdout), &s.Container); err != nil {
		u.t.Fatal(err)
	}
	return s
}

// webPage is what the container's web server answers.
func webPage(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + net.JoinHostPort(address, "8080") + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestUpdate brings a container of an image to the image's newest digest, in real guests: one
// that gets ready, one that does not, one whose program ends at once. They are saved by a
// snapshot, and by vzdump where no storage can make one.
func TestUpdate(t *testing.T) {
	n := newNode(t)
	registry := ocitest.NewRegistry()
	defer registry.Close()
	base := busybox(t)
	serve := "echo \"$0 $APP_VERSION $SECRET_KEY\" >/data/started\nexec httpd -f -p 8080 -h /www\n"
	push := func(version, script string) {
		t.Helper()
		if err := registry.Push("e2e/web:1", webImage(base, version, script)); err != nil {
			t.Fatal(err)
		}
	}
	push("1.0", serve)
	u := n.by(t, "node")
	dir := t.TempDir()
	yaml := fmt.Sprintf("name: web\nos: oci:%s/e2e/web:1\nostype: unmanaged\nservices: [{name: web, port: 8080, http: /, timeout: 10s}]\n", registry.Host())
	for name, text := range map[string]string{"template.yaml": yaml, "secret.env": "SECRET_KEY=hunter2-in-e2e\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u.destroyLater("web")
	if r := u.try("create", "web", "--template", dir, "--mount", "size=1,path=/data", "--env-file", filepath.Join(dir, "secret.env")); r.status != 0 {
		inside := u.try("exec", "web", "--", "sh", "-c", "ip address; netstat -tln; ls -l / /www; ps; wget -O - http://127.0.0.1:8080/")
		t.Fatalf("create: exit status %d\n%s\ninside: %s%s", r.status, r.stderr, inside.stdout, inside.stderr)
	}
	was := u.image("web")
	if got := webPage(t, was.Container.Address); got != "web 1.0\n" || was.Container.Image.Kind != "application" {
		t.Fatalf("%q from %+v", got, was)
	}
	u.run("exec", "web", "--", "sh", "-c", "echo kept >/data/file; echo old >/root/mine")
	same := func(version, files string) {
		t.Helper()
		now := u.image("web")
		if now.Container.CTID != was.Container.CTID || now.Container.MAC != was.Container.MAC || now.Container.Address != was.Container.Address || now.Container.Status != "ready" {
			t.Errorf("%+v was %+v", now, was)
		}
		if got := webPage(t, now.Container.Address); got != "web "+version+"\n" {
			t.Errorf("it serves %q", got)
		}
		if got := u.run("exec", "web", "--", "sh", "-c", "cat /data/file; cat /root/mine 2>/dev/null; cat /data/started").stdout; got != files+"/run.sh "+version+" hunter2-in-e2e\n" {
			t.Errorf("it has %q", got)
		}
		if out := u.run("list", "--all").stdout; strings.Contains(out, "update-of-") {
			t.Errorf("left over:\n%s", out)
		}
		u.run("sync", "web", "--plan", "--exit-code")
	}
	same("1.0", "kept\nold\n")

	push("1.1", serve)
	u.run("update", "web")
	same("1.1", "kept\n")
	u.run("exec", "web", "--", "sh", "-c", "echo old >/root/mine")

	for what, script := range map[string]string{"ends": "exit 3\n", "mute": "exec sleep 1000\n"} {
		push("1.2", script)
		r := u.try("update", "web")
		if r.status != 5 || !strings.Contains(r.stderr, "the container was put back as it was") {
			t.Fatalf("%s: exit status %d\n%s", what, r.status, r.stderr)
		}
		same("1.1", "kept\nold\n")
	}
	n.fault(t, "no-snapshots")
	push("1.2", "exec sleep 1000\n")
	r := u.try("update", "web")
	if r.status != 5 || !strings.Contains(r.stderr, "The backup is local:backup/vzdump-lxc-") || !strings.Contains(r.stderr, "the container was put back as it was") {
		t.Fatalf("saved by vzdump: exit status %d\n%s", r.status, r.stderr)
	}
	u.run("exec", "web", "--", "sh", "-c", "echo /run.sh 1.1 hunter2-in-e2e >/data/started") // what the new version wrote there stays
	same("1.1", "kept\nold\n")
	push("1.3", serve)
	if r := u.run("update", "web"); !strings.Contains(r.stderr, "The backup is local:backup/vzdump-lxc-") {
		t.Errorf("no backup was made:\n%s", r.stderr)
	}
	same("1.3", "kept\n")
	if out := u.run("events", "web").stdout; strings.Contains(out, "hunter2") {
		t.Error("a secret is in the events")
	}
	u.run("destroy", "web", "--yes")
}

// systemLayer is the root file system of the shared node's OS template as a layer, without its
// device files, which no layer of a registry has.
func systemLayer(t *testing.T) []byte {
	t.Helper()
	archive, err := lxcguest.EnsureTemplate(t.Context(), "", "", func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "zstd", "-dc", archive)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && (h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock) {
			continue
		}
		if err == nil {
			err = w.WriteHeader(h)
		}
		if err == nil {
			_, err = io.Copy(w, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	return layer.Bytes()
}

// TestSystemImage makes a container of an image whose command is an init: an ordinary one, with
// all five phases, and its own sshd.
func TestSystemImage(t *testing.T) {
	registry := ocitest.NewRegistry()
	defer registry.Close()
	image := ocitest.Image{
		Config: v1.ImageConfig{Cmd: []string{"/sbin/init"}, Env: []string{ocitest.Path}, StopSignal: "SIGRTMIN+3"},
		Raw:    [][]byte{systemLayer(t)}, Plain: true,
	}
	if err := registry.Push("e2e/debian:12", image); err != nil {
		t.Fatal(err)
	}
	u := node.by(t, "guest")
	reference := registry.Host() + "/e2e/debian:12"
	end := u.create("system", "--template", "nginx", "--image", reference)
	if end.Type != event.Complete || *end.ExitStatus != 0 {
		t.Fatalf("the last event is %+v", end)
	}
	var phases []string
	for _, e := range decode(t, u.run("events", "system", "--json").stdout) {
		if phase := string(e.Step); phase != "" && !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
	}
	if got := strings.Join(phases, " "); got != "creating starting deploying syncing finalizing" {
		t.Errorf("phases: %s", got)
	}
	mustAnswer(t, "http://"+end.Address+"/")
	if s := serviceNamed(t, end.Services, "nginx"); !slices.ContainsFunc(s.Ports, func(p lxc.Port) bool { return p.Port == 80 }) {
		t.Errorf("nginx has ports %v", s.Ports)
	}
	if got := u.image("system").Container; got.Image.Kind != "system" || got.Image.Digest == "" || got.Status != "ready" {
		t.Errorf("it is %+v", got)
	}
	if r := u.run("sync", "system"); !strings.Contains(r.stderr, "Nothing differs from the template") {
		t.Errorf("sync says:\n%s", r.stderr)
	}
	serviceNamed(t, discovered(t, u.run("discover", "system", "--json").stdout), "nginx")
	if r := u.try("update", "system"); r.status != 2 || !strings.Contains(r.stderr, "it is a system image") {
		t.Errorf("update: exit status %d\n%s", r.status, r.stderr)
	}
	u.run("stop", "system")
	u.run("start", "system")
	mustAnswer(t, "http://"+end.Address+"/")
}
