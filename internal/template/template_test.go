package template

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

// folder makes a file system of "path", "content" pairs.
func folder(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1]), Mode: 0o644}
	}
	return m
}

func mustLoad(t *testing.T, fsys fstest.MapFS) *Template {
	t.Helper()
	tm, err := Load(fsys, "folder")
	if err != nil {
		t.Fatal(err)
	}
	return tm
}

const least = "name: web\nos: debian-12\n"

func TestLeast(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least))
	want := lxc.Spec{OSTemplate: "debian-12", Cores: 1, MemoryMiB: 512, SwapMiB: 512, DiskGiB: 8, Unprivileged: true, Network: lxc.Network{IPv4: "dhcp"}}
	if got := tm.Spec(); !reflect.DeepEqual(got, want) {
		t.Errorf("spec %+v", got)
	}
	if tm.Name != "web" || len(tm.Scripts)+len(tm.Files)+len(tm.Services)+len(tm.Variables)+len(tm.Warnings) != 0 || !tm.Packages.Empty() || len(tm.Digest) != 64 {
		t.Errorf("%+v", tm)
	}
}

const full = `
# everything
name: web
os: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
description: A web server
resources: {cores: 2, memory: 1024, swap: 0, disk: 4}
unprivileged: false
features: {nesting: true, keyctl: true, fuse: true, mknod: true, mount: [nfs, cifs]}
network: {bridge: vmbr1, vlan: 12, ip: 10.0.0.5/24, gateway: 10.0.0.1, ip6: auto, nameservers: [1.1.1.1, "2606:4700::1"], firewall: true}
tags: [web, a.b]
variables:
  http_port: {type: port, default: 8080, description: where it listens}
  admin: {required: true, pattern: '[a-z]+'}
  password: {generate: true}
  api_key: {secret: true, generate: hex}
  debug: {type: bool, default: false}
packages:
  apt: [nginx=1.2*, curl]
  pip: ['requests[socks]>=2,<3']
  custom:
    - {name: tool, check: command -v tool, install: curl x | bash, timeout: 60}
    - other|test -e /o|touch /o
files:
  - {source: site, target: /var/www/html, mode: "0640", owner: www-data:www-data}
  - {source: app.conf, target: /etc/app/, policy: backup, template: true}
  - {source: files/run.sh, target: /usr/local/bin/run, policy: default}
scripts:
  - 20-b.sh
  - {name: 10-a.sh, enabled: false}
services:
  - {name: nginx, port: "${http_port}", http: /health, timeout: 2m}
  - {name: dns, unit: unbound, port: 53, protocol: udp, timeout: 5}
  - {name: admin, https: true}
syncOnBoot: true
`

func fullFolder() fstest.MapFS {
	m := folder("template.yaml", full,
		"files/site/index.html", "<html>", "files/site/css/a.css", "a{}", "files/site/.gitkeep", "",
		"files/app.conf", "port=${http_port}\nhome=${HOME} $${admin} $http_port\n", "files/run.sh", "#!/bin/sh\n",
		"scripts/10-a.sh", "echo a", "scripts/20-b.sh", "echo b",
		"packages/base.apt", "curl # again\r\nvim\r\n\r\n", "packages/x.custom", "# no\njq|command -v jq|curl -s x | tee /y | bash|30\n",
		"packages/README.md", "no list")
	m["files/run.sh"].Mode = 0o755
	return m
}

func TestFull(t *testing.T) {
	tm := mustLoad(t, fullFolder())
	spec := lxc.Spec{
		Description: "A web server",
		OSTemplate:  "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", Cores: 2, MemoryMiB: 1024, DiskGiB: 4, Tags: []string{"web", "a.b"},
		Features: lxc.Features{Nesting: true, Keyctl: true, Fuse: true, Mknod: true, Mount: []string{"nfs", "cifs"}},
		Network:  lxc.Network{Bridge: "vmbr1", VLAN: 12, IPv4: "10.0.0.5/24", Gateway4: "10.0.0.1", IPv6: "auto", Nameservers: []string{"1.1.1.1", "2606:4700::1"}, Firewall: true},
	}
	if got := tm.Spec(); !reflect.DeepEqual(got, spec) {
		t.Errorf("spec\n%+v\n%+v", got, spec)
	}
	packages := Packages{
		Names: map[string][]string{"apt": {"nginx=1.2*", "curl", "vim"}, "pip": {"requests[socks]>=2,<3"}},
		Custom: []CustomPackage{
			{"tool", "command -v tool", "curl x | bash", time.Minute},
			{"other", "test -e /o", "touch /o", 5 * time.Minute},
			{"jq", "command -v jq", "curl -s x | tee /y | bash", 30 * time.Second},
		},
	}
	if !reflect.DeepEqual(tm.Packages, packages) {
		t.Errorf("packages %+v", tm.Packages)
	}
	var files []string
	for _, f := range tm.Files {
		files = append(files, fmt.Sprintf("%s %s %s %04o %s %t", f.Source, f.Target, f.Policy, f.Mode, f.Owner, f.Expand))
	}
	if want := []string{
		"files/site/css/a.css /var/www/html/css/a.css replace 0640 www-data:www-data false",
		"files/site/index.html /var/www/html/index.html replace 0640 www-data:www-data false",
		"files/app.conf /etc/app/app.conf backup 0644  true",
		"files/run.sh /usr/local/bin/run default 0755  false",
	}; !slices.Equal(files, want) {
		t.Errorf("files\n%s", strings.Join(files, "\n"))
	}
	if len(tm.Scripts) != 2 || tm.Scripts[0].Name != "20-b.sh" || tm.Scripts[1].Enabled || string(tm.EnabledScripts()[0].Content) != "echo b" || len(tm.EnabledScripts()) != 1 {
		t.Errorf("scripts %+v", tm.Scripts)
	}
	if !tm.SyncOnBoot || tm.Unprivileged || len(tm.Warnings) != 0 {
		t.Errorf("%+v", tm.Warnings)
	}
}

