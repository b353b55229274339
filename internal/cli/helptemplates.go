package cli

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/template"
)

// templateExample is a whole template.yaml; a test loads it.
const templateExample = `name: blog
os: debian-12
resources: {cores: 2, memory: 1024, disk: 8}
variables:
  domain: {required: true, pattern: '[a-z0-9.-]+'}
  admin_password: {secret: true, generate: password}
packages: {apt: [nginx]}
files:
  - {source: site.conf, target: /etc/nginx/conf.d/site.conf, policy: backup, template: true}
services:
  - {name: nginx, port: 80, http: /}
`

func templatesTopic() Topic {
	fields := part{title: "Fields", text: "NAME stands for a name of yours, [] for each entry of a list. An unknown field is an error with its line. `infrahaus template schema` prints the same as JSON Schema, for editors."}
	for _, f := range template.Fields() {
		text := f.Text
		if f.Required {
			text += " Required."
		}
		if f.Words != nil {
			text += " One of " + orWords(f.Words) + "."
		}
		if f.Range != "" {
			text += " Within " + f.Range + "."
		}
		example := ""
		if f.Example != "" {
			last := f.Path[strings.LastIndexByte(f.Path, '.')+1:]
			example = strings.TrimSuffix(last, "[]") + ": " + f.Example
		}
		fields.terms = append(fields.terms, term{f.Path, text, example})
	}
	return Topic{Name: "templates", Short: "Templates: the folder and every field of template.yaml", parts: []part{
		{text: "A template is a folder with a `template.yaml`. The least that it needs is `name` and `os`. It is looked for as an address, as a path (`--template ./blog`), then in `~/.config/infrahaus/templates`, then in TEMPLATES_ROOT, then among those built in.\n\n" + indented(`template.yaml
files/                 what "files" puts into the container
scripts/10-name.sh     run in numeric order, once each
packages/web.apt       one package a line; also .apk .dnf .npm .pip .custom`) + "\n\nA complete one:\n\n" + indented(templateExample)},
		{title: "Commands", text: "`infrahaus template new NAME` writes a small working template with comments. `infrahaus template copy nginx` copies a built-in one. `infrahaus template validate ./blog` reports everything that is wrong, as FILE:LINE:COLUMN. `infrahaus create web --template ./blog --plan` shows what would happen."},
		{title: "Addresses", text: "A template may come from elsewhere: `git+https://HOST/REPO.git//DIR@REF`, `git+ssh://git@HOST/REPO.git//DIR@REF` or `git+file:///PATH//DIR@REF`, where REF is a branch, a tag or a whole commit and may be left out; or `https://HOST/FILE.tar.gz//DIR#sha256=SUM`, where DIR and SUM may be left out. A record keeps the commit or checksum: resume uses that content, and sync looks a branch, a tag or an archive without SUM up again. `infrahaus template lock ADDRESS` pins it in infrahaus.lock, in the current folder, and `--locked` refuses everything else. A token for the server is in INFRAHAUS_GIT_HOST and INFRAHAUS_GIT_TOKEN. What was fetched stays in ~/.cache/infrahaus/templates and is used where the server cannot be reached."},
		{title: "Variables in files", text: "In a file with `template: true`, `${domain}` is replaced by the variable's value. Any other `${…}` stays as it is. A literal `${domain}` is written `$${domain}`."},
		fields,
	}}
}

func helpersTopic() Topic {
	functions := part{title: "Functions", text: "They are loaded before scripts for sh, dash, ash and bash. Scripts in other languages find them in the file that $INFRAHAUS_HELPERS names."}
	for _, h := range configmanager.Helpers() {
		functions.terms = append(functions.terms, term{h.Name + " " + h.Usage, h.Text, h.Example})
	}
	variables := part{title: "Variables", text: "Beside the template's own: a variable `db_name` is `$db_name` and `$INFRAHAUS_VAR_DB_NAME`."}
	for _, v := range configmanager.ScriptVariables() {
		variables.terms = append(variables.terms, term{v.Name, v.Text, "" + v.Example})
	}
	return Topic{Name: "helpers", Short: "Setup scripts: helper functions and variables", parts: []part{
		{text: "A script of a template runs as root in the container, under its shebang (`sh` without one), in `/root`, with stdin from `/dev/null`. Its output is streamed and kept (`infrahaus logs`). It has failed if its exit status is not 0.\n\nA script runs detached: it goes on if the link drops, and is started at most once a try. `infrahaus resume` starts a new try of a script that failed, so write scripts that may run again. `infrahaus sync` runs scripts that are new or have changed.\n\n" + indented(`#!/bin/bash
set -e
ensure_installed postgresql
password=$(generate_password 24)
su postgres -c "psql -c \"CREATE ROLE $db_user LOGIN PASSWORD '$password'\""
save_credential postgresql PASSWORD "$password"`)},
		functions, variables,
	}}
}
