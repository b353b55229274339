package template

import (
	"fmt"
	"strings"
	"testing"
)

// TestOriginFormat has a row for each rule and trap of the original's format, in the words of
// what is known of it.
func TestOriginFormat(t *testing.T) {
	const dir = "container-configs/"
	spec := func(tm *Template) string {
		s := tm.Spec()
		return fmt.Sprintf("%s %d %d %d %t %t %t %t", s.OSTemplate, s.Cores, s.MemoryMiB, s.DiskGiB, s.Unprivileged, s.Features.Nesting, s.Features.Keyctl, s.Features.Fuse)
	}
	files := func(tm *Template) string {
		var out []string
		for _, f := range tm.Files {
			out = append(out, f.Target+" "+string(f.Policy))
		}
		return strings.Join(out, ", ")
	}
	scripts := func(tm *Template) string {
		var out []string
		for _, s := range tm.Scripts {
			out = append(out, s.Name)
		}
		return strings.Join(out, " ")
	}
	packages := func(manager string) func(*Template) string {
		return func(tm *Template) string { return strings.Join(tm.Packages.Names[manager], " ") }
	}
	custom := func(tm *Template) string {
		var out []string
		for _, c := range tm.Packages.Custom {
			out = append(out, fmt.Sprintf("%s|%s|%s|%d", c.Name, c.Check, c.Install, c.Seconds()))
		}
		return strings.Join(out, "\n")
	}
	warned := func(tm *Template) string {
		var out []string
		for _, w := range tm.Warnings {
			out = append(out, strings.TrimPrefix(w.Where(), dir))
		}
		return strings.Join(out, " ")
	}
	for _, r := range []struct {
		origin string
		files  []string // name, text, …
		got    func(*Template) string
		want   string
	}{
		{"defaults: CPU(1), RAM(512 MB), DISK(8 GB), OS(debian), VERSION(12), UNPRIVILEGED(1), NESTING(0), KEYCTL(0), FUSE(0)", []string{"template.conf", ""}, spec, "debian-12-standard 1 512 8 true false false false"},
		{"value ${VAR:-default} -> default", []string{"template.conf", "TEMPLATE_CPU=${TEMPLATE_CPU:-4}\nTEMPLATE_RAM=\"${X:-1024}\"\n"}, spec, "debian-12-standard 4 1024 8 true false false false"},
		{"one pair of quotes stripped", []string{"template.conf", "TEMPLATE_OS='ubuntu'\nTEMPLATE_VERSION=\"24.04\"\n"}, spec, "ubuntu-24.04-standard 1 512 8 true false false false"},
		{"trailing comments break it: mis-reads web3-dev as privileged", []string{"template.conf", `TEMPLATE_UNPRIVILEGED="${TEMPLATE_UNPRIVILEGED:-1}"  # 1 = unprivileged`}, spec, "debian-12-standard 1 512 8 true false false false"},
		{"keyctl and fuse are parsed from the template but never sent", []string{"template.conf", "TEMPLATE_NESTING=1\nTEMPLATE_KEYCTL=1\nTEMPLATE_FUSE=1\n"}, spec, "debian-12-standard 1 512 8 true true true true"},
		{"TEMPLATE_TAGS (;-split)", []string{"template.conf", "TEMPLATE_TAGS='web3; dev;;x y'"}, func(tm *Template) string { return strings.Join(tm.Tags, ",") }, "web3,dev"},
		{"TEMPLATE_APP (def dir name)", []string{"template.conf", "TEMPLATE_APP='Web 3'"}, func(tm *Template) string { return tm.Name }, "folder"},
		{"TEMPLATE_CONFIG_PATH", []string{"template.conf", "TEMPLATE_CONFIG_PATH=infra/x"}, func(tm *Template) string { return tm.ConfigPath }, "infra/x"},
		{"CONFIG_PATH=<template.path|name|scratch>: an absolute path never matches a repo subdir", []string{"template.conf", ""}, func(tm *Template) string { return tm.ConfigPath }, "folder"},
		{"osTemplate = OS-VERSION-standard; Proxmox has -default for Alpine", []string{"template.conf", "TEMPLATE_OS=alpine\nTEMPLATE_VERSION=3.22\n"}, spec, "alpine-3.22 1 512 8 true false false false"},

		{"*.sh with ^(\\d+)-(.*)$ only; numeric sort; LC_ALL=C sort", []string{"template.conf", "", dir + "scripts/10-b.sh", "", dir + "scripts/9-a.sh", "", dir + "scripts/lib.sh", "", dir + "scripts/010-c.sh", ""}, scripts, "9-a.sh 010-c.sh 10-b.sh"},
		{"numbered NN_*.sh (underscore)", []string{"template.conf", "", dir + "scripts/01_a.sh", ""}, scripts, "01_a.sh"},
		{"every *.sh (depth 1)", []string{"template.conf", "", dir + "scripts/sub/10-x.sh", "", dir + "scripts/10-y.sh", ""}, scripts, "10-y.sh"},

		{".path trimmed; all whitespace removed", []string{"template.conf", "", dir + "files/a", "x", dir + "files/a.path", " /etc/a pp \n/else"}, files, "/etc/app/a default"},
		{"missing .path -> warn, skip", []string{"template.conf", "", dir + "files/a", "x"}, warned, "files/a"},
		{"missing .policy -> default", []string{"template.conf", "", dir + "files/a", "x", dir + "files/a.path", "/etc"}, files, "/etc/a default"},
		{"unknown policy -> error, skip; the dashboard replaces", []string{"template.conf", "", dir + "files/a", "x", dir + "files/a.path", "/etc", dir + "files/a.policy", "merge"}, files, "/etc/a default"},
		{"unknown policy is said", []string{"template.conf", "", dir + "files/a", "x", dir + "files/a.path", "/etc", dir + "files/a.policy", "merge"}, warned, "files/a.policy:1:1"},
		{"policies: replace, default, backup", []string{"template.conf", "", dir + "files/a", "x", dir + "files/a.path", "/etc", dir + "files/a.policy", "replace\n", dir + "files/b", "x", dir + "files/b.path", "/etc", dir + "files/b.policy", "backup"}, files, "/etc/a replace, /etc/b backup"},
		{"glob * skips dotfiles (though its README shows .bashrc)", []string{"template.conf", "", dir + "files/.bashrc", "x", dir + "files/.bashrc.path", "/root"}, files, "/root/.bashrc default"},
		{"README.md in files/ counts as an error on every sync; .gitkeep", []string{"template.conf", "", dir + "files/README.md", "x", dir + "files/.gitkeep", ""}, warned, ""},
		{"scripts in files/ keep +x", []string{"template.conf", "", dir + "files/x", "#!/bin/sh\n", dir + "files/x.path", "/usr/local/bin"}, func(tm *Template) string { return tm.Files[0].Mode.String() }, "-rw-r--r--"},

		{"one per line, # comments", []string{"template.conf", "", dir + "packages/base.apt", "# all\ngit # vcs\n\nrsync\n"}, packages("apt"), "git rsync"},
		{"valid chars, else warn+skip", []string{"template.conf", "", dir + "packages/base.apt", "good\nb;ad\n"}, packages("apt"), "good"},
		{"pkg[extra], != and comma ranges are rejected although CONFIGURATION.md documents them", []string{"template.conf", "", dir + "packages/x.pip", "a[b]\nc!=1\nd>=2,<3\ne~=1\n"}, packages("pip"), "a[b] c!=1 d>=2,<3 e~=1"},
		{"npm ^5 is rejected", []string{"template.conf", "", dir + "packages/x.npm", "typescript@^5\n@scope/x@1\n"}, packages("npm"), "typescript@^5 @scope/x@1"},
		{".apt .npm .pip only: .apk and .dnf too", []string{"template.conf", "TEMPLATE_OS=alpine\nTEMPLATE_VERSION=3.22", dir + "packages/x.apk", "jq=1.2-r0\n", dir + "packages/x.dnf", "jq-1.7\n"}, func(tm *Template) string { return packages("apk")(tm) + " " + packages("dnf")(tm) }, "jq=1.2-r0 jq-1.7"},
		{"base.apt of two lists overwrite one another", []string{"template.conf", "", dir + "packages/base.apt", "a\n", dir + "packages/base.npm", "b\n", dir + "packages/more.apt", "a\nc\n"}, func(tm *Template) string { return packages("apt")(tm) + " " + packages("npm")(tm) }, "a c b"},
		{"name|check|install[|timeout]; default 300 s", []string{"template.conf", "", dir + "packages/x.custom", "# a tool\nt|command -v t|make t\nu|test -e /u|make u|60\n"}, custom, "t|command -v t|make t|300\nu|test -e /u|make u|60"},
		{"every documented curl … | bash example is rejected: 4 pipes", []string{"template.conf", "", dir + "packages/x.custom", "t|command -v t|curl -L https://t | bash|60\n"}, custom, "t|command -v t|curl -L https://t | bash|60"},
		{"3 pipes with timeout=\" bash\"", []string{"template.conf", "", dir + "packages/x.custom", "t|command -v t|curl -L https://t | bash\n"}, custom, "t|command -v t|curl -L https://t | bash|300"},
	} {
		tm, err := Load(folder(r.files...), "folder")
		if err != nil {
			t.Errorf("%s: %v", r.origin, err)
			continue
		}
		if got := r.got(tm); got != r.want {
			t.Errorf("%s: %q, want %q", r.origin, got, r.want)
		}
	}
}
