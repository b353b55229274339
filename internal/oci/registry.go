package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How long a registry may be silent, and how much of an answer is read. The manifests and
// configurations of genuine images have a few KiB.
const (
	connectPatience = 5 * time.Second
	answerPatience  = 10 * time.Second
	lookPatience    = 20 * time.Second // for everything that is asked about one image
	maxAnswer       = 4 << 20          // bytes
)

// Kind is the class of a Failure.
type Kind int

// The kinds of failure.
const (
	Unreachable Kind = iota // no route, no name, no answer in time, an untrusted certificate, or trouble of the registry
	Denied                  // 401 or 403: it wants a login, which this program has not
	Missing                 // it has no such image, tag or digest
	Foreign                 // it has the image, for other architectures only
	NoImage                 // what it has is no container image, or damaged
)

// Failure is what a registry did not tell.
type Failure struct {
	Kind   Kind
	Ref    Reference
	Reason string // follows "cannot look up docker.io/library/nginx:1.29: "
	Err    error
}

func (f *Failure) Error() string { return "cannot look up " + f.Ref.String() + ": " + f.Reason }

func (f *Failure) Unwrap() error { return f.Err }

// IsKind reports whether err is, or wraps, a Failure of that kind.
func IsKind(err error, kind Kind) bool {
	var f *Failure
	return errors.As(err, &f) && f.Kind == kind
}

// Registry asks registries over HTTPS, without a login. Only a registry on this machine may
// answer over plain HTTP, as for docker.
type Registry struct{ client *http.Client }

// NewRegistry makes a client. It verifies certificates by the system's list.
func NewRegistry() *Registry {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectPatience}).DialContext
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = connectPatience, answerPatience
	return &Registry{client: &http.Client{Transport: t}}
}

// Look asks what an image is for an architecture (amd64, arm64, …). It only reads. Its error
// is a *Failure, or the cause of the end of ctx.
func (r *Registry) Look(ctx context.Context, ref Reference, arch string) (Found, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookPatience, errSlow)
	defer cancel()
	s := &session{registry: r, ref: ref, base: "https://" + endpoint(ref.Host)}
	found, err := s.look(ctx, arch)
	if ref.Local() && IsKind(err, Unreachable) {
		s.base = "http://" + ref.Host
		found, err = s.look(ctx, arch)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, errSlow) {
		return Found{}, cause
	}
	return found, err
}

// Digest asks only for what a tag stands for.
func (r *Registry) Digest(ctx context.Context, ref Reference) (string, error) {
	found, err := r.Look(ctx, ref, "")
	return found.Digest, err
}

var errSlow = errors.New("it did not answer in time")

// endpoint is the server of a registry: docker.io is only a name.
func endpoint(host string) string {
	if host == "docker.io" {
		return "registry-1.docker.io"
	}
	return host
}

// session is one look at one image.
type session struct {
	registry *Registry
	ref      Reference
	base     string
	token    string
}

func (s *session) fail(kind Kind, err error, format string, args ...any) error {
	return &Failure{Kind: kind, Ref: s.ref, Reason: fmt.Sprintf(format, args...), Err: err}
}

// accepted are the kinds of manifests that Proxmox's skopeo can copy.
var accepted = strings.Join([]string{typeIndex, typeList, typeManifest, typeDockerManifest}, ", ")

func (s *session) look(ctx context.Context, arch string) (Found, error) {
	want := s.ref.Digest
	if want == "" {
		want = s.ref.Tag
	}
	var found Found
	raw, err := s.read(ctx, "manifests/"+want, accepted)
	if err != nil {
		return found, err
	}
	if found.Digest = digestOf(raw); s.ref.Digest != "" && s.ref.Digest != found.Digest {
		return found, s.fail(NoImage, nil, "what the registry sent has another digest (%s)", found.Digest)
	}
	found.Manifest = found.Digest
	m, err := readManifest(raw)
	if err != nil {
		return found, s.fail(NoImage, err, "%v", err)
	}
	if arch == "" {
		return found, nil
	}
	if m.many() {
		one, has := m.of(arch)
		if one == "" {
			return found, s.fail(Foreign, nil, "there is none for %s, only for %s", arch, strings.Join(has, ", "))
		}
		found.Manifest = one
		if raw, err = s.readBlob(ctx, "manifests/"+one, accepted, one); err != nil {
			return found, err
		}
		if m, err = readManifest(raw); err != nil || m.many() {
			return found, s.fail(NoImage, err, "its index leads to no manifest of an image")
		}
	}
	if raw, err = s.readBlob(ctx, "blobs/"+m.Config.Digest, "*/*", m.Config.Digest); err != nil {
		return found, err
	}
	if err := found.fill(m, raw); err != nil {
		return found, s.fail(NoImage, err, "%v", err)
	}
	if found.Arch != "" && found.Arch != arch {
		return found, s.fail(Foreign, nil, "it is for %s, and the node is %s", found.Arch, arch)
	}
	return found, nil
}

