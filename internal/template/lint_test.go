package template

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestReviewHasNoFalseAlarms: nothing is said of what may well be meant.
func TestReviewHasNoFalseAlarms(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a variable that a program reads from its environment": {
			"template.yaml": "variables: {token: {default: x}, host: {default: y}}\nfiles: [{source: app.py, target: /opt/app.py}]",
			"files/app.py":  "import os\nprint(os.environ['token'], os.environ['INFRAHAUS_VAR_HOST'])\n",
		},
		"variables that the script sets in many ways": {
			"scripts/10-a.sh": "#!/bin/bash\nset -u\nfor x in a; do echo \"$x\"; done\nread -r line </etc/hosts\necho \"$line ${maybe:-} ${other:+x} $PATH $CONTAINER_USER\"\n" +
				"f() { local in=$1; echo \"$in\"; }\nwhile getopts ab opt; do echo \"$opt\"; done\nprintf -v out %s x\necho \"$out\"\nmapfile -t all </etc/hosts\necho \"${all[@]}\"\n((n = 1))\necho \"$n\"\nawk '{print $NF, $foo}' /etc/hosts\n",
		},
		"variables in a condition and an environment": {
			"template.yaml":   "variables: {db: {type: enum, values: [none, sqlite], default: none}, level: {default: '1'}}\nscripts: [{name: 10-a.sh, when: db = sqlite, env: {depth: '${level}'}}]",
			"scripts/10-a.sh": "#!/bin/sh\necho \"$depth\"\n",
		},
		"a script that reads another": {"scripts/10-a.sh": "#!/bin/sh\n. /etc/os-release\necho \"$pretty\"\n"},
		"the halves of a key": {
			"template.yaml":   "variables: {deploy: {generate: ssh-key}}",
			"scripts/10-a.sh": "#!/bin/sh\necho \"$deploy_pub\" >/etc/key.pub\n",
		},
		"versions as the managers have them": {
			"template.yaml": "packages:\n  apt: [nginx=1.22.1-9+deb12u1~bpo1, 'libc6:amd64', 'nginx=1.22.*', git/bookworm-backports]\n  npm: ['@scope/Pkg@1.2.3', pm2@latest]\n  pip: [gunicorn==22.0.0, 'uvicorn>=0.2,<1', 'celery[redis]', 'x~=1.0']",
		},
		"lists for several systems":            {"template.yaml": "packages: {apt: [nginx], apk: [nginx]}"},
		"an owner that a package makes":        {"template.yaml": "packages: {apt: [postgresql]}\nfiles: [{source: a, target: /etc/a, owner: postgres}]", "files/a": "a\n"},
		"an owner of the base system":          {"template.yaml": "files: [{source: a, target: /etc/a, owner: 'www-data:adm'}, {source: a, target: /home/shared/a, owner: '0'}]", "files/a": "a\n"},
		"an owner that a script makes":         {"template.yaml": "files: [{source: a, target: /home/coder/a}]", "files/a": "a\n", "scripts/10-a.sh": "#!/bin/sh\nuseradd -m coder\n"},
		"an owner that a script may make":      {"template.yaml": "files: [{source: a, target: /home/coder/a}]", "files/a": "a\n", "scripts/10-a.sh": "#!/bin/sh\nfor u in coder; do useradd -m \"$u\"; done\n"},
		"a service whose unit is shipped":      {"template.yaml": "files: [{source: a, target: /etc/systemd/system/app.service}]\nservices: [{name: app}]", "files/a": "[Service]\nExecStart=/bin/true\n"},
		"a service of the base system":         {"template.yaml": "services: [{name: ssh, port: 22}]"},
		"a readme among the scripts":           {"scripts/README.md": "x\n", "scripts/.gitkeep": ""},
		"scripts that are listed in any order": {"template.yaml": "scripts: [10-b.sh, 10-a.sh]", "scripts/10-a.sh": "#!/bin/sh\n:\n", "scripts/10-b.sh": "#!/bin/sh\n:\n"},
		"a shell script among the files that has a variable of the same name": {
			"template.yaml": "variables: {port: {default: '1'}}\nfiles: [{source: run.sh, target: /opt/run.sh}]", "files/run.sh": "#!/bin/sh\nport=2\necho ${port}\n",
		},
	} {
		fsys := fstest.MapFS{}
		for file, content := range files {
			fsys[file] = &fstest.MapFile{Data: []byte(content)}
		}
		fsys["template.yaml"] = &fstest.MapFile{Data: []byte("name: web\nos: debian-12\n" + files["template.yaml"] + "\n")}
		tpl, err := Load(fsys, "web")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if problems, warnings := Diagnose(tpl, nil); len(problems)+len(warnings) > 0 {
			t.Errorf("%s: %v %v", name, problems, warnings)
		}
	}
}

func TestSizes(t *testing.T) {
	tpl := &Template{DiskGiB: 1, Files: []File{{Source: "files/a", Size: 600 << 20}, {Source: "files/b", Size: 600 << 20}}}
	c := &lint{t: tpl, d: newDecoder(yamlFile)}
	c.sizes()
	if len(c.found) != 3 || !c.found[0].Doubt || !strings.Contains(c.found[0].String(), "the files take 1200 MiB, and the disk has 1 GiB") ||
		!strings.Contains(c.found[1].String(), "600 MiB") {
		t.Errorf("%v", c.found)
	}
}
