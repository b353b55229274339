package template

import "testing"

func TestWhen(t *testing.T) {
	debian := &Facts{OS: "debian", OSVersion: "12", Init: "systemd", PackageManager: "apt"}
	for _, c := range []struct {
		when  string
		facts *Facts
		known bool
		why   string // "": it holds
	}{
		{"tls", nil, true, "tls is false"},
		{"'!tls'", nil, true, ""},
		{"on", nil, true, ""},
		{"'!on'", nil, true, "on is true"},
		{"empty", nil, true, "empty is empty"},
		{"domain = web.example", nil, true, ""},
		{"domain != web.example", nil, true, "domain is web.example"},
		{"db = postgres|sqlite", nil, true, ""},
		{"db = none", nil, true, "db is sqlite"},
		{"token", nil, true, ""},
		{"'!token'", nil, true, "token is set"},
		{"token = x", nil, true, "token = x does not hold"},
		{"os = debian", nil, false, ""},
		{"os = debian", debian, true, ""},
		{"os != debian | ubuntu", debian, true, "os is debian"},
		{"osVersion = 13", debian, true, "osVersion is 12"},
		{"[os = debian, tls]", nil, true, "tls is false"},
		{"[on, os = debian]", nil, false, ""},
		{"[init = systemd, packageManager = apt]", debian, true, ""},
		{"[]", nil, true, ""},
	} {
		tm := mustLoad(t, folder("template.yaml", least+`variables:
  tls: {type: bool, default: false}
  on: {type: bool, default: true}
  empty: {}
  domain: {default: web.example}
  db: {type: enum, values: [postgres, sqlite, none], default: sqlite}
  token: {secret: true, required: true}
scripts: [{name: 10-a.sh, when: `+c.when+"}]\n", "scripts/10-a.sh", ":"))
		v, err := tm.Resolve(map[string]string{"token": "hidden"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		holds, known, why := tm.Scripts[0].When.Decide(v, c.facts)
		if holds != (c.why == "") || known != c.known || why != c.why {
			t.Errorf("%s: %t, %t, %q", c.when, holds, known, why)
		}
	}
}

// A value that will be generated is not empty, and nobody knows it yet.
func TestWhenPending(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+"variables: {token: {generate: true}}\nscripts: [{name: 10-a.sh, when: token}, {name: 20-b.sh, when: token = x}]\n", "scripts/10-a.sh", ":", "scripts/20-b.sh", ":"))
	v, _ := tm.Resolve(nil, nil)
	if holds, known, _ := tm.Scripts[0].When.Decide(v, nil); !holds || !known {
		t.Error("a generated value is empty")
	}
	if _, known, _ := tm.Scripts[1].When.Decide(v, nil); known {
		t.Error("a generated value is known before it is made")
	}
}
