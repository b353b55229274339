package templates_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/templates"
)

var update = flag.Bool("update", false, "write docs/catalogue.md again")

// groups are the headings of the page, each with the tag of its templates.
var groups = []struct{ tag, title string }{
	{"hello", "To begin with"},
	{"web", "Web servers and programs"},
	{"database", "Databases"},
	{"messages", "Messages"},
	{"docker", "Containers in a container"},
	{"development", "Development"},
	{"files", "Files"},
	{"network", "Network"},
	{"monitoring", "Monitoring"},
	{"", "The parent"},
}

// TestCataloguePage compares docs/catalogue.md with the built-in templates.
func TestCataloguePage(t *testing.T) {
	const path = "../docs/catalogue.md"
	want := page(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the templates say: make docs (%v)", path, err)
	}
}

// TestEveryTemplateIsTested: the catalogue is worth as much as the tests of its templates.
func TestEveryTemplateIsTested(t *testing.T) {
	for _, tpl := range builtIn(t) {
		if found, _ := fs.Glob(templates.FS, tpl.Name+"/tests/*.sh"); len(found) == 0 {
			t.Errorf("%s has no tests", tpl.Name)
		}
		if tpl.Description == "" || len(tpl.Description) > 110 {
			t.Errorf("%s: its description has %d letters", tpl.Name, len(tpl.Description))
		}
		if !tpl.Features.Nesting {
			t.Errorf("%s has no nesting, which systemd needs: Proxmox VE 9 warns of it", tpl.Name)
		}
		for _, v := range tpl.Variables {
			if v.Secret && !v.Generate.Any() {
				t.Errorf("%s: %s has a value for everybody, or none", tpl.Name, v.Name)
			}
			if v.Description == "" {
				t.Errorf("%s: %s is not described", tpl.Name, v.Name)
			}
		}
		if text, err := fs.ReadFile(templates.FS, tpl.Name+"/template.yaml"); err != nil || strings.Count(string(text), "\n") > 45 {
			t.Errorf("%s: its template.yaml is more than a screenful", tpl.Name)
		}
	}
}

func builtIn(t *testing.T) []*template.Template {
	t.Helper()
	sources := []template.Source{{Name: "built-in", FS: templates.FS}}
	var all []*template.Template
	for _, e := range template.List(sources) {
		tpl, err := template.Find(e.Name, sources)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tpl)
	}
	return all
}

func page(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# The built-in templates

` + "`infrahaus create web --template caddy`" + ` makes a container of one; ` + "`--set NAME=VALUE`" + ` sets what the
table names, and ` + "`infrahaus template show caddy`" + ` shows all. ` + "`infrahaus template copy caddy`" + `
gives you a copy to change, and ` + "`infrahaus template list --tag database`" + ` those of one kind.

They install packages of Debian alone. Passwords are made at random for each container
and sealed in the catalogue. Where a service listens is said by a variable; with ` + "`0.0.0.0`" + ` it is
every IPv4 address, with ` + "`127.0.0.1`" + ` the container alone. All but hello, docker, nginx and
postgresql extend debian-base, which installs security updates by itself.

Each has been made and tested in a real Debian 12 guest
(` + "`infrahaus template test --driver lxc`" + `, [ci.md](ci.md)), but for the tunnel of wireguard: the
kernel there has no wireguard, so its keys, settings and credentials were tested alone. On a kernel
that has it, the template's test sends a packet through the tunnel. In the sandbox's virtual guests,
which know few packages, hello, docker, nginx and postgresql work.
`)
	left := builtIn(t)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| template | makes | settings, with what they are by default |\n|---|---|---|\n", g.title)
		left = slices.DeleteFunc(left, func(tpl *template.Template) bool {
			if g.tag != "" && !slices.Contains(tpl.Tags, g.tag) {
				return false
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", tpl.Name, tpl.Description, settings(tpl))
			return true
		})
	}
	if len(left) > 0 {
		t.Errorf("%s belongs to no group", left[0].Name)
	}
	return b.String()
}

// settings are a template's variables in one cell of a table.
func settings(tpl *template.Template) string {
	var all []string
	for _, v := range tpl.Variables {
		if v.From != "" {
			continue
		}
		text := "`" + v.Name + "`"
		switch {
		case v.Generate.Any():
			text += " (made at random)"
		case v.Default != "":
			text += " " + strings.ReplaceAll(v.Default, "|", `\|`)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}
