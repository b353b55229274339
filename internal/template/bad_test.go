package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestBadTemplates(t *testing.T) {
	for _, c := range []struct{ text, where, want, suggestion string }{
		{"", "template.yaml", "it is empty", ""},
		{"# nothing", "template.yaml", "it is empty", ""},
		{"---", "template.yaml", "it is empty", ""},
		{"null", "template.yaml", "it is empty", ""},
		{"~ # nothing yet", "template.yaml", "it is empty", ""},
		{"name: web\nos: [", "template.yaml:2", "not YAML", ""},
		{"name: web\n\tos: x", "template.yaml:2", "not YAML", "tabs"},
		{"name: w\xffb", "template.yaml", "not YAML", ""},
		{"[a, b]", "template.yaml:1:1", "must be a mapping of keys to values, not a list", ""},
		{"name: web", "template.yaml:1:1", "os is missing", "debian-12"},
		{"os: debian-12", "template.yaml:1:1", "name is missing", "letters"},
		{"name:\nos: debian-12", "template.yaml:1:1", "name is missing", "letters"},
		{least + "---\na: b", "template.yaml:3:1", "more than one document", ""},
		{least + "os: x", "template.yaml:3:1", "os is given twice", "remove"},
		{least + "resorces: {}", "template.yaml:3:1", `unknown key "resorces"`, `"resources"`},
		{least + "resources:\n  memroy: 512", "template.yaml:4:3", `unknown key "resources.memroy"`, `"memory"`},
		{least + "resources: {ram: 512}", "template.yaml:3:13", `unknown key "resources.ram"`, `did you mean "memory"?`},
		{least + "resources: {memory: 100}", "template.yaml:3:21", "100 is not within 128..65536", "MiB"},
		{least + "resources: {memory: 2G}", "template.yaml:3:21", `must be a whole number, not "2G"`, "in MiB, without a unit: 2048"},
		{least + "resources: {memory: '512'}", "template.yaml:3:21", "whole number", "quotes"},
		{least + "resources: {memory: 99999999999999999999}", "template.yaml:3:21", "whole number", ""},
		{least + "resources: {cores: 0}", "template.yaml:3:20", "0 is not within 1..128", ""},
		{least + "resources: {cores: 1.5}", "template.yaml:3:20", "whole number", ""},
		{least + "resources: {disk: 10241}", "template.yaml:3:19", "10241 is not within", "GiB"},
		{least + "resources: {swap: -1}", "template.yaml:3:19", "-1 is not within", ""},
		{"name: 'a b'\nos: debian-12", "template.yaml:1:7", `name: "a b" will not do`, "letters"},
		{"name: web\nos: 'debian 12'", "template.yaml:2:5", "os: ", "debian-12"},
		{"name: web\nos: local:backup/x", "template.yaml:2:5", "os: ", "vztmpl"},
		{"name: web\nos: oci:Nginx:1.29", "template.yaml:2:5", `"oci:Nginx:1.29" has an upper-case letter`, "oci:nginx:1.29"},
		{"name: web\nos: 'oci:'", "template.yaml:2:5", "names no image", "oci:nginx:1.29"},
		{"name: web\nos: 'oci:a b'", "template.yaml:2:5", "no image's name can have (at 6)", ""},
		{"name: web\nos: [debian-13, 'oci:docker://nginx']", "template.yaml:2:17", "leave docker:// out", "oci:nginx"},
		{"name: web\nos: oci:nginx@sha256:12", "template.yaml:2:5", "no valid digest", "64 hexadecimal"},
		{least + "ostype: plan9", "template.yaml:3:9", "plan9", "unmanaged"},
		{least + "unprivileged: 'true'", "template.yaml:3:15", "must be true or false", "quotes"},
		{least + "unprivileged: yes", "template.yaml:3:15", "must be true or false", ""},
		{least + "features: {nestin: true}", "template.yaml:3:12", "unknown key", `"nesting"`},
		{least + "features: [nesting]", "template.yaml:3:11", "features must be a mapping", ""},
		{least + "tags: web", "template.yaml:3:7", "must be a list", "[web]"},
		{least + "tags: ['a;b']", "template.yaml:3:8", `"a;b" will not do`, "letters"},
		{least + "network: {ip: 10.0.0.5}", "template.yaml:3:15", "lacks its prefix length", "10.0.0.5/24"},
		{least + "network: {ip: 10.0.0.5/33}", "template.yaml:3:15", "is not an address", "dhcp"},
		{least + "network: {ip: 'fd00::1/64'}", "template.yaml:3:15", "other family", ""},
		{least + "network: {ip: '10.0.0.5/24,gw=10.0.0.1'}", "template.yaml:3:15", "is not an address", "gateway"},
		{least + "network: {ip: auto}", "template.yaml:3:15", "is not an address", "dhcp"},
		{least + "network: {gateway: 10.0.0.1}", "template.yaml:3:20", "needs a fixed address", ""},
		{least + "network: {ip: 10.0.0.5/24, gateway: 10.0.0.1/24}", "template.yaml:3:37", "is not an address", "without prefix"},
		{least + "network: {nameservers: [1.1.1]}", "template.yaml:3:25", "is not an IP address", ""},
		{least + "network: {vlan: 4095}", "template.yaml:3:17", "4095 is not within 1..4094", ""},
		{least + "network: {bridge: 'vmbr0,firewall=1'}", "template.yaml:3:19", "will not do", "vmbr0"},
		{least + "variables: {PATH: {}}", "template.yaml:3:13", `variable "PATH" would change how scripts are run`, "app_path"},
		{least + "variables: {IFS: {}}", "template.yaml:3:13", "would change", ""},
		{least + "variables: {LD_PRELOAD: {}}", "template.yaml:3:13", "(LD_…)", ""},
		{least + "variables: {BASH_ENV: {}}", "template.yaml:3:13", "would change", ""},
		{least + "variables: {ENV: {}}", "template.yaml:3:13", "would change", ""},
		{least + "variables: {INFRAHAUS_VAR_X: {}}", "template.yaml:3:13", "would change", ""},
		{least + "variables: {db-name: {}}", "template.yaml:3:13", "is no name", ""},
		{least + "variables: {a: {}, A: {}}", "template.yaml:3:20", "are both $INFRAHAUS_VAR_A", "rename"},
		{least + "variables: {a: {type: strng}}", "template.yaml:3:23", `"strng" is not known`, `"string"`},
		{least + "variables: {a: {defualt: 1}}", "template.yaml:3:17", "unknown key", `"default"`},
		{least + "variables: {a: {type: int, default: x}}", "template.yaml:3:37", `"x" is not a whole number`, ""},
		{least + "variables: {a: {pattern: '['}}", "template.yaml:3:26", "not a regular expression", "RE2"},
		{least + "variables: {a: {pattern: 'a)|(b'}}", "template.yaml:3:26", "not a regular expression", ""},
		{least + "variables: {a: {pattern: 'b+', default: a}}", "template.yaml:3:41", `"a" does not match b+`, ""},
		{least + "variables: {a: {generate: true, default: a}}", "template.yaml:3:27", "either a default or generate", ""},
		{least + "variables: {a: {generate: 4}}", "template.yaml:3:27", "4 is not within 8..256", ""},
		{least + "variables: {a: {generate: uid}}", "template.yaml:3:27", `"uid" is not known`, "uuid"},
		{least + "variables: {a: {generate: hex(4)}}", "template.yaml:3:27", "4 is not within 8..256", ""},
		{least + "variables: {a: {generate: uuid(8)}}", "template.yaml:3:27", `"uuid(8)" is not known`, "uuid"},
		{least + "variables: {a: {generate: tls}, a_crt: {}}", "template.yaml:3:33", "are both $INFRAHAUS_VAR_A_CRT", "rename"},
		{least + "variables: {a: {type: enum, default: x}}", "template.yaml:3:16", "an enum needs its values", "values: ["},
		{least + "variables: {a: {type: enum, values: [x, y]}}", "template.yaml:3:16", "an enum has a default, or is required", "default: x"},
		{least + "variables: {a: {type: enum, values: [x, y], default: z}}", "template.yaml:3:54", `"z" is not one of x, y`, ""},
		{least + "variables: {a: {type: enum, values: [x, x], required: true}}", "template.yaml:3:41", `"x" is given twice`, ""},
		{least + "variables: {a: {values: [x]}}", "template.yaml:3:25", "only an enum has values", "type: enum"},
		{least + "variables: {a: {min: 1}}", "template.yaml:3:22", "only a number has limits, not type string", "type: int"},
		{least + "variables: {a: {type: int, min: one}}", "template.yaml:3:33", "must be a number", ""},
		{least + "variables: {a: {type: int, min: 2, max: 1}}", "template.yaml:3:33", "min 2 is larger than max 1", ""},
		{least + "variables: {a: {type: int, min: 2, default: 1}}", "template.yaml:3:45", `"1" is less than 2`, ""},
		{least + "variables: {a: {type: number, max: 0.5, default: 0.51}}", "template.yaml:3:50", `"0.51" is more than 0.5`, ""},
		{least + "variables: {a: {default: [x]}}", "template.yaml:3:26", "a list is no default of type string", "type: list"},
		{least + "variables: {a: {type: list, default: [x y, z]}}", "template.yaml:3:39", `"x y" is empty or has white space`, "one word"},
		{least + "variables: {a: {type: list, pattern: '[a-z]+', default: [x, Y]}}", "template.yaml:3:57", `"Y" does not match [a-z]+`, ""},
		{least + "variables: {a: {generate: true, type: int}}", "template.yaml:3:27", "only text", ""},
		{least + "variables: {a: 5}", "template.yaml:3:16", "must be a mapping", ""},
		{least + "variables: [a]", "template.yaml:3:12", "must be a mapping", ""},
		{least + "packages: {apt: ['-oX=y']}", "template.yaml:3:18", "will not do", "name"},
		{least + "packages: {apt: ['a b']}", "template.yaml:3:18", "will not do", "name"},
		{least + "packages: {apt: ['a_b', '$(x)']}", "template.yaml:3:25", "will not do", ""},
		{least + "packages: {apt: [{name: a, notfy: a}]}", "template.yaml:3:28", `unknown key "packages.apt[0].notfy"`, `"notify"`},
		{least + "packages: {apt: [{name: a b}]}", "template.yaml:3:25", `packages.apt[0].name: "a b" will not do`, "without"},
		{least + "packages: {apt: [{name: a, notify: {start: x}}]}", "template.yaml:3:37", `unknown key "packages.apt[0].notify.start"`, "reload, rerun, restart"},
		{least + "packages: {apt: [{name: a, notify: {rerun: 10-a.sh}}]}", "template.yaml:3:36", "there is no scripts/10-a.sh to run again", "10-b.sh"},
		{least + "variables: {a: {notify: [[x]]}}", "template.yaml:3:26", "variables.a.notify[0]: it must be the name of a unit or a mapping, not a list", "{reload: UNIT}"},
		{least + "variables: {a: {notify: {restart: x, reload: x}}}", "template.yaml:3:25", "an entry has one key, not 2", "{rerun: SCRIPT}"},
		{least + "variables: {a: {notify: 'a b'}}", "template.yaml:3:25", `"a b" is no name of a unit`, "nginx"},
		{least + "variables: {a: {notify: {reload: [x]}}}", "template.yaml:3:34", "it must be a name, not a list", "reload"},
		{least + "packages: {yum: [a]}", "template.yaml:3:12", "unknown key", "apk, apt, custom"},
		{least + "packages: [a]", "template.yaml:3:11", "must be a mapping", ""},
		{least + "packages: {custom: ['a|b']}", "template.yaml:3:21", "fewer than three parts", "name|check|install"},
		{least + "packages: {custom: [{name: a, check: b}]}", "template.yaml:3:21", "packages.custom[0].install is missing", ""},
		{least + "files: [{source: b, target: /b}]", "template.yaml:3:18", "there is no files/b", ""},
		{least + "files: [{source: app.cnf, target: /b}]", "template.yaml:3:18", "there is no files/app.cnf", `"app.conf"`},
		{least + "files: [{source: ../template.yaml, target: /b}]", "template.yaml:3:18", "there is no", ""},
		{least + "files: [{source: template.yaml, target: /b}]", "template.yaml:3:18", "there is no", ""},
		{least + "files: [{source: app.conf, target: etc/x}]", "template.yaml:3:36", `"etc/x" is relative`, "absolute"},
		{least + "files: [{source: app.conf, target: /etc/../../x}]", "template.yaml:3:36", "climbs", ""},
		{least + "files: [{source: app.conf, target: /..}]", "template.yaml:3:36", "climbs", ""},
		{least + "files: [{source: app.conf, target: /proc/x}]", "template.yaml:3:36", "/proc", ""},
		{least + "files: [{source: app.conf, target: //./sys//x}]", "template.yaml:3:36", "/sys", ""},
		{least + "files: [{source: app.conf, target: /dev/sda}]", "template.yaml:3:36", "/dev", ""},
		{least + "files: [{source: app.conf, target: \"/a\\nb\"}]", "template.yaml:3:36", "control characters", ""},
		{least + "files: [{source: app.conf, target: ''}]", "template.yaml:3:36", "empty", "absolute"},
		{least + "files: [{source: app.conf, content: x, target: /a}]", "template.yaml:3:37", "either a source or content", "remove"},
		{least + "files: [{source: app.conf, directory: true, target: /a}]", "template.yaml:3:39", "neither source nor content", "remove"},
		{least + "files: [{source: '', target: /a}]", "template.yaml:3:18", "it is empty", "files/"},
		{least + "files: [{content: x, target: /a/}]", "template.yaml:3:30", "no name of its own", "add the name"},
		{least + "files: [{content: \"a\\0\", target: /a}]", "template.yaml:3:19", "cannot be used: it holds a NUL byte", "files/"},
		{least + "files: [{target: /a, policy: backup}]", "template.yaml:3:30", "a directory has no policy", "add source or content"},
		{least + "files: [{target: /a}, {target: /a/}]", "template.yaml:3:32", "/a is given twice", ""},
		{least + "files: [{target: /a}, {content: x, target: /a}]", "template.yaml:3:44", "cannot both be", ""},
		{least + "files: [{content: x, target: /a}, {target: /a/b}]", "template.yaml:3:44", "/a would have to be a folder", ""},
		{least + "scripts: [{name: 10-b.sh, when: tsl}]\nvariables: {tls: {type: bool}}", "template.yaml:3:33", `there is no variable or fact "tsl"`, `"tls"`},
		{least + "scripts: [{name: 10-b.sh, when: [os = debian, osversion = 12]}]", "template.yaml:3:47", `no variable or fact "osversion"`, `"osVersion"`},
		{least + "scripts: [{name: 10-b.sh, when: '!os = debian'}]", "template.yaml:3:33", "is no condition", "os = alpine"},
		{least + "scripts: [{name: 10-b.sh, when: 'os = '}]", "template.yaml:3:33", "is no condition", ""},
		{least + "scripts: [{name: 10-b.sh, when: 'os = a|'}]", "template.yaml:3:33", "compares with nothing", ""},
		{least + "scripts: [{name: 10-b.sh, when: {os: a}}]", "template.yaml:3:33", "a condition or a list", ""},
		{least + "scripts: [{name: 10-b.sh, when: db = postgre}]\nvariables: {db: {type: enum, values: [postgres, none], default: none}}", "template.yaml:3:33", `db is never "postgre"`, `"postgres"`},
		{least + "scripts: [{name: 10-b.sh, when: os}]\nvariables: {os: {}}", "template.yaml:3:33", "is a variable and a fact", "rename"},
		{least + "scripts: [{name: 10-b.sh, env: {PATH: /bin}}]", "template.yaml:3:33", `"PATH" would change how scripts are run`, "another name"},
		{least + "scripts: [{name: 10-b.sh, env: {a: x}}]\nvariables: {a: {}}", "template.yaml:3:33", `"a" is a variable of the template already`, "another name"},
		{least + "scripts: [{name: 10-b.sh, env: [x]}]", "template.yaml:3:32", "must be a mapping of names to values", ""},
		{least + "scripts: [{name: 10-b.sh, timeout: 2h}]", "template.yaml:3:36", "2h is not within", ""},
		{least + "scripts: [{name: 10-b.sh, user: 'a b'}]", "template.yaml:3:33", `"a b" will not do`, "name of a user"},
		{least + "files: [{source: app.conf}]", "template.yaml:3:9", "files[0].target is missing", "absolute path"},
		{least + "files: [{source: app.conf, target: /a, policy: replce}]", "template.yaml:3:48", `"replce" is not known`, `"replace"`},
		{least + "files: [{source: app.conf, target: /a, mode: 999}]", "template.yaml:3:46", "octal", "0644"},
		{least + "files: [{source: app.conf, target: /a, owner: 'a b'}]", "template.yaml:3:47", "will not do", "user:group"},
		{least + "files: [{source: app.conf, target: /a}, {source: app.conf, target: /a}]", "template.yaml:3:68", "/a is the target of files/app.conf too", ""},
		{least + "files: [{source: app.conf, target: /a}, {source: app.conf, target: /a/b}]", "template.yaml:3:68", "cannot both be", ""},
		{least + "files: [{source: app.conf, target: /a/b/c}, {source: app.conf, target: /a}]", "template.yaml:3:72", "cannot both be", ""},
		{least + "files: [{source: bin, target: /a, template: true}]", "files/bin", "cannot be filled in", "template: true"},
		{least + "scripts: [20-b.sh]", "template.yaml:3:11", "there is no scripts/20-b.sh", `"10-b.sh"`},
		{least + "scripts: [10-b.sh, scripts/10-b.sh]", "template.yaml:3:20", "listed twice", ""},
		{least + "scripts: [{name: 10-b.sh, enabld: true}]", "template.yaml:3:27", "unknown key", `"enabled"`},
		{least + "scripts: [{enabled: true}]", "template.yaml:3:11", "scripts[0].name is missing", ""},
		{least + "services: [{name: a, port: 80, ports: [81]}]", "template.yaml:3:39", "either port or ports", "remove"},
		{least + "services: [{name: a, ports: [80, 0]}]", "template.yaml:3:34", "must be a port", "1..65535"},
		{least + "services: [{name: a, ports: [80, '${x}']}]", "template.yaml:3:34", `there is no variable "x"`, "declare"},
		{least + "credentials: [{service: a, keys: []}]", "template.yaml:3:34", "it is empty", "PASSWORD"},
		{least + "credentials: [{service: a}]", "template.yaml:3:15", "credentials[0].keys is missing", "PASSWORD"},
		{least + "credentials: [{service: a, keys: [A B]}]", "template.yaml:3:35", `"A B" will not do`, ""},
		{least + "credentials: [{service: a, keys: [A]}, {service: a, keys: [B]}]", "template.yaml:3:50", `"a" is promised twice`, ""},
		{least + "variables: {key: {generate: true}}\nnotes: use ${key}", "template.yaml:4:8", "${key} is secret", "--reveal"},
		{least + "variables: {domain: {}}\nnotes: at ${domian}", "template.yaml:4:8", `there is no variable "domian"`, "${domain}"},
		{least + "notes: \"at ${addres}, not $${addres} or ${address}\"", "template.yaml:3:8", `there is no variable "addres"`, "declare"},
		{least + "services: [{port: 80}]", "template.yaml:3:12", "services[0].name is missing", ""},
		{least + "services: [{name: a, port: 0}]", "template.yaml:3:28", "must be a port", "1..65535"},
		{least + "services: [{name: a, port: '${x}'}]", "template.yaml:3:28", `there is no variable "x"`, "declare"},
		{least + "variables: {prt: {type: string}}\nservices: [{name: a, port: '${prt}'}]", "template.yaml:4:28", "is of type string", "type: port"},
		{least + "variables: {prt: {type: int, default: 70000}}\nservices: [{name: a, port: '${prt}'}]", "template.yaml:3:39", "70000 is no port", "1..65535"},
		{least + "services: [{name: a, http: health}]", "template.yaml:3:28", "not a path", "/health"},
		{least + "services: [{name: a, protocol: udp, http: /}]", "template.yaml:3:32", "udp", ""},
		{least + "services: [{name: a, protocol: tpc}]", "template.yaml:3:32", "not known", `"tcp"`},
		{least + "services: [{name: a, timeout: soon}]", "template.yaml:3:31", "must be a time", "90s"},
		{least + "services: [{name: a, timeout: 2h}]", "template.yaml:3:31", "2h is not within", ""},
		{least + "services: [{name: a}, {name: a}]", "template.yaml:3:30", "declared twice", ""},
		{least + "syncOnboot: true", "template.yaml:3:1", "unknown key", `"syncOnBoot"`},
		{least + "x: &x [*x]", "template.yaml:3:1", "unknown key", ""},
		{least + "tags: &x [*x]", "template.yaml:3:11", "must be text, not a list", ""},
	} {
		_, err := Load(folder("template.yaml", c.text, "files/app.conf", "x", "files/bin", "a\x00b", "scripts/10-b.sh", "x"), "web")
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		p := e.Problems[0]
		if !strings.HasPrefix(p.Where(), c.where) || !strings.Contains(p.Message, c.want) || !strings.Contains(p.Suggestion, c.suggestion) {
			t.Errorf("%q:\n got  %s\n want %s %q %q", c.text, p, c.where, c.want, c.suggestion)
		}
		if len(e.Problems) > 1 && !strings.Contains(c.text, "yaml") {
			t.Errorf("%q: one slip, several problems: %v", c.text, e.Problems)
		}
	}
}

