package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/fetch/fetchtest"
)

// world is a server with repositories and archives, and a Fetcher that trusts it.
type world struct {
	*testing.T
	root   string
	server *httptest.Server
	host   string // host:port
	repo   *fetchtest.Repository
	seen   func(*http.Request) // if set, sees every request
	answer http.HandlerFunc    // if set, answers instead
	cache  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, root: t.TempDir(), cache: t.TempDir()}
	files := fetchtest.Handler(w.root)
	w.server = httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if w.seen != nil {
			w.seen(r)
		}
		if w.answer != nil {
			w.answer(out, r)
			return
		}
		files.ServeHTTP(out, r)
	}))
	t.Cleanup(w.server.Close)
	w.host = strings.TrimPrefix(w.server.URL, "https://")
	repo, err := fetchtest.Open(filepath.Join(w.root, "t.git"))
	if err != nil {
		t.Fatal(err)
	}
	w.repo = repo
	return w
}

// commit puts a template into the repository, with text in one of its files.
func (w *world) commit(branch, text string) string {
	w.Helper()
	id, err := w.repo.Commit(branch, map[string]fetchtest.File{
		"README":               {Content: "templates\n"},
		"web/template.yaml":    {Content: "name: web\nos: debian-12\n"},
		"web/files/index.html": {Content: text},
	}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w *world) fetcher(o Options) *Fetcher {
	o.Cache = w.cache
	if o.Deadline == 0 {
		o.Deadline = 30 * time.Second
	}
	f := New(o)
	g := f.client.Transport.(guarded)
	pool := x509.NewCertPool()
	pool.AddCert(w.server.Certificate())
	g.next.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	return f
}

// down ends the server.
func (w *world) down() { w.server.CloseClientConnections(); w.server.Close() }

// git is the address of a folder of the repository.
func (w *world) git(rest string) string { return "git+https://" + w.host + "/t.git" + rest }

func (w *world) resolve(f *Fetcher, text, known string, mode Mode) *Found {
	w.Helper()
	found, err := f.Resolve(w.Context(), text, known, mode)
	if err != nil {
		w.Fatalf("%s: %v", text, err)
	}
	return found
}

// refused wants an error with a text, and returns it.
func (w *world) refused(f *Fetcher, text, why string) *Error {
	w.Helper()
	_, err := f.Resolve(w.Context(), text, "", Anew)
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Error(), why) {
		w.Fatalf("%s: %v; want %q", text, err, why)
	}
	if left, _ := filepath.Glob(filepath.Join(w.cache, "new-*")); len(left) > 0 {
		w.Errorf("%s leaves %v", text, left)
	}
	return e
}

func (w *world) holds(found *Found, name, want string) {
	w.Helper()
	got, err := os.ReadFile(filepath.Join(found.Dir, name))
	if err != nil || string(got) != want {
		w.Errorf("%s of %s holds %q, %v; want %q", name, found.Source, got, err, want)
	}
}
