package template

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

// Every value of a template knows where it comes from, also over two parents.
func TestPlaces(t *testing.T) {
	root := fstest.MapFS{
		"top/template.yaml":     {Data: []byte("name: top\nos: debian-12\nresources: {cores: 2, memory: 256}\nmounts:\n  - {path: /a, size: 1}\ntags: [red]\nvariables: {x: {default: a}, y: {}}\n")},
		"top/packages/base.apt": {Data: []byte("# tools\ncurl\n\njq # for JSON\n")},
		"top/scripts/10-a.sh":   {Data: []byte("#!/bin/sh\n")},
		"mid/template.yaml":     {Data: []byte("name: mid\nextends: ../top\nresources:\n  memory: 512\nnetwork:\n  - {bridge: vmbr0}\n  - {bridge: vmbr1}\nfeatures: {mount: [nfs]}\n")},
		"app/template.yaml": {Data: []byte(`name: app
extends: ../mid
network:
  bridge: vmbr2
features: {mount: [cifs]}
tags: [blue]
variables:
  x: {default: b}
packages: {apt: [{name: nginx, version: 1.*}]}
repositories: []
files:
  - {source: site, target: /etc/site}
  - {target: /srv/x}
services:
  - name: web
scripts:
  - 10-a.sh
  - 20-b.sh
`)},
		"app/files/site/a":    {Data: []byte("a")},
		"app/files/site/b":    {Data: []byte("b")},
		"app/scripts/20-b.sh": {Data: []byte("#!/bin/sh\n")},
	}
	tpl, err := Find("app", []Source{{Name: "test", FS: root}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ list, name, want string }{
		{"", "name", "template.yaml:1"},
		{"", "os", "top: template.yaml:2"},
		{"", "resources.cores", "top: template.yaml:3"},
		{"", "resources.memory", "mid: template.yaml:4"},
		{"", "resources.swap", "default"},
		{"", "network", "template.yaml:3"},
		{"", "network[0]", "default"}, // the mapping replaces the parent's list
		{"", "network[1]", "default"},
		{"", "mounts[0]", "top: template.yaml:5"},
		{"features.mount", "nfs", "mid: template.yaml:8"},
		{"features.mount", "cifs", "template.yaml:5"},
		{"tags", "red", "top: template.yaml:6"},
		{"tags", "blue", "template.yaml:6"},
		{"", "variables.x", "template.yaml:8"},
		{"", "variables.y", "top: template.yaml:7"},
		{"packages.apt", "curl", "top: packages/base.apt:2"},
		{"packages.apt", "jq", "top: packages/base.apt:4"},
		{"packages.apt", "nginx=1.*", "template.yaml:9"},
		{"files", "/etc/site/b", "template.yaml:12"},
		{"directories", "/srv/x", "template.yaml:13"},
		{"services", "web", "template.yaml:15"},
		{"scripts", "10-a.sh", "template.yaml:17"}, // the list says how it runs
		{"scripts", "20-b.sh", "template.yaml:18"},
	} {
		p := tpl.Place(c.name)
		if c.list != "" {
			p = tpl.PlaceOf(c.list, c.name)
		}
		if p.String() != c.want {
			t.Errorf("%s %s is from %s, not %s", c.list, c.name, p, c.want)
		}
	}
	if p := tpl.Place("os"); p.File != filepath.Join("top", "template.yaml") || p.From != FromParent || p.Template != "top" {
		t.Errorf("os is from %+v", p)
	}
}