// All problems are reported, in the order of the file.
func TestAllProblems(t *testing.T) {
	_, err := Load(folder("template.yaml", "name: web\nfoo: 1\nresources: {cores: 0, memory: x}\nscripts: [no.sh]\n", "packages/a.apt", "ok\nnot ok\n", "packages/b.custom", "x|y"), "web")
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var where []string
	for _, p := range e.Problems {
		where = append(where, p.Where())
	}
	want := "template.yaml:1:1 template.yaml:2:1 template.yaml:3:20 template.yaml:3:31 template.yaml:4:11 packages/a.apt:2:1 packages/b.custom:1:1"
	if strings.Join(where, " ") != want {
		t.Errorf("problems at %v", where)
	}
	if !strings.Contains(err.Error(), "cannot use template web: 7 problems\n  template.yaml:1:1: os is missing (") {
		t.Errorf("text %s", err)
	}
}

func TestNoTemplate(t *testing.T) {
	_, err := Load(folder("template.yml", least), "web")
	if err == nil || !strings.Contains(err.Error(), "rename template.yml to template.yaml") {
		t.Errorf("err = %v", err)
	}
}

func TestGoodYAML(t *testing.T) {
	for _, text := range []string{
		"---\n" + least, "\xef\xbb\xbf" + least, strings.ReplaceAll(least, "\n", "\r\n"), `{"name": "web", "os": "debian-12", "tags": []}`,
		least + "tags:\nresources:\nvariables: {a: }\nfiles: []\nscripts: []\nservices:\n",
		"name: web\nos: &os debian-12\ndescription: *os\n",
		"name: web\nos: [oci:nginx:1.29, 'oci:localhost:5000/a/b@sha256:" + strings.Repeat("0a", 32) + "', debian-12]\nostype: unmanaged\n",
		least + "variables:\n  a: &v {type: int, default: 1}\n  b: {<<: *v, default: 2}\n  c: *v\n",
	} {
		if _, err := Load(folder("template.yaml", text), "web"); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	tm := mustLoad(t, folder("template.yaml", least+"variables:\n  z: &v {type: int, default: 1}\n  a: {<<: [*v], default: 2}\n"))
	if v := tm.Variables; len(v) != 2 || v[0].Name != "z" || v[1].Type != "int" || v[1].Default != "2" {
		t.Errorf("%+v", v)
	}
	tm = mustLoad(t, folder("template.yaml", least+"scripts: []\n", "scripts/1-a.sh", ""))
	if len(tm.Scripts) != 0 {
		t.Error("an empty list runs scripts")
	}
}

// A few hundred bytes of aliases expand to billions of nodes.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString(least + "tags: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&b, "k%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	b.WriteString("features: {mount: *a19}\n")
	if _, err := Load(folder("template.yaml", b.String()), "web"); err == nil {
		t.Error("no error")
	}
	merge := least + "variables:\n  m0: &m0 {type: int}\n"
	for i := 1; i < 30; i++ {
		merge += fmt.Sprintf("  m%d: &m%d {<<: [*m%d, *m%d, *m%d]}\n", i, i, i-1, i-1, i-1)
	}
	if _, err := Load(folder("template.yaml", merge), "web"); err == nil {
		t.Error("no error for merges")
	}
	if _, err := Load(folder("template.yaml", least+"tags: "+strings.Repeat("[", 5000)), "web"); err == nil {
		t.Error("no error for depth")
	}
	if _, err := Load(folder("template.yaml", least+"#"+strings.Repeat("x", maxDocument)), "web"); err == nil {
		t.Error("no error for size")
	}
}