func TestFullResolved(t *testing.T) {
	tm := mustLoad(t, fullFolder())
	random := func(n int, hex bool) string { return fmt.Sprintf("random-%d-%t", n, hex) }
	v, err := tm.Resolve(map[string]string{"admin": "joe"}, &Maker{Random: random})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"http_port=8080", "INFRAHAUS_VAR_HTTP_PORT=8080", "admin=joe", "INFRAHAUS_VAR_ADMIN=joe", "password=random-24-false", "INFRAHAUS_VAR_PASSWORD=random-24-false",
		"api_key=random-64-true", "INFRAHAUS_VAR_API_KEY=random-64-true", "debug=false", "INFRAHAUS_VAR_DEBUG=false",
	}; !slices.Equal(v.Env(), want) {
		t.Errorf("env %q", v.Env())
	}
	if want := []string{"random-24-false", "random-64-true"}; !slices.Equal(v.Secrets(), want) {
		t.Errorf("secrets %q", v.Secrets())
	}
	services, err := tm.DeclaredServices(v)
	if want := []Service{
		{Name: "nginx", Port: 8080, Protocol: "tcp", HTTP: "/health", Timeout: 2 * time.Minute, portVar: "http_port"},
		{Name: "dns", Unit: "unbound", Port: 53, Protocol: "udp", Timeout: 5 * time.Second},
		{Name: "admin", Port: 443, Protocol: "tcp", HTTP: "/", TLS: true, Timeout: time.Minute},
	}; err != nil || !reflect.DeepEqual(services, want) {
		t.Errorf("services %+v, %v", services, err)
	}
	i := slices.IndexFunc(tm.Files, func(f File) bool { return f.Expand })
	text, err := tm.Files[i].Content(v)
	if want := "port=8080\nhome=${HOME} ${admin} $http_port\n"; string(text) != want || err != nil {
		t.Errorf("content %q, %v", text, err)
	}
	again, err := tm.Resolve(v.Keep(), nil)
	if err != nil || !slices.Equal(again.Env(), v.Env()) || !slices.Equal(again.Secrets(), v.Secrets()) {
		t.Errorf("what was kept gives %q, %v", again.Env(), err)
	}
	plan, err := tm.Resolve(map[string]string{"admin": "joe"}, nil)
	if err != nil || !plan.All()[2].Pending || len(plan.Secrets()) != 0 {
		t.Errorf("plan %+v %v", plan, err)
	}
}

