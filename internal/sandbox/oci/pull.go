package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Plain reports whether the simulated node speaks plain HTTP with a registry: with one on
// this machine's loopback, and with no other. skopeo, which a genuine node runs, insists on
// TLS there, too, unless its registries.conf names the registry as insecure.
func Plain(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// PullError is a failure of skopeo: its message and exit status.
type PullError struct {
	Text   string
	Status int
}

func (e *PullError) Error() string { return e.Text }

// wait bounds how long a registry may take to begin an answer.
const wait = 30 * time.Second

// client is what a pull talks through: anonymous, as skopeo without a login, and without
// retries.
func client() *auth.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = wait
	t.DialContext = (&net.Dialer{Timeout: wait}).DialContext
	return &auth.Client{Client: &http.Client{Transport: t}, Cache: auth.NewCache()}
}

// location returns registry and path of a repository as skopeo reads its name: without a
// registry it is one of Docker Hub.
func location(repository string) (host, name string) {
	host, name, ok := strings.Cut(repository, "/")
	if !ok || host != "localhost" && !strings.ContainsAny(host, ".:") {
		host, name = "docker.io", repository
	}
	if host == "docker.io" && !strings.Contains(name, "/") {
		name = "library/" + name
	}
	return host, name
}

func open(repository string) (*remote.Repository, error) {
	host, name := location(repository)
	r, err := remote.NewRepository(host + "/" + name)
	if err != nil {
		return nil, &PullError{err.Error(), 1}
	}
	r.Client, r.PlainHTTP = client(), Plain(host)
	return r, nil
}

// Tags lists the tags of a repository, HOST/PATH. It fails with a *PullError.
func Tags(ctx context.Context, repository string) ([]string, error) {
	r, err := open(repository)
	if err != nil {
		return nil, err
	}
	tags := []string{}
	if err := r.Tags(ctx, "", func(more []string) error { tags = append(tags, more...); return nil }); err != nil {
		return nil, &PullError{"Error listing repository tags: fetching tags list: " + said(r, err), 1}
	}
	return tags, nil
}