func TestWarnings(t *testing.T) {
	tm := mustLoad(t, folder("template.yaml", least+"variables: {http_port: {default: 1}, pw: {secret: true, default: x}}\nfiles: [{source: a, target: /a, template: true}]\nscripts: [1-a.sh]\n",
		"files/a", "x\n${htp_port} ${HOME} $${http_prt}\n", "files/left", "", "scripts/1-a.sh", "", "scripts/2-b.sh", "", "packages/list.txt", ""))
	var got []string
	for _, w := range tm.Warnings {
		got = append(got, w.Where())
	}
	if want := "template.yaml:3:38 packages/list.txt scripts/2-b.sh files/a:2:1 files/left"; strings.Join(got, " ") != want {
		t.Errorf("warnings %v", tm.Warnings)
	}
}

// Things that create accepts but that will fail in the guest are reported as doubts, with
// their positions.
func TestDoubts(t *testing.T) {
	const files = "variables: {domain: {default: x}, db_name: {default: x}}\nfiles: [{source: a, target: /a, mode: 0755, template: true}]\n"
	for _, c := range []struct{ name, content, where, want string }{
		{"scripts/1-a.sh", "#!/bin/sh\r\necho a\r\necho b\n", "scripts/1-a.sh:1:10", "interpreter"},
		{"scripts/1-a.sh", "\xef\xbb\xbf#!/bin/sh\r\necho a\n", "scripts/1-a.sh:1:13", "interpreter"},
		{"scripts/1-a.sh", "#!/bin/sh\necho a\r\necho b\n", "scripts/1-a.sh:2:7", "1 of its 3 lines"},
		{"scripts/1-a.sh", "echo a\r\necho b\r\n", "", ""}, // line ends become LF before it runs
		{"scripts/1-a.sh", "printf 'a\rb'\n", "", ""},
		{"files/a", "#!/bin/sh\r\necho\r\n", "files/a:1:10", "interpreter"},
		{"files/a", "a\r\nb\n", "files/a:1:2", "1 of its 2 lines"},
		{"files/a", "ok\n  ${domian} x\n", "files/a:2:3", "${domain}"},
		{"files/a", "${db_nam}", "files/a:1:1", "write $${db_nam}"},
		{"files/a", "$${domian} $${domain} ${domain} ${HOME} ${host} ${do} ${domain:-x}\n", "", ""},
	} {
		tm := mustLoad(t, folder("template.yaml", least+files, "files/a", "", "scripts/1-a.sh", "", c.name, c.content))
		where, said := "", ""
		for _, w := range tm.Warnings {
			if w.Doubt {
				where, said = where+w.Where(), w.String()
			}
		}
		if where != c.where || !strings.Contains(said, c.want) {
			t.Errorf("%s %q: %s, wanted %s %s", c.name, c.content, said, c.where, c.want)
		}
	}
}