// readBlob reads what has a digest, and checks it.
func (s *session) readBlob(ctx context.Context, what, accept, digest string) ([]byte, error) {
	raw, err := s.read(ctx, what, accept)
	if err == nil && digestOf(raw) != digest {
		return nil, s.fail(NoImage, nil, "what the registry sent has another digest than %s", digest)
	}
	return raw, err
}

// read asks for one document, and for the token that an anonymous reader needs.
func (s *session) read(ctx context.Context, what, accept string) ([]byte, error) {
	for try := 1; ; try++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/v2/"+s.ref.Path+"/"+what, nil)
		if err != nil {
			return nil, s.fail(Unreachable, err, "%v", err)
		}
		req.Header.Set("Accept", accept)
		req.Header.Set("User-Agent", "infrahaus")
		if s.token != "" {
			req.Header.Set("Authorization", "Bearer "+s.token)
		}
		resp, err := s.registry.client.Do(req)
		if err != nil {
			return nil, s.fail(Unreachable, err, "%s", reason(ctx, err))
		}
		raw, err := readAll(resp)
		switch code := resp.StatusCode; {
		case code == http.StatusUnauthorized && try == 1:
			if err := s.login(ctx, resp.Header.Get("WWW-Authenticate")); err != nil {
				return nil, err
			}
			continue
		case code == http.StatusUnauthorized, code == http.StatusForbidden:
			return nil, s.fail(Denied, nil, "%s wants a login (%s)", s.ref.Host, resp.Status)
		case code == http.StatusNotFound && strings.HasPrefix(what, "manifests/"):
			return nil, s.fail(Missing, nil, "%s has no such image", s.ref.Host)
		case code != http.StatusOK:
			return nil, s.fail(Unreachable, nil, "%s answers %s", s.ref.Host, resp.Status)
		case err != nil:
			return nil, s.fail(Unreachable, err, "%s", reason(ctx, err))
		}
		return raw, nil
	}
}

func readAll(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(raw) > maxAnswer {
		return nil, errors.New("the answer is too long")
	}
	return raw, err
}

// login asks for the token with which anybody may read, as the challenge says where. The
// server of the token is the registry's own choice, and gets no secret.
func (s *session) login(ctx context.Context, challenge string) error {
	scheme, rest, _ := strings.Cut(challenge, " ")
	params := challengeParams(rest)
	at, err := url.Parse(params["realm"])
	if !strings.EqualFold(scheme, "Bearer") || err != nil || at.Host == "" || at.Scheme != "https" && !s.ref.Local() {
		return s.fail(Denied, nil, "%s wants a login", s.ref.Host)
	}
	q := at.Query()
	if params["service"] != "" {
		q.Set("service", params["service"])
	}
	q.Set("scope", "repository:"+s.ref.Path+":pull")
	at.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return s.fail(Unreachable, err, "%v", err)
	}
	resp, err := s.registry.client.Do(req)
	if err != nil {
		return s.fail(Unreachable, err, "%s", reason(ctx, err))
	}
	raw, err := readAll(resp)
	var answer struct{ Token, AccessToken string }
	var other struct {
		AccessToken string `json:"access_token"`
	}
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return s.fail(Unreachable, nil, "%s answers %s", at.Host, resp.Status)
	case err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(raw, &answer) != nil || json.Unmarshal(raw, &other) != nil:
		return s.fail(Denied, nil, "%s wants a login", s.ref.Host)
	}
	if s.token = answer.Token; s.token == "" {
		s.token = other.AccessToken
	}
	return nil
}

// challengeParams reads realm="https://…",service="…".
func challengeParams(text string) map[string]string {
	out := map[string]string{}
	for text != "" {
		key, rest, ok := strings.Cut(text, "=")
		if !ok {
			break
		}
		var value string
		if quoted, has := strings.CutPrefix(rest, `"`); has {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, text, _ = strings.Cut(rest, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		out[strings.ToLower(strings.TrimSpace(key))] = value
	}
	return out
}

// reason is the last and most specific part of an error of the connection.
func reason(ctx context.Context, err error) string {
	if errors.Is(context.Cause(ctx), errSlow) {
		return errSlow.Error()
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + ": " + dns.Err
	case errors.As(err, &op) && op.Op == "dial":
		return "it cannot be reached: " + op.Err.Error()
	}
	return err.Error()
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
