package template

import (
	"strings"
	"testing"
)

// TestAuthorsAreUnderstood: a word or shape of another tool is answered with that of
// template.yaml.
func TestAuthorsAreUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"resources: {disk: 10G}":                                 "resources.disk: it must be a whole number, not \"10G\" (in GiB, without a unit: 10)",
		"resources: {memory: 2GB}":                               "(in MiB, without a unit: 2048)",
		"resources: {swap: 1 TiB}":                               "(in MiB, without a unit: 1048576)",
		"resources: {disk: 512M}":                                "(in GiB, without a unit)",
		"resources: {cores: two}":                                "(write it without quotes and units)",
		"resources: {ram: 1}":                                    "did you mean \"memory\"?",
		"variables: {domain: git.example.org}":                   "({default: git.example.org})",
		"variables: {admin-password: {secret: true}}":            "(choose another name, such as admin_password)",
		"variables: {PATH: {}}":                                  "(choose another name, such as app_path)",
		"variables: {a: {type: integer}}":                        "did you mean \"int\"?",
		"variables: {a: {type: enum, options: [a], default: a}}": "did you mean \"values\"?",
		"packages: {apt: 'git, sqlite3'}":                        "(write it as a list: [git, sqlite3])",
		"packages: {apt: {git: 1}}":                              "(write it as a list: [a, b])",
		"scripts: 10-a.sh":                                       "(write it as a list: [10-a.sh])",
		"services: [postgresql]":                                 "({name: postgresql})",
		"features: [nesting, keyctl]":                            "({nesting: true, keyctl: true})",
		"network: {dns: 1.1.1.1}":                                "did you mean \"nameservers\"?",
		"files: [{src: a, dest: /etc/a}]":                        "did you mean \"source\"?",
		"onboot: yes":                                            "(write true)",
		"onboot: 'off'":                                          "(write false)",
		"repositories: [{name: x, url: 'https://e/x'}]":          "did you mean \"uris\"?",
		"scripts: [{name: 10-a.sh, when: os == alpine}]":         "(such as os = alpine)",
	} {
		_, err := Load(folder("template.yaml", "name: x\nos: debian-12\n"+text+"\n", "scripts/10-a.sh", "#!/bin/sh\n"), "x")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v\nwant %s", text, err, want)
		}
	}
	_, err := Load(folder("template.yaml", "name: x\nos: debian-12\nmounts: [{size: 1}]\n"), "x")
	if err == nil || strings.Count(err.Error(), "mounts[0].path") != 1 {
		t.Errorf("one fault is said more than once: %v", err)
	}
}
