package api_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// by makes a request with a ticket instead of the token.
func (f *fixture) by(user string) func(*http.Request) {
	ticket, csrf := f.node.Ticket(user)
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", "PVEAuthCookie="+ticket)
		r.Header.Set("CSRFPreventionToken", csrf)
	}
}

// An administrator makes a user, a role, entries of the ACL and a token, and takes them
// back. The texts are those of pve-access-control.
func TestAccess(t *testing.T) {
	f := serve(t, api.Options{})
	root := f.by("root@pam")
	if err := f.node.CreateUser("ops@pve", "long enough"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path, body string
		by                 func(*http.Request)
		status             int
		want               string // in the body or the reason
	}{
		{"POST", "/access/users", "userid=ci@pve&comment=for+CI", root, 200, `"data":null`},
		{"POST", "/access/users", "userid=ci@pve", root, 500, "create user failed: user 'ci@pve' already exists"},
		{"POST", "/access/users", "userid=ci", root, 400, "value 'ci' does not look like a valid user name"},
		{"POST", "/access/users", "userid=x@pve", f.by("ops@pve"), 403, "Permission check failed (/access/realm/pve, Realm.AllocateUser)"},
		{"GET", "/access/users", "", root, 200, `"userid":"ci@pve"`},
		{"GET", "/access/users/ci@pve", "", root, 200, `"comment":"for CI"`},
		{"GET", "/access/users/none@pve", "", root, 500, "no such user ('none@pve')"},
		{"GET", "/access/users/ci@pve", "", f.by("ops@pve"), 403, "Permission check failed"},
		{"POST", "/access/roles", "roleid=few&privs=VM.Audit,VM.Console", root, 200, `"data":null`},
		{"POST", "/access/roles", "roleid=few", root, 500, "create role failed: role 'few' already exists"},
		{"POST", "/access/roles", "roleid=PVEmine", root, 400, "cannot use role ID starting with the (case-insensitive) 'PVE' namespace"},
		{"POST", "/access/roles", "roleid=odd&privs=VM.Flying", root, 500, "create role failed: invalid privilege 'VM.Flying'"},
		{"POST", "/access/roles", "roleid=few2", f.by("ops@pve"), 403, "Permission check failed (/access, Sys.Modify)"},
		{"GET", "/access/roles", "", f.by("ops@pve"), 200, `{"privs":"VM.Audit,VM.Console","roleid":"few","special":0}`},
		{"GET", "/access/roles/few", "", f.by("ops@pve"), 200, `{"data":{"VM.Audit":1,"VM.Console":1}}`},
		{"GET", "/access/roles/none", "", root, 500, "role 'none' does not exist"},
		{"PUT", "/access/roles/Administrator", "privs=VM.Audit", root, 500, "auto-generated role 'Administrator' cannot be modified"},
		{"POST", "/access/users/ci@pve/token/cli", "comment=c&privsep=1", root, 200, `"full-tokenid":"ci@pve!cli"`},
		{"POST", "/access/users/ci@pve/token/cli", "", root, 400, "Token already exists."},
		{"POST", "/access/users/none@pve/token/cli", "", root, 500, "no such user ('none@pve')"},
		{"POST", "/access/users/ci@pve/token/x", "", root, 400, "value does not match the regex pattern"},
		{"POST", "/access/users/ci@pve/token/more", "", f.by("ops@pve"), 403, "Permission check failed"},
		{"GET", "/access/users/ci@pve/token/cli", "", root, 200, `{"data":{"comment":"c","expire":0,"privsep":1}}`},
		{"GET", "/access/users/ci@pve/token/none", "", root, 500, "no such token 'none' for user 'ci@pve'"},
		{"PUT", "/access/acl", "path=/vms&roles=few&users=ci@pve&tokens=ci@pve!cli", root, 200, `"data":null`},
		{"PUT", "/access/acl", "path=/vms&roles=few", root, 400, "either 'users', 'groups' or 'tokens' is required."},
		{"PUT", "/access/acl", "path=/nowhere&roles=few&users=ci@pve", root, 400, "invalid ACL path '/nowhere'"},
		{"PUT", "/access/acl", "path=/vms&roles=few&users=none@pve", root, 500, "ACL update failed: user 'none@pve' does not exist"},
		{"PUT", "/access/acl", "path=/vms&roles=none&users=ci@pve", root, 500, "ACL update failed: role 'none' does not exist"},
		{"PUT", "/access/acl", "path=/vms&roles=few&users=ci@pve", f.by("ops@pve"), 403, "Permission check failed (/vms, Permissions.Modify)"},
		{"GET", "/access/acl", "", root, 200, `{"path":"/vms","propagate":1,"roleid":"few","type":"token","ugid":"ci@pve!cli"}`},
		{"GET", "/access/acl", "", f.by("ops@pve"), 200, `{"data":[]}`},
		{"DELETE", "/access/users/ci@pve/token/cli", "", root, 200, `"data":null`},
		{"DELETE", "/access/users/ci@pve/token/cli", "", root, 500, "no such token 'cli' for user 'ci@pve'"},
		{"DELETE", "/access/roles/few", "", root, 200, `"data":null`},
		{"DELETE", "/access/roles/few", "", root, 500, "delete role failed: role 'few' does not exist"},
		{"DELETE", "/access/users/ci@pve", "", root, 200, `"data":null`},
	} {
		r := f.do(t, tt.method, tt.path, tt.body, tt.by)
		if r.status != tt.status || !strings.Contains(r.reason+string(r.body), tt.want) {
			t.Errorf("%s %s %s: %d %s %s\nwant %d %s", tt.method, tt.path, tt.body, r.status, r.reason, r.body, tt.status, tt.want)
		}
	}
}

