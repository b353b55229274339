package oci

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// layer is one layer's blob and the entries of its tar archive.
type layer struct {
	desc    v1.Descriptor
	members []member
}

// member is one entry of a layer, as far as merging needs it.
type member struct {
	name    string
	kind    byte
	link    string
	size    int64
	head    []byte // the first bytes of a program
	content []byte // of a file that says what system this is
}

// telling are the names of files whose content says what system an image is, and of those
// with its users. Their content is kept; all others are read when they are unpacked.
var telling = []string{"os-release", "lsb-release", "passwd", "group"}

const (
	headSize    = 20 // of an ELF header, up to the machine
	tellingSize = 1 << 20
)

// merge reads all layers and puts them on one another, the lowest first.
func (a *Archive) merge() error {
	byDigest := map[string]layer{}
	entries := 0
	var bytes int64
	for _, d := range a.Manifest.Layers {
		l := layer{desc: d}
		sum, err := a.scan(&l, &entries, &bytes)
		if err != nil {
			return err
		}
		if sum != "" {
			byDigest[sum] = l
		}
	}
	a.root = newRoot()
	for _, id := range a.Image.RootFS.DiffIDs {
		if id.Validate() != nil {
			return extractError("Incorrectly formatted digest: %q", id)
		}
		l, ok := byDigest[id.String()]
		if !ok {
			return extractError("Unknown layer digest %s found in rootfs.diff_ids", id)
		}
		a.layers = append(a.layers, l)
		if err := a.root.apply(len(a.layers)-1, l.members); err != nil {
			return err
		}
	}
	return nil
}

// scan lists a layer's entries and returns the digest of what is in the blob. A blob that is
// no layer has none.
func (a *Archive) scan(l *layer, entries *int, bytes *int64) (string, error) {
	r, err := a.open(l.desc)
	if r == nil || err != nil {
		return "", err
	}
	hash := sha256.New()
	in := io.TeeReader(r, hash)
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", extractError("IO error: %v", reason(err))
		}
		*entries++
		if *bytes += h.Size; *entries > maxEntries || *bytes > maxBytes {
			return "", fmt.Errorf("sandbox: this image has more than %d files or %d GiB, which is all that the simulated node takes", maxEntries, maxBytes>>30)
		}
		m := member{name: h.Name, kind: kindOf(h), link: h.Linkname, size: h.Size}
		if err := m.look(h, t); err != nil {
			return "", extractError("IO error: %v", reason(err))
		}
		l.members = append(l.members, m)
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what follows the archive's end counts for the digest
		return "", extractError("IO error: %v", reason(err))
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// kindOf counts sparse and contiguous files as plain ones.
func kindOf(h *tar.Header) byte {
	if h.Typeflag == tar.TypeGNUSparse || h.Typeflag == tar.TypeCont {
		return tar.TypeReg
	}
	return h.Typeflag
}

// look keeps what must be known of a file before it is unpacked.
func (m *member) look(h *tar.Header, r io.Reader) (err error) {
	if m.kind != tar.TypeReg {
		return nil
	}
	base := path.Base(h.Name)
	if slices.Contains(telling, base) && h.Size <= tellingSize {
		m.content, err = io.ReadAll(r)
		return err
	}
	if h.Mode&0o111 != 0 {
		m.head = make([]byte, min(headSize, h.Size))
		_, err = io.ReadFull(r, m.head)
	}
	return err
}

// open returns a reader of what is in a layer's blob, nil for a blob that is no layer.
func (a *Archive) open(d v1.Descriptor) (io.Reader, error) {
	kind, packing, _ := strings.Cut(d.MediaType, "+")
	switch kind {
	case v1.MediaTypeImageLayer, "application/vnd.oci.image.layer.nondistributable.v1.tar":
	default:
		return nil, nil
	}
	b, ok := a.blobs[blobPath(d.Digest)]
	if !ok {
		return nil, extractError("Layer file %s mentioned in image manifest is missing", d.Digest)
	}
	in := io.NewSectionReader(a.f, b.at, b.size)
	switch packing {
	case "":
		return in, nil
	case "gzip":
		r, err := gzip.NewReader(in)
		if err != nil {
			return nil, extractError("IO error: %v", reason(err))
		}
		return r, nil
	case "zstd":
		return nil, fmt.Errorf("sandbox: layer %s of this image is packed with zstd, which the simulated node cannot read (genuine Proxmox can)", d.Digest)
	}
	return nil, nil
}

// reason is an error in the words of Proxmox's reader.
func reason(err error) string {
	switch {
	case errors.Is(err, gzip.ErrHeader):
		return "invalid gzip header"
	case errors.Is(err, gzip.ErrChecksum):
		return "corrupt gzip stream does not have a matching checksum"
	case errors.Is(err, tar.ErrHeader):
		return "archive header checksum mismatch"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "unexpected end of file"
	}
	return err.Error()
}

// Walk calls f for every file of the merged layers: folders, files, symbolic links, and hard
// links to files that came before. Names are relative and go through no link. A folder's
// entry may come after its content. r is the content of a file.
func (a *Archive) Walk(ctx context.Context, f func(h *tar.Header, r io.Reader) error) error {
	names := a.root.byPlace()
	for i, l := range a.layers {
		if len(names[i]) == 0 {
			continue
		}
		r, err := a.open(l.desc)
		if err != nil {
			return err
		}
		t := tar.NewReader(r)
		for n := 0; ; n++ {
			h, err := t.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return extractError("IO error: %v", reason(err))
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := give(h, t, names[i][n], f); err != nil {
				return err
			}
		}
	}
	return nil
}

// give passes on one entry under each name that it has at the end.
func give(h *tar.Header, r io.Reader, names []string, f func(*tar.Header, io.Reader) error) error {
	for i, name := range names {
		x := *h
		x.Name, x.Typeflag = name, kindOf(h)
		switch {
		case i > 0 && x.Typeflag != tar.TypeSymlink:
			x.Typeflag, x.Linkname, x.Size = tar.TypeLink, names[0], 0
		case x.Typeflag == tar.TypeReg, x.Typeflag == tar.TypeDir, x.Typeflag == tar.TypeSymlink:
		default: // a device or something unknown becomes an empty file, as on a genuine node
			x.Typeflag, x.Size, x.Devmajor, x.Devminor, x.Linkname = tar.TypeReg, 0, 0, 0, ""
		}
		if err := f(&x, r); err != nil {
			return err
		}
	}
	return nil
}

// WriteTar writes the merged layers as one tar archive.
func (a *Archive) WriteTar(ctx context.Context, w io.Writer) error {
	t := tar.NewWriter(w)
	err := a.Walk(ctx, func(h *tar.Header, r io.Reader) error {
		h.Format, h.PAXRecords = tar.FormatUnknown, nil
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		_, err := io.Copy(t, r)
		return err
	})
	if err != nil {
		return err
	}
	return t.Close()
}
