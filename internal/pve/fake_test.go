package pve_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// fake answers as Proxmox's HTTP server does: with its reason phrases, which net/http
// cannot set, and with bodies captured from genuine code. A route is "METHOD /path"
// without /api2/json; with a query it applies to that query only.
type fake struct {
	*httptest.Server
	mu     sync.Mutex
	routes map[string]func(call) answer
	calls  []call
}

type call struct {
	method, path, query string
	body                map[string]any
	header              http.Header
	nth                 int // number of the request to this route, from 1
}

// answer is one response; status 0 closes the connection without any.
type answer struct {
	status int
	reason string
	body   string
}

func ok(data string) answer { return answer{200, "OK", `{"data":` + data + `}`} }

func fail(status int, reason string) answer {
	quoted, _ := json.Marshal(reason + "\n")
	return answer{status, reason, `{"data":null,"message":` + string(quoted) + `}`}
}

var cut = answer{}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{routes: map[string]func(call) answer{}}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // some handshakes are meant to fail
	t.Cleanup(f.Close)
	return f
}

func (f *fake) on(route string, answers ...answer) {
	f.handle(route, func(c call) answer { return answers[min(c.nth, len(answers))-1] })
}

func (f *fake) handle(route string, h func(call) answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[route] = h
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	c := call{method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/api2/json"), query: r.URL.RawQuery, header: r.Header}
	raw, _ := io.ReadAll(r.Body)
	if json.Unmarshal(raw, &c.body) != nil {
		c.body = map[string]any{}
		form, _ := url.ParseQuery(string(raw))
		for k := range form {
			c.body[k] = form.Get(k)
		}
	}
	f.mu.Lock()
	c.nth = 1
	for _, old := range f.calls {
		if old.method == c.method && old.path == c.path {
			c.nth++
		}
	}
	f.calls = append(f.calls, c)
	h := f.routes[c.method+" "+c.path+"?"+c.query]
	if h == nil {
		h = f.routes[c.method+" "+c.path]
	}
	f.mu.Unlock()
	a := fail(501, fmt.Sprintf("Method '%s %s' not implemented", c.method, c.path))
	if h != nil {
		a = h(c)
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if a.status != 0 {
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
			a.status, a.reason, len(a.body), a.body)
	}
}

// count is how often a route was called.
func (f *fake) count(method, path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c.method == method && c.path == path {
			n++
		}
	}
	return n
}

func (f *fake) fingerprint() string {
	sum := sha256.Sum256(f.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

// client logs in with a token.
func (f *fake) client(t *testing.T) *pve.Client {
	t.Helper()
	return f.clientWith(t, pve.Options{Token: "root@pam!cli=00000000-0000-0000-0000-000000000000"})
}

func (f *fake) clientWith(t *testing.T, o pve.Options) *pve.Client {
	t.Helper()
	o.URL, o.Fingerprint = f.URL, f.fingerprint()
	c, err := pve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const upid = "UPID:pve1:0000654C:0004C3ED:6B03A893:vzcreate:100:root@pam!cli:"
