package fleet

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the published schema again")

const published = "../../templates/fleet.schema.json"

func TestPublishedSchema(t *testing.T) {
	if *update {
		if err := os.WriteFile(published, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(published)
	if err != nil || !bytes.Equal(got, Schema()) {
		t.Errorf("%s is not what the types say: make docs (%v)", published, err)
	}
}

// bySchema reports whether the schema takes a document.
func bySchema(t *testing.T, text string) error {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(doc) // numbers become those of JSON
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(plain, &doc); err != nil {
		t.Fatal(err)
	}
	return r.Validate(doc)
}

// An editor says the same as the tool.
func TestSchemaSaysWhatParseSays(t *testing.T) {
	const head = "name: shop\n"
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{head + "containers: {web: {os: d}}", true},
		{head + "defaults: {os: d}\ncontainers: {web: }", true},
		{head + "defaults: {os: d}\ncontainers: {web: {variables: {port: 8081, on: true}, cpulimit: 1.5}}", true},
		{head + "defaults: {template: nginx, console: shell}\ncontainers: {web: {count: 3, needs: [db]}, db: {memory: }}", true},
		{head + "defaults: \ncontainers: {'web%02d.lab.example.org': {image: 'registry.example.org/app:1', count: 2}}", true},
		{head + "parallel: 4\nperNode: 2\ncontainers: {web: {os: d, ctid: 100, firewall: true}}", true},
		{head + "containers: {web: {os: d, count: , ctid: 100}}", true},
		{"containers: {web: {os: d}}", false},
		{"name: \ncontainers: {web: {os: d}}", false},
		{"name: a b\ncontainers: {web: {os: d}}", false},
		{head, false},
		{head + "containers: ", false},
		{head + "containers: [web]", false},
		{head + "containers: {web: {}}", false},
		{head + "defaults: {memory: 512}\ncontainers: {web: {os: d}, db: {}}", false},
		{head + "containers: {web: {os: }}", false},
		{head + "containers: {web: {os: d, cpus: 2}}", false},
		{head + "color: red\ncontainers: {web: {os: d}}", false},
		{head + "parallel: 0\ncontainers: {web: {os: d}}", false},
		{head + "parallel: 257\ncontainers: {web: {os: d}}", false},
		{head + "containers: {web: {os: d, memory: 1.5}}", false},
		{head + "containers: {web: {os: d, memory: '512'}}", false},
		{head + "containers: {web: {os: d, memory: 8}}", false},
		{head + "containers: {web: {os: d, cpulimit: 8193.5}}", false},
		{head + "containers: {web: {os: d, firewall: 'yes'}}", false},
		{head + "containers: {web: {os: d, console: both}}", false},
		{head + "containers: {web: {os: d, tags: shop}}", false},
		{head + "containers: {web: {os: [d]}}", false},
		{head + "containers: {web: {os: d, count: 2, ctid: 100}}", false},
		{head + "containers: {web_1: {os: d}}", false},
		{head + "containers: {-web: {os: d}}", false},
		{head + "defaults: {os: d, count: 2}\ncontainers: {web: {}}", false},
		{head + "defaults: {os: d, needs: [db]}\ncontainers: {web: {}}", false},
	} {
		_, err := Parse("fleet.yaml", []byte(c.text))
		if (err == nil) != c.ok {
			t.Errorf("Parse of\n%s\nsays %v", c.text, err)
		}
		if err := bySchema(t, c.text); (err == nil) != c.ok {
			t.Errorf("the schema of\n%s\nsays %v", c.text, err)
		}
	}
}

// The schema takes every fleet file that the sessions and documents have and Parse takes.
func TestSchemaTakesWhatIsWritten(t *testing.T) {
	var texts []string
	sessions, err := filepath.Glob("../../testdata/script/fleet*.txtar")
	if err != nil || sessions == nil {
		t.Fatal(err)
	}
	for _, path := range sessions {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, ".yaml") && strings.Contains(string(f.Data), "\ncontainers:") {
				texts = append(texts, string(f.Data))
			}
		}
	}
	page, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)<!-- file: [^\n]*\n```yaml\n(.*?)```").FindAllSubmatch(page, -1) {
		texts = append(texts, string(m[1]))
	}
	texts = slices.DeleteFunc(texts, func(text string) bool { _, err := Parse("fleet.yaml", []byte(text)); return err != nil })
	if len(texts) < 5 {
		t.Errorf("only %d files", len(texts))
	}
	for _, text := range texts {
		if err := bySchema(t, text); err != nil {
			t.Errorf("the schema of\n%s\nsays %v", text, err)
		}
	}
}
