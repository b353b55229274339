package template

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// family is a catalogue of a parent and a child that says something of everything.
func family(t *testing.T, child string) (*Template, error) {
	t.Helper()
	all := fstest.MapFS{
		"base/template.yaml": {Data: []byte(`name: base
os: debian-12
description: the parent's
resources: {cores: 2, memory: 1024}
features: {nesting: true, mount: [nfs]}
network: {bridge: vmbr7, firewall: true}
mounts: [{path: /srv/a, size: 1}]
devices: [/dev/net/tun]
tags: [web, base]
requires: {proxmox: ">=8", privileges: [Sys.Modify]}
variables:
  site: {default: base.example.org}
  port: {type: port, default: 8080}
  key: {generate: ssh-key}
packages:
  apt: [curl, nginx]
  custom: [{name: tool, check: "true", install: make old}]
files:
  - {source: a.conf, target: /etc/a.conf, template: true}
  - {source: b.conf, target: /etc/b.conf}
  - {target: /srv/app, owner: root}
services:
  - {name: nginx, port: "${port}"}
  - {name: cron}
credentials: [{service: app, keys: [PASSWORD]}]
notes: see ${site}
`)},
		"base/files/a.conf":             {Data: []byte("site=${site} of base\n")},
		"base/files/b.conf":             {Data: []byte("b of base\n")},
		"base/scripts/2-early.sh":       {Data: []byte("#!/bin/sh\necho $key\n")},
		"base/scripts/10-install.sh":    {Data: []byte("#!/bin/sh\necho base\n")},
		"base/scripts/30-last.sh":       {Data: []byte("#!/bin/sh\necho last\n")},
		"child/template.yaml":           {Data: []byte(child)},
		"child/files/a.conf":            {Data: []byte("child's own a\n")},
		"child/files/b.conf":            {Data: []byte("b of child\n")},
		"child/packages/more.apt":       {Data: []byte("nginx\nhtop\n")},
		"child/scripts/10-install.sh":   {Data: []byte("#!/bin/sh\necho child\n")},
		"child/scripts/20-own.sh":       {Data: []byte("#!/bin/sh\necho $port\n")},
		"folder-of-other/template.yaml": {Data: []byte("name: other\nextends: base\n")},
	}
	source := Source{Name: "all", FS: all}
	return source.load("child", []Source{source})
}

