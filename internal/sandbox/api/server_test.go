package api_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
	"github.com/infrahaus/infrahaus/internal/sandbox/driver/fake"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

type fixture struct {
	node   *node.Node
	srv    *api.Server
	faults *driver.Faults
	login  node.Login
}

func serve(t *testing.T, o api.Options) *fixture {
	t.Helper()
	return serveVersion(t, o, node.Profile{})
}

// serveVersion serves a node of one version of Proxmox VE.
func serveVersion(t *testing.T, o api.Options, p node.Profile) *fixture {
	t.Helper()
	f := &fixture{faults: driver.NewFaults()}
	n, err := node.Open(t.Context(), node.Options{Dir: t.TempDir(), Driver: &fake.Driver{}, Faults: f.faults, Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	s, err := api.Serve(n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f.node, f.srv, f.login = n, s, n.Login()
	return f
}

// request makes a request with the token, unless edit changes that.
func (f *fixture) request(t *testing.T, method, path, body string, edit ...func(*http.Request)) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.srv.URL()+"/api2/json"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "PVEAPIToken="+f.login.TokenID+"="+f.login.TokenUUID)
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, e := range edit {
		e(req)
	}
	return req
}

func (f *fixture) do(t *testing.T, method, path, body string, edit ...func(*http.Request)) reply {
	t.Helper()
	return exchange(t, f.request(t, method, path, body, edit...))
}

func data(t *testing.T, r reply) map[string]any {
	t.Helper()
	var m struct{ Data map[string]any }
	if err := json.Unmarshal(r.body, &m); err != nil {
		t.Fatalf("%d %s %q: %v", r.status, r.reason, r.body, err)
	}
	return m.Data
}

func asJSON(r *http.Request) { r.Header.Set("Content-Type", "application/json") }

func TestBodies(t *testing.T) {
	f := serve(t, api.Options{})
	create := "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:8&unprivileged=1"
	tests := []struct {
		name, method, path, body string
		edit                     func(*http.Request)
		status                   int
		reason                   string
	}{
		{"body on DELETE", "DELETE", "/nodes/pve1/lxc/100", "purge=1", nil, 501, "Unexpected content for method 'DELETE'"},
		{"too large", "POST", "/nodes/pve1/lxc", strings.Repeat("x", 513<<10), nil, 501, "for data too large"},
		{"given twice", "GET", "/nodes/pve1/lxc/100/config?vmid=101", "", nil, 400, "Parameter verification failed."},
		{"broken JSON", "POST", "/nodes/pve1/lxc", "{bad", asJSON, 500, `'"' expected, at character offset 1 (before "bad") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.`},
		{"unknown type", "POST", "/nodes/pve1/lxc", "x", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 506, "upload 'Content-Type 'text/plain' not implemented"},
		{"JSON booleans and numbers", "POST", "/nodes/pve1/lxc", `{"vmid":100,"ostemplate":"local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst","rootfs":"local-lvm:8","unprivileged":true,"onboot":false,"cpulimit":0.5}`, asJSON, 200, "OK"},
		{"form", "POST", "/nodes/pve1/lxc", strings.Replace(create, "100", "101", 1), nil, 200, "OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			edit := tt.edit
			if edit == nil {
				edit = func(*http.Request) {}
			}
			r := f.do(t, tt.method, tt.path, tt.body, edit)
			if r.status != tt.status || r.reason != tt.reason {
				t.Errorf("%d %s, want %d %s (%s)", r.status, r.reason, tt.status, tt.reason, r.body)
			}
		})
	}
	for _, id := range f.node.IDs() {
		waitTasks(t, f.node)
		conf := data(t, f.do(t, "GET", fmt.Sprintf("/nodes/pve1/lxc/%d/config", id), ""))
		if id == 100 && (conf["cpulimit"] != "0.5" || conf["onboot"] != 0.0 || conf["unprivileged"] != 1.0) {
			t.Errorf("config made by JSON: %v", conf)
		}
	}
}