// Line ends are found in whatever chunks a file is read.
func TestEndsInPieces(t *testing.T) {
	for _, text := range []string{"#!/bin/sh\r\na\n", "a\r\n\r\nb\n", "\r\n", "a\rb\n", "\n\r\n", "a\x00\r\n\n"} {
		var whole, pieces ends
		whole.Write([]byte(text))
		for i := range len(text) {
			pieces.Write([]byte{text[i]})
		}
		if whole.mixed() != pieces.mixed() || whole.badShebang() != pieces.badShebang() || whole.firstCR != pieces.firstCR || whole.crCol != pieces.crCol {
			t.Errorf("%q: %+v and %+v", text, whole, pieces)
		}
	}
}

func TestHugeScript(t *testing.T) {
	m := folder("template.yaml", least)
	m["scripts/1-a.sh"] = &fstest.MapFile{Data: make([]byte, maxScript+1)}
	if _, err := Load(m, "web"); err == nil || !strings.Contains(err.Error(), "scripts/1-a.sh: is larger than") {
		t.Errorf("err = %v", err)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(full)
	f.Add(least + "a: &a {<<: *a}")
	f.Add("tags: &x [*x]")
	f.Add("? {a: b}\n: c")
	f.Add(least + "variables: {a: {default: [1]}}")
	f.Fuzz(func(t *testing.T, text string) {
		m := fullFolder()
		m["template.yaml"] = &fstest.MapFile{Data: []byte(text)}
		tm, err := Load(m, "web")
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || len(e.Problems) == 0 || e.Problems[0].Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, file := range tm.Files {
			if !strings.HasPrefix(file.Target, "/") || strings.Contains(file.Target+"/", "/../") || strings.HasPrefix(file.Target, "/proc/") {
				t.Fatalf("target %q", file.Target)
			}
		}
		v, err := tm.Resolve(nil, &Maker{Random: func(n int, _ bool) string { return strings.Repeat("x", n) }})
		if err != nil {
			return
		}
		for _, e := range v.Env() {
			if strings.HasPrefix(e, "PATH=") || strings.HasPrefix(e, "LD_") || strings.HasPrefix(e, "=") {
				t.Fatalf("environment %q", e)
			}
		}
	})
}