func TestResolveRefuses(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+`variables:
  admin: {required: true, pattern: '[a-z]+'}
  token: {required: true, secret: true, pattern: '[a-z]+'}
  n: {type: int}
  f: {type: number}
  p: {type: port}
  b: {type: bool}
  h: {type: hostname}
  i: {type: ip}
`))
	ok := map[string]string{"admin": "joe", "token": "abcdef"}
	for _, c := range []struct{ name, value, want string }{
		{"admin", "Joe", `"Joe" does not match [a-z]+`},
		{"admin", "joe\n", "does not match"},
		{"admin", "", "does not match"},
		{"token", "HUNTER22", "token: the value does not match [a-z]+"},
		{"n", "1.5", "whole number"}, {"n", " 1", "whole number"}, {"n", "99999999999999999999", "whole number"},
		{"f", "1e5", "a number"}, {"p", "0", "port"}, {"p", "65536", "port"}, {"b", "yes", "true or false"},
		{"h", "-x", "host name"}, {"h", "a..b", "host name"}, {"i", "10.0.0.256", "IP address"},
		{"admn", "x", `there is no variable "admn" (did you mean "admin"?)`},
		{"xyzzy", "x", `there is no variable "xyzzy" (it has admin, token`},
		{"admin", "a\x00b", "NUL"}, {"admin", "\xff", "UTF-8"},
	} {
		set := map[string]string{"admin": ok["admin"], "token": ok["token"], c.name: c.value}
		_, err := tm.Resolve(set, nil)
		var ve *VariableError
		if !errors.As(err, &ve) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "HUNTER22") {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
		}
	}
	for name, value := range map[string]string{"n": "-5", "f": "1.5", "p": "80", "b": "true", "h": "a.example.com", "i": "fd00::1"} {
		if _, err := tm.Resolve(map[string]string{"admin": "joe", "token": "abc", name: value}, nil); err != nil {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	_, err := tm.Resolve(nil, nil)
	if err == nil || !strings.Contains(err.Error(), "admin must be set (--set admin=…)") || !strings.Contains(err.Error(), "token must be set (--set-file token=PATH)") {
		t.Errorf("missing: %v", err)
	}
}

// A filled-in value is not expanded again, so no value can refer to another.
func TestExpandOnce(t *testing.T) {
	v := Values{[]Value{{Name: "a", Text: "${b}"}, {Name: "b", Text: "B"}, {Name: "p", Pending: true}}}
	for in, want := range map[string]string{"${a}${b}": "${b}B", "$${b}": "${b}", "${c} $${c} $b {b} ${b": "${c} $${c} $b {b} ${b", "${a:-x}": "${a:-x}", "$${HOME} ${HOME}": "$${HOME} ${HOME}"} {
		if got, err := v.Expand([]byte(in)); string(got) != want || err != nil {
			t.Errorf("Expand(%q) = %q, %v", in, got, err)
		}
	}
	v2 := Values{[]Value{{Name: "domain", Text: "x"}}}
	if got, err := v2.Expand([]byte("$${domain} $${domian} ${domian} $${HOME}")); string(got) != "${domain} ${domian} ${domian} $${HOME}" || err != nil {
		t.Errorf("literals: %q, %v", got, err)
	}
	if _, err := v.Expand([]byte("${p}")); err == nil {
		t.Error("a pending value is filled in")
	}
}

func TestScriptOrder(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least, "scripts/10-z.sh", "", "scripts/9_y.sh", "", "scripts/01.sh", "", "scripts/010-a.sh", "", "scripts/0100x.sh", "",
		"scripts/99999999999999999999-last.sh", "", "scripts/helper.sh", "", "scripts/11-x.py", "", "scripts/sub/12-y.sh", "", "scripts/README.md", ""))
	var names []string
	for _, s := range tm.Scripts {
		names = append(names, s.Name)
	}
	if want := []string{"01.sh", "9_y.sh", "010-a.sh", "10-z.sh", "0100x.sh", "99999999999999999999-last.sh"}; !slices.Equal(names, want) {
		t.Errorf("order %q", names)
	}
	if len(tm.Warnings) != 1 || tm.Warnings[0].File != "scripts/helper.sh" {
		t.Errorf("warnings %v", tm.Warnings)
	}
}

func TestScriptFromWindows(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", "\xef\xbb\xbf"+strings.ReplaceAll(least, "\n", "\r\n"), "scripts/1-a.sh", "\xef\xbb\xbf#!/bin/sh\r\necho a\r\n", "scripts/2-b.sh", "printf 'a\r\n'\necho\n"))
	if got := string(tm.Scripts[0].Content); got != "#!/bin/sh\necho a\n" {
		t.Errorf("content %q", got)
	}
	if got := string(tm.Scripts[1].Content); got != "printf 'a\r\n'\necho\n" {
		t.Errorf("a mixed file was changed: %q", got)
	}
}