func waitTasks(t *testing.T, n *node.Node) {
	t.Helper()
	rows, _ := n.Tasks(node.Root, node.Params{"source": "all"})
	for _, r := range rows {
		if _, err := n.Follow(t.Context(), r["upid"].(string), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
}

// A ticket is enough to read, and needs its CSRF token to write. It is root@pam itself.
func TestTicket(t *testing.T) {
	f := serve(t, api.Options{})
	form := url.Values{"username": {"root"}, "realm": {"pam"}, "password": {f.login.Password}}
	anonymous := func(r *http.Request) { r.Header.Del("Authorization") }
	got := data(t, f.do(t, "POST", "/access/ticket", form.Encode(), anonymous))
	ticket, csrf := got["ticket"].(string), got["CSRFPreventionToken"].(string)
	if got["username"] != "root@pam" {
		t.Errorf("username %v", got["username"])
	}
	cookie := func(r *http.Request) {
		r.Header.Del("Authorization")
		r.AddCookie(&http.Cookie{Name: "PVEAuthCookie", Value: ticket})
	}
	with := func(r *http.Request) { cookie(r); r.Header.Set("CSRFPreventionToken", csrf) }
	if r := f.do(t, "GET", "/version", "", cookie); r.status != 200 {
		t.Errorf("reading: %d %s", r.status, r.reason)
	}
	body := "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:8&unprivileged=1&features=nesting%3D1,keyctl%3D1"
	if r := f.do(t, "POST", "/nodes/pve1/lxc", body, cookie); r.status != 401 || len(r.body) != 0 {
		t.Errorf("writing without the CSRF token: %d %s %s", r.status, r.reason, r.body)
	}
	if r := f.do(t, "POST", "/nodes/pve1/lxc", body, with); r.status != 200 {
		t.Errorf("keyctl by root@pam: %d %s", r.status, r.reason)
	}
	f.faults.Add(driver.Fault{Name: driver.FaultStaleTicket, Count: 1})
	if r := f.do(t, "GET", "/version", "", cookie); r.status != 401 || r.reason != "Authentication failed!" {
		t.Errorf("stale: %d %s", r.status, r.reason)
	}
	form.Set("password", ticket)
	if r := f.do(t, "POST", "/access/ticket", form.Encode(), anonymous); r.status != 200 {
		t.Errorf("renewing: %d %s", r.status, r.reason)
	}
}

func TestWireFaults(t *testing.T) {
	f := serve(t, api.Options{})
	tests := []struct {
		fault  string
		status int
		reason string
		body   string // a part of it; "" for an empty one
	}{
		{"api-595=^GET /version:1", 595, "No route to host", ""},
		{"api-596:1", 596, "Connection timed out", ""},
		{"api-500=version:1", 500, "got unexpected error - Input/output error", `"message":"got unexpected error - Input/output error\n"`},
		{"api-garbage:1", 200, "OK", "<html>"},
		{"auth-401:1", 401, "Authentication failed!", ""},
		{"api-slow=1ms@version:1", 200, "OK", `"version":"9.2.11"`},
		{"old-shapes:1", 501, "Method 'GET /nothing' not implemented", `{"data":null}`},
		{"api-500=^POST:1", 200, "OK", `"version":"9.2.11"`},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			x, err := driver.ParseFault(tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			f.faults.Clear("")
			f.faults.Add(x)
			path := "/version"
			if tt.status == 501 {
				path = "/nothing"
			}
			r := f.do(t, "GET", path, "")
			if r.status != tt.status || r.reason != tt.reason || !strings.Contains(string(r.body), tt.body) || tt.body == "" && len(r.body) > 0 {
				t.Errorf("%d %s %s", r.status, r.reason, r.body)
			}
		})
	}
}

// A dropped answer does not undo the work.
func TestDrop(t *testing.T) {
	f := serve(t, api.Options{})
	f.faults.Add(driver.Fault{Name: driver.FaultAPIDrop, Value: "^POST .*/lxc$", Count: 1})
	c := f.dial(t)
	body := "vmid=100&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:8&unprivileged=1"
	if err := f.request(t, "POST", "/nodes/pve1/lxc", body).Write(c); err != nil {
		t.Fatal(err)
	}
	if _, err := readReply(bufio.NewReader(c)); !errors.Is(err, io.EOF) && err == nil {
		t.Errorf("answered: %v", err)
	}
	if err := f.node.Exists(100); err != nil {
		t.Error(err)
	}
}

func (f *fixture) dial(t *testing.T) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(f.srv.URL(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// One connection serves many requests. It is closed after an error and when idle.
func TestConnections(t *testing.T) {
	f := serve(t, api.Options{Idle: 5 * time.Second})
	c := f.dial(t)
	br := bufio.NewReader(c)
	for range 3 {
		if err := f.request(t, "GET", "/version", "").Write(c); err != nil {
			t.Fatal(err)
		}
		if r, err := readReply(br); err != nil || r.status != 200 {
			t.Fatalf("%v %v", r, err)
		}
	}
	if _, err := br.ReadByte(); err == nil {
		t.Error("an idle connection stays open")
	}
	c = f.dial(t)
	br = bufio.NewReader(c)
	if err := f.request(t, "GET", "/nope", "").Write(c); err != nil {
		t.Fatal(err)
	}
	if r, err := readReply(br); err != nil || r.status != 501 {
		t.Fatalf("%v %v", r, err)
	}
	if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after an error the connection is not closed: %v", err)
	}
}

// An endless request is cut off.
func TestEndlessHeader(t *testing.T) {
	f := serve(t, api.Options{})
	c := f.dial(t)
	line := []byte("X: " + strings.Repeat("x", 1<<16) + "\r\n")
	_, err := c.Write([]byte("GET /api2/json/version HTTP/1.1\r\n"))
	for i := 0; err == nil; i++ {
		if i > 1000 {
			t.Fatal("64 MB of header are read")
		}
		_, err = c.Write(line)
	}
}

// Go's own client works with this server, also with gzip.
func TestGoClient(t *testing.T) {
	f := serve(t, api.Options{})
	pin := func(cs tls.ConnectionState) error {
		sum := sha256.Sum256(cs.PeerCertificates[0].Raw)
		if got := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"); got != f.srv.Fingerprint() {
			return fmt.Errorf("fingerprint %s", got)
		}
		return nil
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: pin}}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/nodes/pve1/aplinfo", "/nodes/pve1/storage", "/version", "/cluster/resources", "/nodes/pve1/status"} {
		resp, err := client.Do(f.request(t, "GET", path, ""))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		err = json.NewDecoder(resp.Body).Decode(&m)
		resp.Body.Close()
		if err != nil || m["data"] == nil {
			t.Errorf("%s: %v %v", path, m, err)
		}
	}
}