// Without Permissions.Modify, a role can only be handed out where the login has all of its
// privileges.
func TestHandOut(t *testing.T) {
	f := serve(t, api.Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.node.CreateUser("ops@pve", ""))
	must(f.node.CreateUser("ci@pve", ""))
	must(f.node.CreateRole("mine", []string{"VM.Allocate", "VM.Audit"}))
	must(f.node.CreateRole("more", []string{"VM.Audit", "VM.Console"}))
	must(f.node.ModifyACL("/vms/100", "mine", []string{"ops@pve"}, true, false))
	for role, want := range map[string]int{"mine": 200, "more": 400} {
		r := f.do(t, "PUT", "/access/acl", "path=/vms/100&users=ci@pve&roles="+role, f.by("ops@pve"))
		if r.status != want {
			t.Errorf("%s: %d %s", role, r.status, r.body)
		}
	}
}

// code is the reader's own RFC 6238, so that it does not share a mistake with the node.
func code(secret string, at time.Time) string {
	key, _ := base32.StdEncoding.DecodeString(secret)
	m := hmac.New(sha1.New, key)
	var step [8]byte
	binary.BigEndian.PutUint64(step[:], uint64(at.Unix()/30))
	m.Write(step[:])
	sum := m.Sum(nil)
	o := sum[19] & 0xf
	n := (uint32(sum[o])&0x7f)<<24 | uint32(sum[o+1])<<16 | uint32(sum[o+2])<<8 | uint32(sum[o+3])
	return fmt.Sprintf("%06d", n%1000000)
}

func TestCode(t *testing.T) { // RFC 6238, appendix B
	if got := code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", time.Unix(1111111109, 0)); got != "081804" {
		t.Error(got)
	}
}

// A user with a second factor gets a challenge for the password, and a ticket for the
// answer to it. No code is accepted twice.
func TestSecondFactor(t *testing.T) {
	f := serve(t, api.Options{})
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	if err := f.node.CreateUser("ops@pve", "long enough"); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	enroll := url.Values{"type": {"totp"}, "description": {"phone"}, "totp": {"otpauth://totp/ops?secret=" + secret}, "value": {code(secret, now)}, "password": {"long enough"}}.Encode()
	if r := f.do(t, "POST", "/access/tfa/ops@pve", enroll); r.status != 403 || !strings.Contains(r.reason, "not available with API token") {
		t.Errorf("by a token: %d %s", r.status, r.reason)
	}
	if r := f.do(t, "POST", "/access/tfa/ops@pve", enroll, f.by("ops@pve")); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	login := func(more url.Values) reply {
		form := url.Values{"username": {"ops@pve"}, "password": {"long enough"}}
		for k, v := range more {
			form[k] = v
		}
		return f.do(t, "POST", "/access/ticket", form.Encode(), func(r *http.Request) { r.Header.Del("Authorization") })
	}
	first := data(t, login(nil))
	challenge, _ := first["ticket"].(string)
	if !strings.HasPrefix(challenge, "PVE:!tfa!") || first["NeedTFA"] != 1.0 || first["cap"] != nil {
		t.Fatalf("no challenge: %v", first)
	}
	if r := f.do(t, "GET", "/version", "", func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", "PVEAuthCookie="+url.QueryEscape(challenge))
	}); r.status != 401 {
		t.Errorf("the challenge is a ticket: %d", r.status)
	}
	answer := func(challenge, text string) reply {
		return login(url.Values{"tfa-challenge": {challenge}, "password": {text}})
	}
	if r := answer(challenge, "totp:"+code(secret, now.Add(time.Hour))); r.status != 401 || r.reason != "authentication failure" {
		t.Errorf("a wrong code: %d %s", r.status, r.reason)
	}
	if r := answer(strings.Replace(challenge, "true", "True", 1), "totp:"+code(secret, time.Now())); r.status != 401 {
		t.Errorf("a forged challenge: %d", r.status)
	}
	good := "totp:" + code(secret, time.Now())
	ticket, _ := data(t, answer(challenge, good))["ticket"].(string)
	if a, ok := f.node.CheckTicket(ticket); !ok || a != (node.Auth{User: "ops@pve"}) {
		t.Errorf("no ticket: %q", ticket)
	}
	if r := answer(challenge, good); r.status != 401 {
		t.Errorf("a code twice: %d", r.status)
	}
}
