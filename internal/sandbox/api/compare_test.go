package api_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func publicKey(t *testing.T) string {
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) + " root@vm"
}

// inHashOrder reports whether a list is one that Proxmox gives in the order of a Perl hash.
func inHashOrder(list []any) bool {
	if len(list) == 0 {
		return false
	}
	row, _ := list[0].(map[string]any)
	return row["key"] != nil || row["roleid"] != nil
}

// shape reduces a JSON value to its keys and types; a list to the shape of each element.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = shape(x)
		}
		return m
	case []any:
		l := []any{}
		for _, x := range v {
			l = append(l, shape(x))
		}
		if inHashOrder(v) {
			slices.SortFunc(l, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return l
	case float64:
		return "number"
	case string:
		return "string"
	case nil:
		return "null"
	}
	return fmt.Sprintf("%T", v)
}

func sameShape(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// lacks returns what of want is missing in got: keys of objects, and for a list the keys
// of its elements.
func lacks(got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("an object, has %T", got)
		}
		for k, x := range w {
			if _, ok := g[k]; !ok {
				return k
			}
			if s := lacks(g[k], x); s != "" {
				return k + "." + s
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) == 0 {
			return "elements"
		}
		for _, x := range g {
			if s := lacks(x, w[0]); s != "" {
				return s
			}
		}
	default:
		if shape(got) != shape(want) {
			return fmt.Sprintf("type %v, has %v", shape(want), shape(got))
		}
	}
	return ""
}

// apart are values that differ from run to run and machine to machine.
var apart = []string{
	"upid", "pid", "pstart", "starttime", "digest", "ctime", "size", "ssl_fingerprint", "uptime", "cpu", "mem", "maxmem", "disk",
	"maxdisk", "maxcpu", "endtime", "used", "avail", "total", "used_fraction", "netin", "netout", "diskread", "diskwrite", "cpus",
	"pressurecpufull", "pressurecpusome", "pressureiofull", "pressureiosome", "pressurememoryfull", "pressurememorysome", "snaptime", "ticket",
}

var variable = []struct{ re, with string }{
	{`SHA256:\S+`, "SHA256:…"},
	{`(?i)bc:24:11(:[0-9a-f]{2}){3}`, "MAC"},
	{`fe80::[0-9a-f:]+`, "fe80::…"},
	{`Total bytes read: .*`, "Total bytes read: …"},
	{`Filesystem UUID: .*`, "Filesystem UUID: …"},
	{`ssh_host_\w+_key`, "ssh_host_…_key"},
	{`sha256:[0-9a-f]{64}`, "sha256:…"},
	{`time="[^"]*"`, "time=…"},
	{`\.tar\.tmp\.\d+`, ".tar.tmp.…"},
	{`10\.79\.0\.(1\d|1\d\d|2\d\d)\b`, "a lease"},
	{`UPID:pve1:[0-9A-F]+:[0-9A-F]+:[0-9A-F]+:`, "UPID:pve1:…:"},
}

// compareData also compares the values, except those in apart.
func (p *player) compareData(t *testing.T, r record, got, want any) {
	if upid, ok := want.(string); ok && strings.HasPrefix(upid, "UPID:") {
		p.upids[upid], _ = got.(string)
	}
	g, w := plain(got, nil), plain(want, nil)
	if g != w {
		t.Errorf("data:\ngot  %s\nwant %s", g, w)
	}
}

// plain prints a value without the parts that differ from run to run.
func plain(v any, key *string) string {
	if key != nil && slices.Contains(apart, *key) {
		return "…"
	}
	switch v := v.(type) {
	case map[string]any:
		if v["key"] == "digest" {
			return "digest"
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		var b strings.Builder
		for _, k := range keys {
			fmt.Fprintf(&b, "%s=%s ", k, plain(v[k], &k))
		}
		return "{" + strings.TrimSpace(b.String()) + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, plain(x, nil))
		}
		if inHashOrder(v) {
			slices.Sort(parts)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case string:
		if key != nil && *key == "content" { // a list in the order of a Perl hash
			l := strings.Split(v, ",")
			slices.Sort(l)
			return strings.Join(l, ",")
		}
		for _, x := range variable {
			v = regexp.MustCompile(x.re).ReplaceAllString(v, x.with)
		}
		return v
	}
	return fmt.Sprint(v)
}