// Pull gets an image for amd64, HOST/PATH:TAG, and writes it as an OCI archive. log gets
// skopeo's lines. It fails with a *PullError, or with ctx's error.
func Pull(ctx context.Context, reference, file string, log func(string)) error {
	at := strings.LastIndexByte(reference, ':')
	r, err := open(reference[:at])
	if err != nil {
		return err
	}
	p := &pull{repo: r, log: log}
	tag := reference[at+1:]
	manifest, err := p.manifest(ctx, tag)
	if err != nil {
		return p.failed(ctx, "initializing source docker://"+reference+": ", tag, err)
	}
	log("Getting image source signatures")
	if err := p.write(ctx, file, manifest); err != nil {
		return errors.Join(p.failed(ctx, "", "", err), ignoreMissing(os.Remove(file)))
	}
	log("Writing manifest to image destination")
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

type pull struct {
	repo *remote.Repository
	log  func(string)
}

// failed words an error as skopeo does.
func (p *pull) failed(ctx context.Context, what, tag string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *PullError
	if errors.As(err, &known) {
		return &PullError{what + known.Text, known.Status}
	}
	ref := p.repo.Reference
	if errors.Is(err, errdef.ErrNotFound) && tag != "" {
		return &PullError{what + fmt.Sprintf("reading manifest %s in %s/%s: manifest unknown", tag, ref.Registry, ref.Repository), 2}
	}
	var answer *errcode.ErrorResponse
	if tag != "" && (errors.As(err, &answer) || errors.Is(err, auth.ErrBasicCredentialNotFound)) {
		return &PullError{what + fmt.Sprintf("reading manifest %s in %s/%s: %s", tag, ref.Registry, ref.Repository, said(p.repo, err)), 1}
	}
	return &PullError{what + said(p.repo, err), 1}
}

// said is what a registry answered, or why it could not be asked.
func said(r *remote.Repository, err error) string {
	var answer *errcode.ErrorResponse
	var network *url.Error
	switch {
	case errors.As(err, &answer) && len(answer.Errors) > 0:
		e := answer.Errors[0]
		if e.Code == errcode.ErrorCodeUnauthorized || e.Code == errcode.ErrorCodeDenied {
			return strings.ToLower(e.Code) + ": " + e.Message
		}
		return e.Message
	case errors.As(err, &answer) && answer.StatusCode == http.StatusUnauthorized, errors.Is(err, auth.ErrBasicCredentialNotFound):
		return "unauthorized: authentication required"
	case errors.As(err, &answer):
		return fmt.Sprintf("received unexpected HTTP status: %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	case errors.Is(err, errdef.ErrNotFound):
		return "repository name not known to registry"
	case errors.As(err, &network):
		scheme := "https"
		if r.PlainHTTP {
			scheme = "http"
		}
		return fmt.Sprintf("pinging container registry %s: Get %q: %v", r.Reference.Registry, scheme+"://"+r.Reference.Host()+"/v2/", network.Err)
	}
	return err.Error()
}

// Docker's own types, which skopeo turns into those of OCI.
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

// manifest fetches the manifest of a tag, that for amd64 if there are several. An image for
// one other architecture is taken: skopeo does not look.
func (p *pull) manifest(ctx context.Context, tag string) (*v1.Manifest, error) {
	d, err := p.repo.Resolve(ctx, tag)
	if err != nil {
		return nil, err
	}
	if d.MediaType == v1.MediaTypeImageIndex || d.MediaType == dockerList {
		if d, err = p.choose(ctx, d); err != nil {
			return nil, err
		}
	}
	if d.MediaType != v1.MediaTypeImageManifest && d.MediaType != dockerManifest {
		return nil, &PullError{fmt.Sprintf("unsupported manifest media type %q", d.MediaType), 1}
	}
	m := &v1.Manifest{}
	if err := p.json(ctx, d, m); err != nil {
		return nil, err
	}
	m.Versioned, m.MediaType = specs.Versioned{SchemaVersion: 2}, v1.MediaTypeImageManifest
	if m.Config.MediaType == dockerConfig {
		m.Config.MediaType = v1.MediaTypeImageConfig
	}
	for i, l := range m.Layers {
		switch l.MediaType {
		case dockerLayer + ".gzip":
			m.Layers[i].MediaType = v1.MediaTypeImageLayerGzip
		case dockerLayer + ".zstd":
			m.Layers[i].MediaType = v1.MediaTypeImageLayerZstd
		case dockerLayer:
			m.Layers[i].MediaType = v1.MediaTypeImageLayer
		}
	}
	return m, nil
}

func (p *pull) choose(ctx context.Context, d v1.Descriptor) (v1.Descriptor, error) {
	var index v1.Index
	if err := p.json(ctx, d, &index); err != nil {
		return d, err
	}
	for _, m := range index.Manifests {
		if m.Platform != nil && m.Platform.Architecture == "amd64" && m.Platform.OS == "linux" {
			return m, nil
		}
	}
	what := "image index"
	if d.MediaType == dockerList {
		what = "manifest list"
	}
	return d, &PullError{fmt.Sprintf("choosing image instance: no image found in %s for architecture %q, variant %q, OS %q", what, "amd64", "", "linux"), 1}
}

func (p *pull) json(ctx context.Context, d v1.Descriptor, into any) error {
	if d.Size > maxDocument {
		return &PullError{fmt.Sprintf("sandbox: a manifest of %d bytes; the simulated node reads %d at most", d.Size, maxDocument), 1}
	}
	b, err := content.FetchAll(ctx, p.repo, d)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	return err
}

// write copies the blobs into a new archive, each checked against its digest.
func (p *pull) write(ctx context.Context, file string, m *v1.Manifest) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := NewWriter(f)
	for _, l := range m.Layers {
		if err := p.blob(ctx, w, "Copying blob ", l); err != nil {
			return err
		}
	}
	if err := p.blob(ctx, w, "Copying config ", m.Config); err != nil {
		return err
	}
	return w.Finish(m)
}

func (p *pull) blob(ctx context.Context, w *Writer, what string, d v1.Descriptor) error {
	if d.Size < 0 || d.Size > maxBytes {
		return &PullError{fmt.Sprintf("sandbox: a blob of %d bytes; the simulated node takes %d at most", d.Size, int64(maxBytes)), 1}
	}
	if w.Has(d.Digest) {
		return nil
	}
	p.log(what + d.Digest.String())
	r, err := p.repo.Blobs().Fetch(ctx, d)
	if err != nil {
		return fmt.Errorf("reading blob %s: %w", d.Digest, err)
	}
	defer r.Close()
	checked := content.NewVerifyReader(r, d)
	if err := w.Blob(d, checked); err != nil {
		return err
	}
	return checked.Verify()
}
