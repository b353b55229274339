package oci

import (
	"archive/tar"
	"encoding/json"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Writer writes an OCI archive.
type Writer struct {
	t    *tar.Writer
	have map[digest.Digest]bool
}

// NewWriter begins an archive.
func NewWriter(w io.Writer) *Writer {
	return &Writer{t: tar.NewWriter(w), have: map[digest.Digest]bool{}}
}

// Has reports whether a blob was written.
func (w *Writer) Has(d digest.Digest) bool { return w.have[d] }

// Blob writes one blob.
func (w *Writer) Blob(d v1.Descriptor, r io.Reader) error {
	if w.have[d.Digest] {
		return nil
	}
	w.have[d.Digest] = true
	if err := w.t.WriteHeader(&tar.Header{Name: blobPath(d.Digest), Size: d.Size, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := io.CopyN(w.t, r, d.Size)
	return err
}

// Finish writes the manifest, the index and the layout's own file.
func (w *Writer) Finish(m *v1.Manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	d := content.NewDescriptorFromBytes(v1.MediaTypeImageManifest, text)
	if err := w.Blob(d, strings.NewReader(string(text))); err != nil {
		return err
	}
	index, err := json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []v1.Descriptor{d}})
	if err != nil {
		return err
	}
	layout := `{"imageLayoutVersion":"` + v1.ImageLayoutVersion + `"}`
	for _, f := range [][2]string{{v1.ImageIndexFile, string(index)}, {v1.ImageLayoutFile, layout}} {
		if err := w.t.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		if _, err := io.WriteString(w.t, f[1]); err != nil {
			return err
		}
	}
	return w.t.Close()
}