// ca returns the fingerprint of the cluster's CA, which any login may read.
func ca(t *testing.T, f *fixture) string {
	t.Helper()
	var m struct {
		Data []struct{ Filename, Fingerprint string }
	}
	r := f.do(t, "GET", "/nodes/localhost/certificates/info", "")
	if err := json.Unmarshal(r.body, &m); err != nil || len(m.Data) != 1 || m.Data[0].Filename != "pve-root-ca.pem" {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return m.Data[0].Fingerprint
}

// The certificate stays the same, because clients pin it.
func TestCertificate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.pem")
	a, b := serve(t, api.Options{CertFile: file}), serve(t, api.Options{CertFile: file})
	if a.srv.Fingerprint() != b.srv.Fingerprint() {
		t.Error("the certificate changed")
	}
	if c := serve(t, api.Options{}); c.srv.Fingerprint() == a.srv.Fingerprint() {
		t.Error("two sandboxes share a certificate")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	renewed := serve(t, api.Options{CertFile: file})
	if renewed.srv.Fingerprint() == a.srv.Fingerprint() {
		t.Error("the certificate was not issued anew")
	}
	if ca(t, renewed) != ca(t, a) {
		t.Error("a renewed certificate has another CA")
	}
	if _, err := api.Serve(a.node, api.Options{Addr: "0.0.0.0:0"}); err == nil {
		t.Error("it serves beyond loopback")
	}
}
