package template

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestScriptsAreRead(t *testing.T) {
	for _, c := range []struct {
		os, script  string
		want, where string // "": nothing is reported
		doubt       bool
	}{
		{"debian-12", "set -e\necho ok\n", "", "", false},
		{"debian-12", "if true\nthen echo", "sh cannot read this", ":1:1", true},
		{"debian-12", "#!/bin/bash\nfor x in 1 2; do\n", "bash cannot read this", ":2:15", true},
		{"debian-12", "#!/usr/bin/python3\nif x:\n", "", "", false},
		{"debian-12", "#!/usr/bin/env -S bash -e\na=(1 2)\n", "", "", false},
		{"debian-12", "a=(1 2)\n", "arrays: dash, which is sh there", ":1:3", true},
		{"local:vztmpl/ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "[[ -f /x ]] && echo\n", "[[ is bash's", ":1:1", true},
		{"alpine-3.20", "[[ -f /x ]] && echo\n", "", "", false},
		{"alpine-3.20", "#!/bin/dash\n[[ -f /x ]] && echo\n", "[[ is bash's", ":2:1", true},
		{"fedora-40", "a=(1 2)\n", "", "", false},
		{"debian-12", "true\nsource /etc/os-release\n", "use . FILE", ":2:1", true},
		{"debian-12", "source() { . \"$1\"; }\nsource /etc/os-release\n", "", "", false},
		{"debian-12", "[ \"$a\" == b ]\n", "== in [ … ] is bash's", ":1:8", true},
		{"debian-12", "#!/bin/bash\n[ \"$a\" == b ]\n", "", "", false},
		{"debian-12", "rm -rf $dir/cache\n", "rm gets $dir without quotes", ":1:8", false},
		{"debian-12", "rm -rf \"$dir/cache\" && rm $file\n", "", "", false},
		{"debian-12", "apt-get install nginx\n", "add -y", ":1:1", false},
		{"debian-12", "apt-get install -y nginx; apt-get -qq install x; apt-get update; yes | apt-get install z\n", "", "", false},
		{"debian-12", "apt-get $APT_OPTIONS install nginx\n", "", "", false},
		{"debian-12", "read -r answer\n", "a script's input is empty", ":1:1", false},
		{"debian-12", "while read -r l; do echo \"$l\"; done </etc/hosts; echo x | { read -r y; }; ask() { read -r z; }\n", "", "", false},
		{"debian-12", "mysql_secure_installation\n", "asks questions", ":1:1", false},
	} {
		tpl, err := Load(fstest.MapFS{
			"template.yaml":    {Data: []byte("name: web\nos: " + c.os + "\n")},
			"scripts/10-it.sh": {Data: []byte(c.script)},
		}, "web")
		if err != nil {
			t.Errorf("%q: %v", c.script, err)
			continue
		}
		if c.want == "" {
			if len(tpl.Warnings) > 0 {
				t.Errorf("%q on %s: %v, want nothing", c.script, c.os, tpl.Warnings)
			}
			continue
		}
		if len(tpl.Warnings) != 1 {
			t.Errorf("%q on %s: %v, want one problem", c.script, c.os, tpl.Warnings)
			continue
		}
		w := tpl.Warnings[0]
		if !strings.Contains(w.String(), c.want) || w.Doubt != c.doubt || w.Where() != "scripts/10-it.sh"+c.where {
			t.Errorf("%q on %s: %q (doubt %t), want %q at %s (doubt %t)", c.script, c.os, w, w.Doubt, c.want, c.where, c.doubt)
		}
	}
}
