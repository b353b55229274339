package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

// Of the forms of a token, the two that Proxmox takes are let in.
func TestAuthorization(t *testing.T) {
	f := serve(t, api.Options{AuthDelay: 30 * time.Millisecond})
	id, secret := f.login.TokenID, f.login.TokenUUID
	tests := []struct {
		header, cookie string
		status         int
		reason         string
	}{
		{"PVEAPIToken=" + id + "=" + secret, "", 200, "OK"},
		{"PVEAPIToken " + id + "=" + secret, "", 200, "OK"},
		{"PVEAPIToken=" + strings.ReplaceAll(id, "!", "%21") + "=" + secret, "", 200, "OK"},
		{"PVEAPIToken=" + id + ":" + secret, "", 401, "Authentication failed!"},
		{"PVEAPIToken=" + id, "", 401, "Authentication failed!"},
		{"PVEAPIToken=" + id + "=", "", 401, "Authentication failed!"},
		{"PVEAPIToken:" + id + "=" + secret, "", 401, "No ticket"},
		{"Bearer " + secret, "", 401, "No ticket"},
		{"", "", 401, "No ticket"},
		{"PVEAPIToken=" + id + "=" + secret, "PVEAuthCookie=garbage", 401, "Authentication failed!"},
		{"PVEAPIToken=" + id + "=" + secret, "other=garbage", 200, "OK"},
	}
	for _, tt := range tests {
		begin := time.Now()
		r := f.do(t, "GET", "/version", "", func(r *http.Request) {
			r.Header.Set("Authorization", tt.header)
			if tt.cookie != "" {
				r.Header.Set("Cookie", tt.cookie)
			}
		})
		if r.status != tt.status || r.reason != tt.reason {
			t.Errorf("%q, %q: %d %s, want %d %s", tt.header, tt.cookie, r.status, r.reason, tt.status, tt.reason)
		}
		if r.status == 401 && (len(r.body) != 0 || time.Since(begin) < 30*time.Millisecond) {
			t.Errorf("%q: body %q after %v", tt.header, r.body, time.Since(begin))
		}
	}
}

// The web server refuses in plain text; empty parts of a path count for nothing.
func TestWire(t *testing.T) {
	f := serve(t, api.Options{})
	tests := []struct {
		method, path string
		status       int
		reason, body string // a part of the body
	}{
		{"HEAD", "/version", 501, "method 'HEAD' not available", ""},
		{"OPTIONS", "/version", 501, "method 'OPTIONS' not available", ""},
		{"PATCH", "/version", 501, "method 'PATCH' not available", ""},
		{"GET", "//nodes", 200, "OK", `"node":"pve1"`},
		{"GET", "/nodes//pve1/lxc/", 200, "OK", `{"data":[]}`},
		{"GET", "/nodes/pve1/tasks?source=active", 200, "OK", `{"data":[]}`},
		{"GET", "/nodes/pve1/tasks/UPID:pve1:00001234:00001234:66000000:vzstart:100:root@pam:/log", 200, "OK", `"t":"unable to open file - No such file or directory"`},
	}
	for _, tt := range tests {
		r := f.do(t, tt.method, tt.path, "")
		if r.status != tt.status || r.reason != tt.reason || !strings.Contains(string(r.body), tt.body) {
			t.Errorf("%s %s: %d %s %s", tt.method, tt.path, r.status, r.reason, r.body)
		}
	}
	for path, want := range map[string]string{"/version": `"success":1`, "/nope": `"status":501,"success":0`} {
		req := f.request(t, "GET", path, "")
		req.URL.Path = strings.Replace(req.URL.Path, "json", "extjs", 1)
		if r := exchange(t, req); r.status != 200 || !strings.Contains(string(r.body), want) {
			t.Errorf("extjs %s: %d %s", path, r.status, r.body)
		}
	}
}
