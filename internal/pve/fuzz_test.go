package pve

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// FuzzFailure checks that any response is an error of a known kind, with one short line
// and a limited tail.
func FuzzFailure(f *testing.F) {
	for _, body := range []string{"", "<html>", `{"data":null,"message":"first\nsecond\n"}`, `{"errors":{"net0":"invalid format - format error\nnet0.ip: bad\n","memory":5,"":null,"x":{"y":[]}}}`,
		`{"message":"\u001b[2J\u0000","errors":[]}`, `{"errors":{"template":"no such template"}}`, `[`, `{"message":{}}`} {
		f.Add(500, "500 CT 100 already running", []byte(body))
		f.Add(403, "403 Permission check failed (/vms/100, VM.Audit)", []byte(body))
	}
	f.Add(302, "302 Found", []byte{})
	f.Add(401, "401 Authentication failed!", []byte{})
	f.Add(596, "", []byte("\xff"))
	c := &Client{base: "https://pve:8006/api2/json", login: login{token: "a@pve!b", user: "a@pve"}}
	f.Fuzz(func(t *testing.T, status int, line string, body []byte) {
		if len(line) > maxHead || len(body) > maxFailure || strings.ContainsAny(line, "\r\n") {
			return // net/http does not let more through
		}
		e := answerError(&http.Response{StatusCode: status, Status: line}, body)
		err := c.explain(t.Context(), "try it", e)
		op := "try it"
		if status == http.StatusUnauthorized { // the login is the cause of a 401, whatever was requested
			op = "log in to Proxmox at pve:8006"
		}
		var got *Error
		if !errors.As(err, &got) || got.Kind.String() == "unknown" || got.Op != op {
			t.Fatalf("%v", err)
		}
		text := err.Error()
		if !strings.HasPrefix(text, "cannot "+op+": ") || len(text) > (maxParams+4)*3*maxReason {
			t.Fatalf("%d bytes: %.200q", len(text), text)
		}
		if tail := strings.Join(got.Tail(), "\n"); len(tail) > 3*maxFailure || len(got.Hints) > 10 {
			t.Fatalf("a tail of %d bytes, %d hints", len(tail), len(got.Hints))
		}
	})
}

// FuzzShapes checks that an answer of any shape is read or refused, and that accepted
// values are within their bounds.
func FuzzShapes(f *testing.F) {
	for _, doc := range []string{`"100"`, `100`, `1e300`, `null`, `true`, `[]`, `{}`, `[{"n":1,"t":"x"},{"n":"2"}]`, `[{"vmid":"1e9","name":null,"status":5,"tags":"a;b,c d","template":1}]`,
		`[{"name":"eth0","hwaddr":"bc:24:11:00:00:01","inet":"192.0.2.1/24","inet6":"fe80::1%eth0/64","ip-addresses":[{"ip-address":"::ffff:192.0.2.1"},{"ip-address":"x"}]}]`,
		`{"/":{"Sys.Audit":1},"/vms":{"VM.Audit":"0"},"":null}`, `{"status":"stopped","exitstatus":"WARNINGS: 1"}`, `{"upid":"UPID:pve1:0000654C:0004C3ED:6B03A893:vzcreate:100:root@pam!cli:"}`} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		raw := []byte(doc)
		var one text
		if json.Unmarshal(raw, &one) == nil {
			if n, ok := one.int64(); !ok && n != 0 || n > 1<<53 || n < -1<<53 {
				t.Fatalf("%q is the number %d", doc, n)
			}
		}
		var list []listed
		if json.Unmarshal(raw, &list) == nil {
			for _, l := range list {
				l.entry("pve1")
			}
		}
		var interfaces []netInterface
		if json.Unmarshal(raw, &interfaces) == nil {
			for _, family := range []string{"IPv4", "IPv6"} {
				if a := pick(interfaces, family, ""); a.IsValid() && (a.Is4() != (family == "IPv4") || a.Zone() != "" || a.IsLinkLocalUnicast()) {
					t.Fatalf("picked %v", a)
				}
			}
		}
		var paths map[string]map[string]text
		if json.Unmarshal(raw, &paths) == nil {
			(&permissions{paths: paths}).listed("/vms/100", "VM.Audit")
		}
		var s taskStatus
		if json.Unmarshal(raw, &s) == nil {
			l := &taskLog{}
			l.add(s.Exit)
			if res, err := l.result(s, doc); len(res.Lines) > 1 || len(res.Lines[0]) > maxLine+8 || err != nil && len(err.Error()) > 4*maxReason {
				t.Fatalf("%.100q, %.100v", res.Lines, err)
			}
		}
		if p, err := taskPath("x", doc); err == nil && (len(p) > 4*maxUPID || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.Contains(p, "/../")) {
			t.Fatalf("%q is the path %q", doc, p)
		}
	})
}

// FuzzNet0 checks that a network that passes the checks becomes one property string with
// exactly the requested properties, and reads back unchanged.
func FuzzNet0(f *testing.F) {
	f.Add("192.0.2.10/24", "192.0.2.1", "2001:db8::10/64", "fe80::1", 5, true)
	f.Add("dhcp", "", "auto", "", 0, false)
	f.Add("", "", "2001:db8::10/64", "fe80::1%x,firewall=0", 0, false)
	f.Fuzz(func(t *testing.T, ip, gw, ip6, gw6 string, vlan int, firewall bool) {
		n := lxc.Network{IPv4: ip, Gateway4: gw, IPv6: ip6, Gateway6: gw6, VLAN: vlan, Firewall: firewall}
		if len(n.Faults()) > 0 {
			return
		}
		n.Name = "eth0"
		line := netText(n, "vmbr0", "BC:24:11:00:00:01")
		back, name, mac := parseNet(line)
		back.Bridge = ""
		if name != "eth0" || mac != "BC:24:11:00:00:01" || back.IPv4 != ip || back.Gateway4 != gw || back.IPv6 != ip6 || back.Gateway6 != gw6 || back.VLAN != vlan || back.Firewall != firewall {
			t.Fatalf("%+v became %q and %+v", n, line, back)
		}
	})
}
