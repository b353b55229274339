// Package oci reads OCI archives as Proxmox VE does, and pulls them from registries as
// skopeo does for it: an archive is a tar file with an image's layout in it. It knows
// nothing of nodes and guests.
package oci

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Limits of an archive. Genuine Proxmox has none but the size of the container's disk.
const (
	maxDocument = 4 << 20 // bytes of an index, a manifest or a config
	maxLayers   = 512
	maxEntries  = 500_000 // in all layers together
	maxBytes    = 64 << 30
)

// ErrNoTar says that a file is no tar archive at all.
var ErrNoTar = errors.New("This does not look like a tar archive") //nolint:staticcheck // tar's words

// Is reports whether a file is an OCI archive, by the names in it. Only a name that ends in
// .tar can be one.
func Is(file string) (bool, error) {
	if !strings.HasSuffix(file, ".tar") {
		return false, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	layout, index, blobs := false, false, false
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, ErrNoTar
		}
		layout = layout || h.Name == v1.ImageLayoutFile
		index = index || h.Name == v1.ImageIndexFile
		blobs = blobs || strings.HasPrefix(h.Name, v1.ImageBlobsDir+"/")
	}
	return layout && index && blobs, nil
}

// blob is where a member of the archive lies in it.
type blob struct{ at, size int64 }

// Archive is an OCI archive that was opened. Close it.
type Archive struct {
	Digest   string // of the manifest
	Manifest v1.Manifest
	Image    v1.Image

	f      *os.File
	blobs  map[string]blob
	layers []layer // from the lowest, as rootfs.diff_ids has them
	root   *entry  // what they make together
}

// Open reads an archive up to its end: the index, the manifest, the config and the names in
// all layers. Errors have the words of Proxmox's own reader.
func Open(file string) (*Archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, parseError("IO error: %v", err)
	}
	a := &Archive{f: f, blobs: map[string]blob{}}
	if err := a.parse(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := a.merge(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// Close closes the file.
func (a *Archive) Close() error { return a.f.Close() }

func parseError(format string, args ...any) error {
	return fmt.Errorf("Error while parsing OCI image: "+format, args...) //nolint:staticcheck // Proxmox's words
}

func extractError(format string, args ...any) error {
	return fmt.Errorf("Error while extracting OCI image: "+format, args...) //nolint:staticcheck // likewise
}

func (a *Archive) parse() error {
	for r := tar.NewReader(a.f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return parseError("OCI spec error: io error: %v", reason(err))
		}
		at, err := a.f.Seek(0, io.SeekCurrent)
		if err != nil {
			return parseError("IO error: %v", err)
		}
		if h.Typeflag == tar.TypeReg {
			a.blobs[path.Clean(h.Name)] = blob{at, h.Size}
		}
	}
	var index v1.Index
	if ok, err := a.document(v1.ImageIndexFile, &index); err != nil || !ok {
		if err == nil {
			err = parseError("OCI spec error: Missing index.json file")
		}
		return err
	}
	var found *v1.Descriptor
	for _, d := range index.Manifests {
		if d.MediaType == v1.MediaTypeImageManifest {
			found = &d
			break
		}
	}
	if found == nil {
		return parseError("Unsupported CPU architecture")
	}
	a.Digest = found.Digest.String()
	if ok, err := a.document(blobPath(found.Digest), &a.Manifest); err != nil || !ok {
		if err == nil {
			err = parseError("OCI spec error: Image manifest with digest %s mentioned in image index is missing", found.Digest)
		}
		return err
	}
	if a.Manifest.Config.MediaType != v1.MediaTypeImageConfig {
		return parseError("Wrong media type")
	}
	if ok, err := a.document(blobPath(a.Manifest.Config.Digest), &a.Image); err != nil || !ok {
		if err == nil {
			err = parseError("Missing image config")
		}
		return err
	}
	if len(a.Manifest.Layers) > maxLayers {
		return fmt.Errorf("sandbox: this image has %d layers, and the simulated node takes %d at most", len(a.Manifest.Layers), maxLayers)
	}
	return nil
}

// document reads a JSON member; ok is false if there is none of that name.
func (a *Archive) document(name string, into any) (ok bool, err error) {
	b, ok := a.blobs[name]
	if !ok {
		return false, nil
	}
	if b.size > maxDocument {
		return true, fmt.Errorf("sandbox: %s of this image has %d bytes, and the simulated node reads %d at most", name, b.size, maxDocument)
	}
	d := json.NewDecoder(io.NewSectionReader(a.f, b.at, b.size))
	if err := d.Decode(into); err != nil {
		return true, parseError("OCI spec error: serde failed: %v", err)
	}
	return true, nil
}

// blobPath is empty, and so no member's name, for a digest that is none.
func blobPath(d digest.Digest) string {
	if d.Validate() != nil {
		return ""
	}
	return v1.ImageBlobsDir + "/" + d.Algorithm().String() + "/" + d.Encoded()
}
