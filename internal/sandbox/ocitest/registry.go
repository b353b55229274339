package ocitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Registry is a registry on loopback that speaks plain HTTP and keeps everything in memory.
// It answers what a pull asks (the distribution specification's GET and HEAD) and takes
// images by Push alone. Repositories below private/ want a login that nobody has.
type Registry struct {
	server *httptest.Server

	mu    sync.Mutex
	repos map[string]*repository // by path
	asked []string               // METHOD PATH of each request
}

type repository struct {
	tags  map[string]digest.Digest
	blobs map[digest.Digest][]byte // manifests, too
	kinds map[digest.Digest]string // media types of manifests
}

// NewRegistry starts an empty registry. Close ends it.
func NewRegistry() *Registry {
	r := &Registry{repos: map[string]*repository{}}
	r.server = httptest.NewServer(r)
	return r
}

// Host is where it answers: 127.0.0.1:PORT.
func (r *Registry) Host() string { return strings.TrimPrefix(r.server.URL, "http://") }

// Close ends it.
func (r *Registry) Close() { r.server.Close() }

// Asked are the requests so far, METHOD PATH each.
func (r *Registry) Asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// Fill pushes all Images and two indexes: app/multi, for arm64 and amd64, and app/foreign,
// for arm64 alone.
func (r *Registry) Fill() error {
	all, err := builtImages()
	if err != nil {
		return err
	}
	for name, b := range all {
		r.put(name, b)
	}
	if err := r.PushIndex("app/multi:1.0", ForArch("arm64"), Web("1.0", "web 1.0\n")); err != nil {
		return err
	}
	return r.PushIndex("app/foreign:1.0", ForArch("arm64"))
}

// repository returns one, made when it is new; mu held.
func (r *Registry) repository(name string) (*repository, string) {
	name, tag, _ := strings.Cut(name, ":")
	repo := r.repos[name]
	if repo == nil {
		repo = &repository{map[string]digest.Digest{}, map[digest.Digest][]byte{}, map[digest.Digest]string{}}
		r.repos[name] = repo
	}
	return repo, tag
}

// Push builds an image and puts it there as NAME:TAG. A tag that exists moves.
func (r *Registry) Push(name string, i Image) error {
	b, err := i.Build()
	if err == nil {
		r.put(name, b)
	}
	return err
}

// builtImages are all Images, built once.
var builtImages = sync.OnceValues(func() (map[string]*Built, error) {
	all := map[string]*Built{}
	for name, i := range Images() {
		b, err := i.Build()
		if err != nil {
			return nil, err
		}
		all[name] = b
	}
	return all, nil
})

func (r *Registry) put(name string, b *Built) {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, tag := r.repository(name)
	repo.add(b)
	repo.tags[tag] = b.Descriptor.Digest
}

func (repo *repository) add(b *Built) {
	for d, blob := range b.Blobs {
		repo.blobs[d] = blob
	}
	repo.kinds[b.Descriptor.Digest] = b.Descriptor.MediaType
}

// PushIndex puts several images there as one, NAME:TAG.
func (r *Registry) PushIndex(name string, images ...Image) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	repo, tag := r.repository(name)
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, i := range images {
		b, err := i.Build()
		if err != nil {
			return err
		}
		repo.add(b)
		index.Manifests = append(index.Manifests, b.Descriptor)
	}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	d := digest.FromBytes(text)
	repo.blobs[d], repo.kinds[d], repo.tags[tag] = text, index.MediaType, d
	return nil
}

// ServeHTTP answers a request.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req.Method+" "+req.URL.Path)
	path, ok := strings.CutPrefix(req.URL.Path, "/v2/")
	switch {
	case !ok || req.Method != http.MethodGet && req.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the operation is unsupported")
	case path == "":
		w.WriteHeader(http.StatusOK)
	case strings.HasPrefix(path, "private/"):
		w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	default:
		r.serve(w, req, path)
	}
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request, path string) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	name, kind, ref := strings.Join(parts[:len(parts)-2], "/"), parts[len(parts)-2], parts[len(parts)-1]
	repo := r.repos[name]
	switch {
	case kind == "manifests" && (repo == nil || repo.kinds[repo.find(ref)] == ""):
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	case repo == nil:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
	case kind == "manifests":
		repo.send(w, req, repo.find(ref), repo.kinds[repo.find(ref)])
	case kind == "tags" && ref == "list":
		w.Header().Set("Content-Type", "application/json")
		tags := []string{}
		for tag := range repo.tags {
			tags = append(tags, tag)
		}
		slices.Sort(tags)
		_ = json.NewEncoder(w).Encode(map[string]any{"name": name, "tags": tags}) // a client that left
	case kind == "blobs" && repo.blobs[digest.Digest(ref)] != nil:
		repo.send(w, req, digest.Digest(ref), "application/octet-stream")
	default:
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
	}
}

// find is the digest of a tag, or of a digest's text.
func (repo *repository) find(ref string) digest.Digest {
	if d, ok := repo.tags[ref]; ok {
		return d
	}
	return digest.Digest(ref)
}

func (repo *repository) send(w http.ResponseWriter, req *http.Request, d digest.Digest, kind string) {
	b := repo.blobs[d]
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", d.String())
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	if req.Method == http.MethodGet {
		_, _ = w.Write(b) // a client that left
	}
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": text}}}) // likewise
}