func TestExtends(t *testing.T) {
	for _, c := range []struct {
		name, child string
		of          func(*Template) any
		want        any
	}{
		{"a scalar is inherited", "", func(t *Template) any { return t.Description }, "the parent's"},
		{"the name is not", "", func(t *Template) any { return []string{t.Name, t.ConfigPath} }, []string{"child", "child"}},
		{"a scalar replaces", "description: own\n", func(t *Template) any { return t.Description }, "own"},
		{"os is inherited", "", func(t *Template) any { return t.OS }, "debian-12"},
		{"os replaces", "os: [alpine-3.20, debian-12]\n", func(t *Template) any { return append([]string{t.OS}, t.OSElse...) }, []string{"alpine-3.20", "debian-12"}},
		{"a mapping is merged by key", "resources: {memory: 2048}\n", func(t *Template) any { return []int{t.Cores, t.MemoryMiB, t.DiskGiB} }, []int{2, 2048, 8}},
		{"a flag can be taken back", "features: {nesting: false, mount: [cifs, nfs]}\n", func(t *Template) any { return []any{t.Features.Nesting, t.Features.Mount} }, []any{false, []string{"nfs", "cifs"}}},
		{"requires", "requires: {privileges: [Sys.Audit]}\n", func(t *Template) any { return []any{t.Requires.Proxmox, t.Requires.Privileges} }, []any{">=8", []string{"Sys.Modify", "Sys.Audit"}}},
		{"lists of names are added", "tags: [own, web]\n", func(t *Template) any { return t.Tags }, []string{"web", "base", "own"}},
		{"network is inherited", "", func(t *Template) any { return []any{t.Network.Bridge, t.Network.IPv4} }, []any{"vmbr7", "dhcp"}},
		{"network replaces as a whole", "network: {ip6: auto}\n", func(t *Template) any { return []any{t.Network.Bridge, t.Network.Firewall, t.Network.IPv6} }, []any{"", false, "auto"}},
		{"mounts and devices are inherited", "", func(t *Template) any { return []int{len(t.Mounts), len(t.Devices)} }, []int{1, 1}},
		{"mounts and devices replace", "mounts: []\ndevices: [/dev/fuse]\n", func(t *Template) any { return []any{len(t.Mounts), t.Devices[0].Path} }, []any{0, "/dev/fuse"}},
		{"packages are added", "", func(t *Template) any { return t.Packages.Names["apt"] }, []string{"curl", "nginx", "htop"}},
		{"a custom package replaces", "packages: {custom: [{name: tool, check: x, install: make new}]}\n", func(t *Template) any { return []any{len(t.Packages.Custom), t.Packages.Custom[0].Install} }, []any{1, "make new"}},
		{"a variable replaces", "variables:\n  port: {type: port, default: 81}\n  extra: {}\n", func(t *Template) any {
			var out []string
			for _, v := range t.Variables {
				out = append(out, v.Name+"="+v.Default)
			}
			return out
		}, []string{"site=base.example.org", "port=81", "key=", "key_pub=", "extra="}},
		{"a public half goes with its variable", "variables: {key: {default: k}}\n", func(t *Template) any { return t.variable("key_pub").Name }, ""},
		{"scripts run in numeric order", "", scriptTexts, []string{"2-early.sh echo $key", "10-install.sh echo child", "20-own.sh echo $port", "30-last.sh echo last"}},
		{"a list names the parent's scripts, too", "scripts:\n  - {name: 30-last.sh, enabled: false}\n  - {name: 20-own.sh, when: port = 1}\n", func(t *Template) any {
			var out []string
			for _, s := range t.Scripts {
				out = append(out, s.Name+s.Note())
			}
			return out
		}, []string{"2-early.sh", "10-install.sh", "20-own.sh (when port = 1)", "30-last.sh (not enabled)"}},
		{"a file replaces by target", "files:\n  - {source: b.conf, target: /etc/b.conf, mode: '0600'}\n  - {source: a.conf, target: /etc/c.conf}\n", fileTexts,
			[]string{"/etc/a.conf 644 site=base.example.org of base", "/etc/b.conf 600 b of child", "/etc/c.conf 644 child's own a"}},
		{"directories", "files:\n  - {target: /srv/app, owner: nobody}\n  - {target: /srv/own}\n", func(t *Template) any { return t.Directories }, []Directory{{Target: "/srv/app", Owner: "nobody"}, {Target: "/srv/own"}}},
		{"a service replaces by name", "services:\n  - {name: cron, timeout: 5}\n  - {name: own, port: \"${port}\"}\n", func(t *Template) any {
			var out []string
			for _, s := range t.Services {
				out = append(out, s.Name+" "+s.Timeout.String()+" "+s.portVar)
			}
			return out
		}, []string{"nginx 1m0s port", "cron 5s ", "own 1m0s port"}},
		{"credentials replace by service", "credentials: [{service: app, keys: [A, B]}, {service: db, keys: [C]}]\n", func(t *Template) any { return t.Credentials }, []Credential{{"app", []string{"A", "B"}}, {"db", []string{"C"}}}},
		{"notes are inherited", "", func(t *Template) any { return t.Notes }, "see ${site}"},
		{"what neither says is a default", "", func(t *Template) any { return t.Defaults() }, []string{"swap", "disk", "unprivileged"}},
		{"the chain is longer", "extends: other\n", func(t *Template) any { return []any{t.Extends, t.Cores, len(t.Scripts)} }, []any{"other", 2, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "name: child\n" + c.child
			if !strings.Contains(text, "extends:") {
				text += "extends: base\n"
			}
			got, err := family(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if has := c.of(got); !reflect.DeepEqual(has, c.want) {
				t.Errorf("%#v, not %#v", has, c.want)
			}
		})
	}
}

func scriptTexts(t *Template) any {
	var out []string
	for _, s := range t.Scripts {
		_, text, _ := strings.Cut(strings.TrimSpace(string(s.Content)), "\n")
		out = append(out, s.Name+" "+text)
	}
	return out
}

func fileTexts(t *Template) any {
	values, err := t.Resolve(nil, nil)
	if err != nil {
		return err
	}
	var out []string
	for _, f := range t.Files {
		data, err := f.Content(values)
		if err != nil {
			return err
		}
		out = append(out, f.Target+" "+strconv.FormatInt(int64(f.Mode), 8)+" "+strings.TrimSpace(string(data)))
	}
	return out
}

// A variable is used if either of the two uses it, and what is wrong with the parent alone
// is said of the parent.
func TestExtendsReview(t *testing.T) {
	got, err := family(t, "name: child\nextends: base\nvariables: {mine: {}}\n")
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	problems, warnings := Diagnose(got, nil)
	for _, p := range append(problems, warnings...) {
		text = append(text, p.Where()+" "+p.Message)
	}
	want := []string{`template.yaml:3:13 variable "mine" is used by no script, file or service`,
		"files/a.conf is not shipped: no entry under files names it", "files/b.conf is not shipped: no entry under files names it"}
	if !reflect.DeepEqual(text, want) {
		t.Errorf("%q", text)
	}
}

// TestExtendsRefused tells for what a parent cannot be which reason is given.
func TestExtendsRefused(t *testing.T) {
	for _, c := range []struct{ extends, want string }{
		{"bas", `there is no such template (did you mean "base"?)`},
		{"child", "they extend one another: child → child"},
		{"''", "it is empty"},
		{"/srv/base", "an absolute path is another one on the next machine"},
		{"../../base", "the path leads out of what this template came with"},
		{"../none", "there is no folder with a template.yaml"},
		{"git+https://git.example.org/t.git//web@v1", "its address is not known"},
		{"[base]", "it must be text, not a list"},
	} {
		_, err := family(t, "name: child\nextends: "+c.extends+"\n")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.extends, err)
		}
	}
}

