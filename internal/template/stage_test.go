package template

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const imageHead = "name: web\nos: debian-12\nvariables: {port: {type: port, default: 80}, key: {generate: ssh-key}}\n"

// Everything in an image is shared by all containers from it.
func TestImageRefuses(t *testing.T) {
	for _, c := range []struct{ yaml, script, where, want string }{
		{"scripts: [{name: 10-a.sh, stage: image}]", "#!/bin/sh\n:\necho \"$port\"\n", "scripts/10-a.sh:3:7", "does not know $port"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "echo ${port:-80}\n", "scripts/10-a.sh:1:6", "does not know $port"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "echo \"$key_pub\"\n", "scripts/10-a.sh:1:7", "does not know $key_pub"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "echo \"$INFRAHAUS_VAR_OTHER\"\n", "scripts/10-a.sh:1:7", "does not know $INFRAHAUS_VAR_OTHER"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "ip=$INFRAHAUS_ADDRESS\n", "scripts/10-a.sh:1:4", "does not know $INFRAHAUS_ADDRESS"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "x=$(hostname)\n", "scripts/10-a.sh:1:5", "knows no hostname"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "save_credential app KEY x\n", "scripts/10-a.sh:1:1", "all containers would share them"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "p=$(generate_password)\n", "scripts/10-a.sh:1:5", "makes no passwords"},
		{"scripts: [{name: 10-a.sh, stage: image}]", "#!/usr/bin/perl\nprint $ENV{INFRAHAUS_VAR_PORT};\n", "scripts/10-a.sh:2:12", "does not know INFRAHAUS_VAR_PORT"},
		{"scripts: [{name: 10-a.sh, stage: image, everySync: true}]", ":\n", "template.yaml:4:52", "runs once"},
		{"scripts: [{name: 10-a.sh, stage: image, when: port = 80}]", ":\n", "template.yaml:4:47", "knows no variables"},
		{"scripts: [{name: 10-a.sh, stage: image, env: {P: '${port}'}}]", ":\n", "template.yaml:4:50", "${port} is one"},
		{"scripts: [{name: 10-a.sh, stage: soon}]", ":\n", "template.yaml:4:34", "soon"},
		{"scripts: [20-b.sh, {name: 10-a.sh, stage: image}]", ":\n", "scripts/10-a.sh", "comes after 20-b.sh"},
		{"files: [{content: 'p=${port}', target: /etc/p, template: true, stage: image}]", ":\n", "template.yaml:4:58", "knows no variables"},
		{"maxAge: 3", ":\n", "template.yaml:4:9", `"3" will not do`},
	} {
		fsys := fstest.MapFS{
			"template.yaml": {Data: []byte(imageHead + c.yaml)}, "scripts/10-a.sh": {Data: []byte(c.script)}, "scripts/20-b.sh": {Data: []byte(":\n")},
		}
		_, err := Load(fsys, "web")
		var faulty *Error
		if !errors.As(err, &faulty) {
			t.Errorf("%s with %q: %v", c.yaml, c.script, err)
			continue
		}
		if got := faulty.Problems[0].String(); len(faulty.Problems) != 1 || !strings.HasPrefix(got, c.where+":") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %q:\n got %s\nwant %s: … %s", c.yaml, c.script, faulty.Problems, c.where, c.want)
		}
	}
}

// An image script may use variables that it sets itself, and facts of the OS.
func TestImageAccepts(t *testing.T) {
	tpl, err := Load(fstest.MapFS{
		"template.yaml": {Data: []byte(imageHead + `
maxAge: 2w
services: [{name: web, port: "${port}"}]
notes: on ${port}
packages: {apt: [{name: nginx, notify: nginx}]}
files:
  - {content: a, target: /etc/a, stage: image, notify: nginx, check: nginx -t}
  - {content: b, target: /etc/b}
scripts: [{name: 10-a.sh, stage: image, when: os = debian, env: {P: '$${port}'}}, 20-b.sh]
`)},
		"scripts/10-a.sh": {Data: []byte("port=80\nfor key in $P; do echo \"$port $key $CONTAINER_OS\"; done\n")},
		"scripts/20-b.sh": {Data: []byte("echo \"$port\"\n")},
	}, "web")
	if err != nil {
		t.Fatal(err)
	}
	if tpl.MaxAge != 14*24*time.Hour {
		t.Errorf("maxAge: %s", tpl.MaxAge)
	}
	i := tpl.ForImage()
	if len(i.Files) != 1 || i.Files[0].Target != "/etc/a" || i.Files[0].Notify != nil || i.Files[0].Check != "" {
		t.Errorf("files: %+v", i.Files)
	}
	if len(i.Scripts) != 1 || i.Scripts[0].Name != "10-a.sh" || i.Variables != nil || i.Services != nil || i.Notes != "" || i.Packages.Notify != nil {
		t.Errorf("image: %+v", i)
	}
	if len(tpl.Files) != 2 || tpl.Files[0].Notify == nil || len(tpl.Scripts) != 2 || !tpl.Bakeable() {
		t.Error("ForImage has changed its template")
	}
}
