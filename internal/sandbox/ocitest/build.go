// Package ocitest builds small OCI images and serves them from a registry on loopback, for
// tests and demonstrations. The programs in them have the header of a real one and nothing
// behind it: a virtual guest has its own in their place.
package ocitest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/infrahaus/infrahaus/internal/sandbox/oci"
)

// File is one entry of a layer.
type File struct {
	Name     string
	Content  string
	Mode     int64 // 0: 0644, of a folder 0755
	Kind     byte  // of package tar; 0: a file, or a folder if the name ends with a slash
	Link     string
	UID, GID int
}

// Layer is one layer.
type Layer []File

// Image is an image to be built.
type Image struct {
	Arch   string // "": amd64
	Config v1.ImageConfig
	Layers []Layer
	Raw    [][]byte // further layers as they are, broken ones for example
	Plain  bool     // layers are not compressed
	Docker bool     // with Docker's own media types
}

// Built is an image with its blobs.
type Built struct {
	Manifest   v1.Manifest
	Descriptor v1.Descriptor // of the manifest
	Blobs      map[digest.Digest][]byte
	order      []v1.Descriptor
}

// Program is the content of a program for an architecture: the first bytes of an ELF file.
func Program(arch string) string {
	machine := map[string]byte{"": 0x3e, "amd64": 0x3e, "arm64": 0xb7, "i386": 0x03}[arch]
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	head[16], head[18], head[20] = 2, machine, 1
	return string(head)
}

func (f File) header() *tar.Header {
	h := &tar.Header{Name: f.Name, Typeflag: f.Kind, Mode: f.Mode, Linkname: f.Link, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Content))}
	switch {
	case f.Kind != 0:
	case strings.HasSuffix(f.Name, "/"):
		h.Typeflag = tar.TypeDir
	default:
		h.Typeflag = tar.TypeReg
	}
	if h.Mode == 0 {
		h.Mode = 0o644
		if h.Typeflag == tar.TypeDir {
			h.Mode = 0o755
		}
	}
	return h
}

func (l Layer) tar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range l {
		if err := w.WriteHeader(f.header()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, err := w.Write([]byte(f.Content)); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// Build makes the blobs and the manifest.
func (i Image) Build() (*Built, error) {
	b := &Built{Blobs: map[digest.Digest][]byte{}}
	image := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: i.Arch}, Config: i.Config, RootFS: v1.RootFS{Type: "layers"}}
	if i.Arch == "" {
		image.Architecture = "amd64"
	}
	raw := i.Raw
	for _, l := range i.Layers {
		t, err := l.tar()
		if err != nil {
			return nil, err
		}
		raw = append(raw, t)
	}
	for _, t := range raw {
		kind, packed := i.kind(v1.MediaTypeImageLayer), t
		if !i.Plain {
			kind = i.kind(v1.MediaTypeImageLayerGzip)
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			_, _ = w.Write(t) // into memory
			_ = w.Close()
			packed = z.Bytes()
		}
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(t))
		b.Manifest.Layers = append(b.Manifest.Layers, b.add(kind, packed))
	}
	text, err := json.Marshal(image)
	if err != nil {
		return nil, err
	}
	b.Manifest.Config = b.add(i.kind(v1.MediaTypeImageConfig), text)
	b.Manifest.Versioned, b.Manifest.MediaType = specs.Versioned{SchemaVersion: 2}, i.kind(v1.MediaTypeImageManifest)
	manifest, err := json.Marshal(b.Manifest)
	if err != nil {
		return nil, err
	}
	b.Descriptor = b.add(b.Manifest.MediaType, manifest)
	b.Descriptor.Platform = &image.Platform
	return b, nil
}

// kind is a media type, or Docker's for the same.
func (i Image) kind(oci string) string {
	if !i.Docker {
		return oci
	}
	return map[string]string{
		v1.MediaTypeImageManifest:  "application/vnd.docker.distribution.manifest.v2+json",
		v1.MediaTypeImageConfig:    "application/vnd.docker.container.image.v1+json",
		v1.MediaTypeImageLayer:     "application/vnd.docker.image.rootfs.diff.tar",
		v1.MediaTypeImageLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
	}[oci]
}

func (b *Built) add(kind string, blob []byte) v1.Descriptor {
	d := content.NewDescriptorFromBytes(kind, blob)
	if b.Blobs[d.Digest] == nil {
		b.order = append(b.order, d)
	}
	b.Blobs[d.Digest] = blob
	return d
}

// WriteArchive writes the image as an OCI archive.
func (b *Built) WriteArchive(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := oci.NewWriter(f)
	for _, d := range b.order {
		if d.Digest == b.Descriptor.Digest {
			continue
		}
		if err := w.Blob(d, bytes.NewReader(b.Blobs[d.Digest])); err != nil {
			return err
		}
	}
	if err := w.Finish(&b.Manifest); err != nil {
		return err
	}
	return f.Close()
}

// Write builds an image and writes it into a folder, as NAME.tar. It returns the file.
func (i Image) Write(dir, name string) (string, error) {
	b, err := i.Build()
	if err != nil {
		return "", err
	}
	file := path.Join(dir, name+".tar")
	return file, b.WriteArchive(file)
}