// A chain of folders: its length has a limit, and a problem is shown with the path of the
// file that has it.
func TestExtendsFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, yamlFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("t1", "name: t1\nos: debian-12\n")
	for i, name := range []string{"t2", "t3", "t4", "t5", "t6"} {
		write(name, "name: "+name+"\nextends: ../t"+string(rune('1'+i))+"\n")
	}
	five, err := LoadDir(filepath.Join(dir, "t5"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDir(filepath.Join(dir, "t6")); err == nil || !strings.Contains(err.Error(), "at most 5 templates extend one another: t6 → t5 → t4 → t3 → t2 → t1") {
		t.Errorf("six: %v", err)
	}
	write("t1", "name: t1\nos: debian-12\ntags: [x]\n")
	again, err := LoadDir(filepath.Join(dir, "t5"))
	if err != nil || again.Digest == five.Digest {
		t.Errorf("the digest stays when the first parent changes: %v", err)
	}
	write("t1", "name: t1\nos: debian-12\nmemory: 1\n")
	_, err = LoadDir(filepath.Join(dir, "t3"))
	var faulty *Error
	if !errors.As(err, &faulty) {
		t.Fatal(err)
	}
	var at []string
	for _, p := range faulty.Problems {
		at = append(at, p.Where())
	}
	want := []string{filepath.Join(dir, "t1", yamlFile) + ":3:1", filepath.Join(dir, "t2", yamlFile) + ":2:10", filepath.Join(dir, "t3", yamlFile) + ":2:10"}
	if !reflect.DeepEqual(at, want) {
		t.Errorf("%q", at)
	}
}

// A fetched template has its parent with it, and reaches nothing else of this machine.
func TestExtendsFetched(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app/template.yaml":              "name: app\nextends: ./common\n",
		"app/common/template.yaml":       "name: common\nextends: ./first\n",
		"app/common/first/template.yaml": "name: first\nos: debian-12\ntags: [first]\n",
		"beside/template.yaml":           "name: beside\nos: debian-12\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := Fetched{Dir: filepath.Join(dir, "app"), Name: "app", Source: "https://e/app.tar.gz"}
	got, err := f.load(lineage{})
	if err != nil || len(got.Tags) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, ref := range []string{"../beside", "beside"} {
		if err := os.WriteFile(filepath.Join(dir, "app", yamlFile), []byte("name: app\nextends: "+ref+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := f.load(lineage{}); err == nil || !strings.Contains(err.Error(), "cannot be extended") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