func TestDigest(t *testing.T) {
	sum := func(change func(fstest.MapFS)) string {
		m := fullFolder()
		change(m)
		return mustLoad(t, m).Digest
	}
	same := sum(func(fstest.MapFS) {})
	if same != sum(func(m fstest.MapFS) { m["README.md"] = &fstest.MapFile{}; m["files/run.sh"].ModTime = time.Now() }) {
		t.Error("what does not count changes the digest")
	}
	for name, change := range map[string]func(fstest.MapFS){
		"content": func(m fstest.MapFS) { m["files/app.conf"].Data = []byte("x") },
		"mode":    func(m fstest.MapFS) { m["files/run.sh"].Mode = 0o644 },
		"name": func(m fstest.MapFS) {
			m["files/site/b.html"] = m["files/site/index.html"]
			delete(m, "files/site/index.html")
		},
		"script": func(m fstest.MapFS) { m["scripts/30-c.sh"] = &fstest.MapFile{} },
		"yaml":   func(m fstest.MapFS) { m["template.yaml"].Data = []byte(full + "# x\n") },
	} {
		if sum(change) == same {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func TestFind(t *testing.T) {
	user, root := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		os.MkdirAll(filepath.Join(dir, name), 0o755)
		os.WriteFile(filepath.Join(dir, name, "template.yaml"), []byte(text), 0o644)
	}
	write(user, "nginx", "name: nginx\nos: debian-12\ndescription: mine\n")
	write(root, "nginx", "name: nginx\nos: debian-12\ndescription: theirs\n")
	write(root, "broken", "nam: x\n")
	write(root, "folder-name", "name: own-name\nos: debian-12\n")
	write(root, None, "name: none\nos: debian-12\n") // in no list, and found by its path alone
	os.MkdirAll(filepath.Join(root, "no-template"), 0o755)
	builtIn := folder("nginx/template.yaml", least, "postgresql/template.yaml", "name: postgresql\nos: debian-12\n", "template.schema.json", "{}")
	sources := []Source{{Name: "user", Dir: user}, {Name: "missing", Dir: filepath.Join(user, "none")}, {Name: "empty"}, {Name: "TEMPLATES_ROOT", Dir: root}, {Name: "built-in", FS: builtIn}}

	for _, c := range []struct{ ref, source, name string }{
		{"nginx", "user", "nginx"}, {"postgresql", "built-in", "postgresql"}, {"own-name", "TEMPLATES_ROOT", "own-name"}, {"folder-name", "TEMPLATES_ROOT", "own-name"},
		{None, "built-in", None}, {filepath.Join(root, None), "path", None},
		{filepath.Join(root, "nginx"), "path", "nginx"}, {filepath.Join(root, "nginx", "template.yaml"), "path", "nginx"},
	} {
		tm, err := Find(c.ref, sources)
		if err != nil || tm.Source != c.source || tm.Name != c.name {
			t.Errorf("Find(%q) = %+v, %v", c.ref, tm, err)
		} else if tm.IsNone() != (c.ref == None) {
			t.Errorf("Find(%q): none: %t", c.ref, tm.IsNone())
		}
	}
	var none *NotFoundError
	if _, err := Find("ngnix", sources); !errors.As(err, &none) || none.Nearest != "nginx" || !strings.Contains(err.Error(), `did you mean "nginx"?`) {
		t.Errorf("ngnix: %v", err)
	}
	for _, ref := range []string{"", "./none", "no-template", filepath.Join(root, "nginx", "template.yam"), "../..//x", "a\x00b"} {
		if _, err := Find(ref, sources); !errors.As(err, &none) {
			t.Errorf("Find(%q): %v", ref, err)
		}
	}
	var faulty *Error
	if _, err := Find("broken", sources); !errors.As(err, &faulty) {
		t.Errorf("broken: %v", err)
	}
	if _, err := Find(filepath.Join(root, "no-template"), sources); !errors.As(err, &faulty) {
		t.Errorf("a folder without a template: %v", err)
	}
	var got []string
	for _, e := range List(sources) {
		got = append(got, e.Name+" "+e.Source+" "+e.Description+" "+fmt.Sprint(e.Error != ""))
	}
	if want := []string{"broken TEMPLATES_ROOT  true", "folder-name TEMPLATES_ROOT  false", "nginx user mine false", "postgresql built-in  false"}; !slices.Equal(got, want) {
		t.Errorf("list %q", got)
	}
}

// A link must not bring in files from outside the folder, nor stop the reader.
func TestLinksAndPipes(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	os.WriteFile(outside, []byte("secret"), 0o600)
	make := func(name string, link func(files string) error) error {
		root := filepath.Join(dir, name)
		os.MkdirAll(filepath.Join(root, "files"), 0o755)
		os.WriteFile(filepath.Join(root, "files", "real"), []byte("x"), 0o644)
		os.WriteFile(filepath.Join(root, "template.yaml"), []byte(least+"files: [{source: a, target: /a}]\n"), 0o644)
		if err := link(filepath.Join(root, "files", "a")); err != nil {
			t.Fatal(err)
		}
		_, err := Find(root, nil)
		return err
	}
	if err := make("in", func(a string) error { return os.Symlink("real", a) }); err != nil {
		t.Errorf("a link to a neighbour: %v", err)
	}
	for name, link := range map[string]func(string) error{
		"absolute": func(a string) error { return os.Symlink(outside, a) },
		"climbing": func(a string) error { return os.Symlink("../../outside", a) },
		"dangling": func(a string) error { return os.Symlink("nothing", a) },
		"loop":     func(a string) error { return os.Symlink("a", a) },
		"folder":   func(a string) error { return os.Symlink("..", a) },
	} {
		var faulty *Error
		if err := make(name, link); !errors.As(err, &faulty) || !strings.Contains(err.Error(), "files/a") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
