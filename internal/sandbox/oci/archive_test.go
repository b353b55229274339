package oci_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
	"github.com/infrahaus/infrahaus/internal/sandbox/ocitest"
)

// files lists what the layers of an image make together, after a round through WriteTar.
func files(t *testing.T, layers ...ocitest.Layer) []string {
	t.Helper()
	file, err := ocitest.Image{Layers: layers}.Write(t.TempDir(), "image")
	if err != nil {
		t.Fatal(err)
	}
	a, err := oci.Open(file)
	if err != nil {
		return []string{err.Error()}
	}
	defer a.Close()
	var b bytes.Buffer
	if err := a.WriteTar(t.Context(), &b); err != nil {
		return []string{err.Error()}
	}
	var list []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r)
		line := h.Name
		switch h.Typeflag {
		case tar.TypeSymlink:
			line += " -> " + h.Linkname
		case tar.TypeLink:
			line += " == " + h.Linkname
		case tar.TypeReg:
			line += "=" + string(text)
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func link(name, to string) ocitest.File {
	return ocitest.File{Name: name, Kind: tar.TypeSymlink, Link: to}
}
func hard(name, to string) ocitest.File {
	return ocitest.File{Name: name, Kind: tar.TypeLink, Link: to}
}
func file(name, text string) ocitest.File { return ocitest.File{Name: name, Content: text} }

func TestMerge(t *testing.T) {
	type layers = []ocitest.Layer
	for _, tt := range []struct {
		name   string
		layers layers
		want   string
	}{
		{"a later file replaces", layers{{file("a", "1")}, {file("a", "2")}}, "a=2"},
		{"a file is deleted", layers{{file("a", "1"), file("b", "1")}, {file(".wh.a", "")}}, "b=1"},
		{"and made again", layers{{file("a", "1")}, {file(".wh.a", "")}, {file("a", "3")}}, "a=3"},
		{"deleted and made in one layer", layers{{file("a", "1")}, {file("a", "2"), file(".wh.a", "")}}, "a=2"},
		{"a folder is deleted", layers{{file("d/a", "1"), file("e", "1")}, {file(".wh.d", "")}}, "e=1"},
		{"an opaque folder", layers{{file("d/a", "1"), file("d/e/b", "1")}, {file("d/.wh..wh..opq", ""), file("d/c", "2")}}, "d/c=2"},
		{"a folder in a file's place", layers{{file("a", "1")}, {file("a/b", "2")}}, "a/b=2"},
		{"a file in a folder's place", layers{{file("a/b", "1")}, {file("a", "2")}}, "a=2"},
		{"through a link", layers{{{Name: "usr/bin/"}, link("bin", "usr/bin")}, {file("bin/sh", "1")}}, "bin -> usr/bin|usr/bin/|usr/bin/sh=1"},
		{"a folder at a link stays a link", layers{{{Name: "usr/bin/"}, link("bin", "usr/bin")}, {{Name: "bin/"}}}, "bin -> usr/bin|usr/bin/"},
		{"a link leads nowhere outside", layers{{{Name: "etc/"}, link("out", "../../../etc")}, {file("out/x", "1")}}, "etc/|etc/x=1|out -> ../../../etc"},
		{"nor does an absolute one", layers{{{Name: "tmp/"}, link("out", "/tmp")}, {file("out/x", "1")}}, "out -> /tmp|tmp/|tmp/x=1"},
		{"nor a circle", layers{{link("a", "b"), link("b", "a")}, {file("a/x", "1")}}, "a/x=1|b -> a"},
		{"names with dots are left out", layers{{file("../a", "1"), file("b/../../c", "1"), file("./d", "1"), file("/e", "1")}}, "d=1|e=1"},
		{"whiteouts of what is above", layers{{file("d/a", "1")}, {file("d/.wh...", ""), file(".wh..", ""), file("../.wh.d", "")}}, "d/a=1"},
		{"a hard link", layers{{file("a", "1"), hard("b", "a")}}, "a=1|b == a"},
		{"whose first name goes", layers{{file("a", "1"), hard("b", "a"), hard("c", "a")}, {file(".wh.a", "")}}, "b=1|c == b"},
		{"whose target is replaced", layers{{file("a", "1"), hard("b", "a")}, {file("a", "2")}}, "a=2|b=1"},
		{"to a lower layer", layers{{file("a", "1")}, {hard("b", "a")}}, "a=1|b == a"},
		{"a hard link to nothing", layers{{hard("b", "a")}}, "Error while extracting OCI image: IO error: failed to unpack `b`: No such file or directory (os error 2) when hard linking a"},
		{"a hard link outside", layers{{hard("b", "../../etc/passwd")}}, "Error while extracting OCI image: IO error: failed to unpack `b`: No such file or directory (os error 2) when hard linking ../../etc/passwd"},
		{"devices become files", layers{{{Name: "sda", Kind: tar.TypeBlock}, {Name: "tty", Kind: tar.TypeChar}, {Name: "p", Kind: tar.TypeFifo}}}, "p=|sda=|tty="},
	} {
		if got := strings.Join(files(t, tt.layers...), "|"); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestPlainLayers: layers need not be compressed.
func TestPlainLayers(t *testing.T) {
	i := ocitest.Shell()
	i.Plain = true
	name, err := i.Write(t.TempDir(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	a, err := oci.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if arch, err := a.Architecture(); arch != "amd64" || err != nil || !a.HasFile("/bin/sh") || a.HasFile("/bin") || !a.HasFolder("/bin") {
		t.Error(arch, err)
	}
	if release, ok := a.OSRelease(); !ok || release["ID"] != "debian" {
		t.Error(release)
	}
}

// archive writes a tar file of these members.
func archive(t *testing.T, members ...[2]string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.tar")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, m[1])
	}
	w.Close()
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestIs(t *testing.T) {
	layout, index, blob := [2]string{"oci-layout", "{}"}, [2]string{"index.json", "{}"}, [2]string{"blobs/sha256/x", ""}
	for want, name := range map[bool]string{true: archive(t, layout, index, blob), false: archive(t, layout, index)} {
		if got, err := oci.Is(name); got != want || err != nil {
			t.Error(got, err)
		}
	}
	text := filepath.Join(t.TempDir(), "text.tar")
	if err := os.WriteFile(text, []byte(strings.Repeat("no tar archive ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := oci.Is(text); !errors.Is(err, oci.ErrNoTar) {
		t.Error(err)
	}
}

// TestBroken: the words are those of Proxmox's reader.
func TestBroken(t *testing.T) {
	const d = "sha256:" + "0000000000000000000000000000000000000000000000000000000000000000"
	manifest := func(kind string) [2]string {
		return [2]string{"index.json", `{"schemaVersion":2,"manifests":[{"mediaType":"` + kind + `","digest":"` + d + `","size":1}]}`}
	}
	path := "blobs/sha256/" + strings.TrimPrefix(d, "sha256:")
	for _, tt := range []struct {
		name string
		file string
		want string
	}{
		{"no index", archive(t, [2]string{"oci-layout", "{}"}), "OCI spec error: Missing index.json file"},
		{"no JSON", archive(t, [2]string{"index.json", "x"}), "OCI spec error: serde failed: "},
		{"no manifest of a kind that is known", archive(t, manifest("application/x")), "Unsupported CPU architecture"},
		{"a manifest that is missing", archive(t, manifest(v1.MediaTypeImageManifest)), "OCI spec error: Image manifest with digest " + d + " mentioned in image index is missing"},
		{"a config of another kind", archive(t, manifest(v1.MediaTypeImageManifest), [2]string{path, "{}"}), "Wrong media type"},
		{"a config that is missing", archive(t, manifest(v1.MediaTypeImageManifest), [2]string{path, `{"config":{"mediaType":"` + v1.MediaTypeImageConfig + `","digest":"../../x"}}`}), "Missing image config"},
	} {
		_, err := oci.Open(tt.file)
		if err == nil || !strings.HasPrefix(err.Error(), "Error while parsing OCI image: "+tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestWrongLayer: a layer that is not what the config says.
func TestWrongLayer(t *testing.T) {
	b, err := ocitest.Shell().Build()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ocitest.Httpd().Build()
	if err != nil {
		t.Fatal(err)
	}
	b.Manifest.Layers = other.Manifest.Layers
	for d, blob := range other.Blobs {
		b.Blobs[d] = blob
	}
	name := filepath.Join(t.TempDir(), "wrong.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := oci.NewWriter(f)
	for _, l := range append(b.Manifest.Layers, b.Manifest.Config) {
		if err := w.Blob(l, bytes.NewReader(b.Blobs[l.Digest])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(&b.Manifest); err != nil {
		t.Fatal(err)
	}
	if _, err := oci.Open(name); err == nil || !strings.Contains(err.Error(), "Error while extracting OCI image: Unknown layer digest sha256:") {
		t.Error(err)
	}
}
