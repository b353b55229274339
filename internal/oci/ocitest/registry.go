// Package ocitest serves images of a registry on loopback, for tests. It has no layers.
package ocitest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The media types that registries send.
const (
	Index    = "application/vnd.oci.image.index.v1+json"
	Manifest = "application/vnd.oci.image.manifest.v1+json"
)

// Documents are what a registry has, by the path below /v2/.
type Documents map[string]string

// Digest is that of a text.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Add adds a document, a manifest also under its digest, which is returned.
func (d Documents) Add(path, text string) string {
	digest := Digest(text)
	if repo, _, ok := strings.Cut(path, "/manifests/"); ok {
		d[repo+"/manifests/"+digest] = text
	}
	d[path] = text
	return digest
}

// Image adds an image with one layer, and returns the digest of its manifest and that of its
// configuration.
func (d Documents) Image(name, tag, arch, config string) (manifest, id string) {
	text := fmt.Sprintf(`{"architecture":%q,"os":"linux","config":%s}`, arch, config)
	id = Digest(text)
	d[name+"/blobs/"+id] = text
	layer := Digest(arch)
	return d.Add(name+"/manifests/"+tag, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"digest":%q},"layers":[{"digest":%q,"size":1000}]}`, Manifest, id, layer)), id
}

// Serve serves the documents until the test ends, over plain HTTP, and returns the
// registry's host and port. before may answer a request itself; it may be nil.
func (d Documents) Serve(t testing.TB, before func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && before(w, r) {
			return
		}
		text, ok := d[strings.TrimPrefix(r.URL.Path, "/v2/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
