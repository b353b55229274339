package template

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFieldsAreDescribed fails for a field without a text, and for one without an example
// that create would accept.
func TestFieldsAreDescribed(t *testing.T) {
	for _, f := range Fields() {
		if f.Text == "" {
			t.Errorf("%s has no text", f.Path)
		}
		if f.Example == "" {
			if !slices.Contains(strings.Fields("resources features network variables packages packages.custom files scripts services credentials repositories mounts devices requires update"), f.Path) {
				t.Errorf("%s has no example", f.Path)
			}
			continue
		}
		text := exampleOf(f)
		folder := fstest.MapFS{
			"app/template.yaml":         {Data: []byte(text)},
			"app/files/docker.asc":      {Data: []byte(keyFile(t, "ed25519.asc"))},
			"app/files/site.conf":       {Data: []byte("x\n")},
			"app/scripts/10-install.sh": {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
			"app/scripts/update.sh":     {Data: []byte("#!/bin/sh\n"), Mode: 0o755}, "app/scripts/check-update.sh": {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
			"base/template.yaml": {Data: []byte("name: base\nos: debian-12\n")},
		}
		if f.Path == "repositories[].sha256" {
			text = strings.Replace(text, "docker.asc", "https://example.org/docker.asc", 1)
			folder["app/template.yaml"].Data = []byte(text)
		}
		keys := []Source{{Key: func(string, string) ([]byte, error) { return []byte(keyFile(t, "ed25519.asc")), nil }}}
		if _, err := (Source{FS: folder}).load("app", keys); err != nil {
			t.Errorf("the example of %s: %v\n%s", f.Path, err, text)
		}
	}
}

// exampleOf is a template.yaml with the example of one field, and what that field needs
// beside it.
func exampleOf(f Field) string {
	needs := map[string]string{
		"files[]": "target: /etc/x", "credentials[]": "service: x, keys: [A]", "repositories[]": "name: x, uris: ['https://e'], suites: [s], components: [c], key: docker.asc", "services[]": "name: x", "update": "run: update.sh", "scripts[]": "name: 10-install.sh",
		"packages.apt[]": "name: x", "packages.custom[]": "name: x, check: 'true', install: 'true'",
		"network[].gateway": "ip: 192.168.1.20/24", "network[].gateway6": "ip6: 'fd00::2/64'", "variables.NAME.default": "type: port",
		"files[].policy": "source: site.conf", "files[].template": "source: site.conf", "files[].notify": "source: site.conf", "files[].check": "source: site.conf", "files[].stage": "source: site.conf",
		"variables.NAME.values": "type: enum, required: true", "variables.NAME.min": "type: int", "variables.NAME.max": "type: int",
		"mounts[]": "path: /srv/x", "mounts[].path": "size: 1", "mounts[].storage": "size: 1", "mounts[].backup": "size: 1",
		"mounts[].readonly": "size: 1", "mounts[].options": "size: 1", "mounts[].idmap": "size: 1", "devices[]": "path: /dev/net/tun",
		"services[].protocol": "port: 53", "services[].tcp": "port: 53", "services[].http": "port: 80", "services[].https": "port: 443", "services[].timeout": "port: 53",
	}
	parts := strings.Split(f.Path, ".")
	text, path := f.Example, f.Path
	for i := len(parts) - 1; i >= 0; i-- {
		name, isList := strings.CutSuffix(parts[i], "[]")
		if i < len(parts)-1 {
			more := needs[path]
			if also := needs[f.Path]; i == len(parts)-2 && also != "" {
				more = strings.TrimPrefix(more+", "+also, ", ")
			}
			var other []string
			for pair := range strings.SplitSeq(more, ", ") {
				if key, _, _ := strings.Cut(pair, ":"); pair != "" && !strings.HasPrefix(text, key+":") {
					other = append(other, pair)
				}
			}
			text = "{" + strings.Join(append([]string{text}, other...), ", ") + "}"
		}
		if isList {
			text = "[" + text + "]"
		}
		text = name + ": " + text
		path = strings.TrimSuffix(path, "."+parts[i])
	}
	for _, least := range []string{"name: x", "os: debian-12"} {
		if key, _, _ := strings.Cut(least, ":"); key != f.Path {
			text = least + "\n" + text
		}
	}
	return text + "\n"
}

// The published schema has every text and example, too: editors show them.
func TestSchemaHasExamples(t *testing.T) {
	var s struct {
		Properties map[string]struct {
			Properties map[string]struct {
				Description string
				Examples    []any
			}
		}
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	cores := s.Properties["resources"].Properties["cores"]
	if cores.Description == "" || len(cores.Examples) != 1 || cores.Examples[0] != 2.0 {
		t.Errorf("cores: %+v", cores)
	}
}
