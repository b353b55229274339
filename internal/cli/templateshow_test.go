package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// A template is readable in a narrow window and in a wide one: no line is wider, and no value
// is cut.
func TestShowFits(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"base/template.yaml": "name: base\nos: debian-12\nresources: {memory: 1024}\nfeatures: {nesting: true}\ntags: [red]\n",
		"app/template.yaml": `name: app
extends: ../base
description: A page, a database, and what keeps both of them running until the morning comes
variables:
  title: {default: Hello, description: The heading of the page}
packages: {apt: [nginx-light]}
files: [{target: /etc/nginx/conf.d/a-long-name-of-a-site.example.org.conf, content: x}]
`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tpl, err := template.LoadDir(filepath.Join(dir, "app"))
	if err != nil {
		t.Fatal(err)
	}
	tpl.Path = "/srv/templates/app"
	values, err := tpl.ResolvedValues(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{60, 120} {
		var out bytes.Buffer
		s := &ui.Streams{Out: &out, OutTTY: true, Size: func() (int, int) { return width, 30 }}
		if err := ui.WriteTable(s, fieldTable(templateFields(tpl, values, variableOptions{}))); err != nil {
			t.Fatal(err)
		}
		got := ansi.Strip(out.String())
		for line := range strings.Lines(got) {
			if ansi.StringWidth(strings.TrimRight(line, "\n")) > width {
				t.Errorf("wider than %d: %s", width, line)
			}
		}
		file := filepath.Join("../../testdata/screens", fmt.Sprintf("template-show-%d.txt", width))
		if flag.Lookup("golden").Value.String() == "true" {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("at %d columns:\n%s\nwant:\n%s", width, got, want)
		}
	}
}
