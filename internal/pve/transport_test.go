package pve_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/pve"
)

func TestErrorsKeepProxmoxWords(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer answer
		kind   pve.Kind
		text   string // in Error()
	}{
		{"parameters", answer{400, "Parameter verification failed.", `{"data":null,"errors":{"memory":"value must have a minimum value of 16"},"message":"Parameter verification failed.\n"}`},
			pve.Refused, "memory: value must have a minimum value of 16"},
		{"property string", answer{400, "Parameter verification failed.", `{"data":null,"errors":{"net0":"invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n"}}`},
			pve.Refused, "ip: net0.ip: invalid format - value does not look like a valid ipv4 network configuration"},
		{"403 with reason", fail(403, "Permission check failed (/vms/100, VM.Audit)"), pve.Forbidden, "Permission check failed (/vms/100, VM.Audit)"},
		{"500 with reason", fail(500, "CT 100 already running"), pve.Refused, "CT 100 already running"},
		{"500 of an old version", answer{500, "CT 100 already running", `{"data":null}`}, pve.Refused, "CT 100 already running"},
		{"no such container", fail(500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"), pve.NotFound, "does not exist"},
		{"401 with empty body", answer{401, "Authentication failed!", ""}, pve.Unauthorized, "root@pam!cli"},
		{"595", answer{595, "No route to host", ""}, pve.Unreachable, "No route to host"},
		{"a proxy's page", answer{502, "Bad Gateway", "<html>"}, pve.Unreachable, "Bad Gateway"},
		{"another server", answer{200, "OK", "<html>hello</html>"}, pve.Unreachable, "not Proxmox's API"},
		{"a redirect", answer{302, "Found", ""}, pve.Unreachable, "sent elsewhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.on("GET /nodes/pve1/lxc/100/status/current", tt.answer)
			_, err := f.client(t).Status(context.Background(), "pve1", 100)
			if !pve.IsKind(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
			tried := "cannot read the status of container 100: "
			if tt.kind == pve.Unauthorized { // whatever was requested first
				tried = "cannot log in to Proxmox at 127.0.0.1:"
			}
			if err != nil && !strings.HasPrefix(err.Error(), tried) {
				t.Errorf("the error does not say what was tried: %v", err)
			}
		})
	}
}

// go-proxmox reports an answer of 596 to a request without result as success.
func TestDeleteThrough596Fails(t *testing.T) {
	f := newFake(t)
	f.on("DELETE /nodes/pve1/lxc/100", answer{596, "Connection timed out", ""})
	_, err := f.client(t).Destroy(context.Background(), "pve1", 100, pve.DestroyOptions{Purge: true})
	if !pve.IsKind(err, pve.Unreachable) {
		t.Errorf("got %v", err)
	}
	if n := f.count("DELETE", "/nodes/pve1/lxc/100"); n != 1 {
		t.Errorf("the request was made %d times", n)
	}
}

func TestMessageBeyondTheFirstLine(t *testing.T) {
	f := newFake(t)
	f.on("GET /version", answer{500, "first", `{"data":null,"message":"first\nsecond\nthird\n"}`})
	_, err := f.client(t).Version(context.Background())
	var e *pve.Error
	if !errors.As(err, &e) || strings.Join(e.Tail(), "|") != "second|third" {
		t.Errorf("got %v with tail %q", err, e.Tail())
	}
}

func TestGetIsRepeatedAfterACut(t *testing.T) {
	f := newFake(t)
	f.on("GET /version", cut, answer{596, "Broken pipe", ""}, ok(`{"release":"8.4","version":"8.4.21"}`))
	v, err := f.client(t).Version(context.Background())
	if err != nil || v.Major() != 8 || v.Full != "8.4.21" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestTrust(t *testing.T) {
	f := newFake(t)
	f.on("GET /version", ok(`{"release":"8.4","version":"8.4.21"}`))
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("AB", 32)
	for _, tt := range []struct {
		name string
		o    pve.Options
		ok   bool
	}{
		{"pinned", pve.Options{Fingerprint: f.fingerprint()}, true},
		{"pinned, upper case and prefix", pve.Options{Fingerprint: "SHA256:" + strings.ToUpper(f.fingerprint())}, true},
		{"pinned to another", pve.Options{Fingerprint: wrong}, false},
		{"pinned to another, insecure", pve.Options{Fingerprint: wrong, Insecure: true}, false},
		{"CA file", pve.Options{CAFile: file}, true},
		{"system roots", pve.Options{}, false},
		{"insecure", pve.Options{Insecure: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.URL, tt.o.Token = f.URL, "root@pam!cli=s"
			c, err := pve.New(tt.o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Version(context.Background())
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *pve.Error
			if !errors.As(err, &e) || e.Kind != pve.TLS {
				t.Fatalf("got %v", err)
			}
			if got := strings.ToLower(strings.ReplaceAll(e.Seen, ":", "")); got != f.fingerprint() {
				t.Errorf("seen %q", e.Seen)
			}
		})
	}
	if f.count("GET", "/version") != 4 {
		t.Error("a request went to a server that is not trusted, or a trusted one was refused")
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c, err := pve.New(pve.Options{URL: "https://" + addr, Token: "a@pve!b=c"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Version(context.Background())
	if !pve.IsKind(err, pve.Unreachable) || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	f.handle("GET /version", func(call) answer { cancel(); <-ctx.Done(); return cut })
	_, err := f.client(t).Version(ctx)
	if !pve.IsKind(err, pve.Interrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRequestTimeout(t *testing.T) {
	f := newFake(t)
	release := make(chan struct{})
	defer close(release)
	f.handle("GET /version", func(call) answer { <-release; return cut })
	_, err := f.clientWith(t, pve.Options{Token: "a@pve!b=c", Timeout: 20 * time.Millisecond}).Version(context.Background())
	if !pve.IsKind(err, pve.Timeout) {
		t.Errorf("got %v", err)
	}
}

// hungUp is a connection whose other side can be told to close it.
type hungUp struct {
	net.Conn
	told   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (c *hungUp) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.told.Load() {
		err = io.EOF
	}
	return n, err
}

func (c *hungUp) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.closed) })
	return err
}

// Connections that Proxmox closed while they were idle cause no failure, not even of a
// request that must not be repeated, and also if they never carried a request.
func TestClosedWhileIdle(t *testing.T) {
	f := newFake(t)
	f.on("POST /nodes/pve1/lxc/100/status/start", ok(`"`+upid+`"`))
	c := f.client(t)
	var dialled []*hungUp
	c.Wrap(func(conn net.Conn) net.Conn {
		d := &hungUp{Conn: conn, closed: make(chan struct{})}
		dialled = append(dialled, d)
		return d
	})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if n := len(dialled); n <= 3 {
			d := dialled[n-1]
			d.told.Store(true)
			d.SetReadDeadline(time.Now())
			<-d.closed
		}
	}})
	if _, err := c.Start(ctx, "pve1", 100); err != nil {
		t.Error(err)
	}
	if n := f.count("POST", "/nodes/pve1/lxc/100/status/start"); n != 1 || len(dialled) != 4 {
		t.Errorf("%d requests on %d connections", n, len(dialled))
	}
}

func TestTicketLogin(t *testing.T) {
	f := newFake(t)
	f.on("POST /access/ticket", ok(`{"username":"root@pam","ticket":"PVE:1","CSRFPreventionToken":"c1"}`),
		ok(`{"username":"root@pam","ticket":"PVE:2","CSRFPreventionToken":"c2"}`))
	f.handle("POST /nodes/pve1/lxc/100/status/start", func(c call) answer {
		if c.header.Get("Cookie") != "PVEAuthCookie=PVE:2" || c.header.Get("CSRFPreventionToken") != "c2" {
			return answer{401, "permission denied - invalid PVE ticket", ""}
		}
		return ok(`"` + upid + `"`)
	})
	c := f.clientWith(t, pve.Options{User: "root", Password: "secret"})
	got, err := c.Start(context.Background(), "pve1", 100)
	if err != nil || got != upid {
		t.Errorf("got %q, %v", got, err)
	}
	if f.calls[0].path != "/access/ticket" {
		t.Error("the first request went out without a ticket, which costs 3 s")
	}
	if n := f.count("POST", "/access/ticket"); n != 2 {
		t.Errorf("%d logins", n)
	}
}

func TestWrongPassword(t *testing.T) {
	f := newFake(t)
	f.on("POST /access/ticket", answer{401, "authentication failure", `{"data":null,"message":"authentication failure\n"}`})
	_, err := f.clientWith(t, pve.Options{User: "root@pam", Password: "hunter22"}).Version(context.Background())
	if !pve.IsKind(err, pve.Unauthorized) || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]pve.Options{
		"no address":        {Token: "a@pve!b=c"},
		"no login":          {URL: "https://pve"},
		"token without id":  {URL: "https://pve", Token: "secret"},
		"plain http":        {URL: "http://pve.example:8006", Token: "a@pve!b=c"},
		"short fingerprint": {URL: "https://pve", Token: "a@pve!b=c", Fingerprint: "AA:BB"},
		"password in URL":   {URL: "https://root:pw1234@pve", Token: "a@pve!b=c"},
		"missing CA file":   {URL: "https://pve", Token: "a@pve!b=c", CAFile: "/nonexistent"},
	} {
		_, err := pve.New(o)
		if !pve.IsKind(err, pve.Invalid) || strings.Contains(err.Error(), "pw1234") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// OIDC and AD name their users by mail addresses: the realm follows the last @, and a
// name may contain a =.
func TestTokenOfAMailUser(t *testing.T) {
	for token, login := range map[string]string{
		"ops@example.org@sso!ci=secret": "ops@example.org@sso!ci", "a=b@example.org@sso!ci=secret": "a=b@example.org@sso!ci", "root@pam!ci=secret": "root@pam!ci",
	} {
		c, err := pve.New(pve.Options{URL: "https://pve", Token: token})
		if err != nil || c.Login() != login {
			t.Errorf("%s: %v", token, err)
		}
		if id, secret := pve.SplitToken(token); id != login || secret != "secret" {
			t.Errorf("%s: %q, %q", token, id, secret)
		}
	}
}

// An address with a zone: a link-local one needs it, and no certificate can contain it.
// The test uses ::1, which accepts any zone.
func TestAddressWithZone(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("needs IPv6 on the loopback interface: ", err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Host, "%") {
			t.Errorf("the zone reached the server: %s", r.Host)
		}
		fmt.Fprint(w, `{"data":{"release":"8.4","version":"8.4.21"}}`)
	}))
	s.Listener = l
	s.StartTLS()
	defer s.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ca := filepath.Join(t.TempDir(), "ca.pem") // httptest's certificate names ::1
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]pve.Options{
		"CA file": {CAFile: ca}, "fingerprint": {Fingerprint: pve.Fingerprint(s.Certificate())}, "insecure": {Insecure: true},
	} {
		o.URL, o.Token = "https://[::1%25lo]:"+port, "a@pve!bc=d"
		c, err := pve.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := c.Version(t.Context()); err != nil || v.Full != "8.4.21" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestURLForms(t *testing.T) {
	for in, want := range map[string]string{
		"pve":                         "https://pve:8006/api2/json",
		"pve:443":                     "https://pve:443/api2/json",
		"https://pve:8006/":           "https://pve:8006/api2/json",
		"https://pve:8006/api2/json/": "https://pve:8006/api2/json",
		"https://[fd00::1]":           "https://[fd00::1]:8006/api2/json",
		"https://[fe80::1%25lo]":      "https://[fe80::1%25lo]:8006/api2/json",
	} {
		c, err := pve.New(pve.Options{URL: in, Token: "a@pve!b=c"})
		if err != nil || c.URL() != want {
			t.Errorf("%s: got %v", in, err)
		}
	}
}
