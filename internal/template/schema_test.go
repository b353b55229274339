package template

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the published schema again")

const published = "../../templates/template.schema.json"

func TestPublishedSchema(t *testing.T) {
	if *update {
		if err := os.WriteFile(published, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(published)
	if err != nil || !bytes.Equal(got, Schema()) {
		t.Errorf("%s is not what the types say: go test ./internal/template -run Schema -update (%v)", published, err)
	}
}

// The schema lists the same words as the code.
func TestSchemaWords(t *testing.T) {
	if got := fieldTag(reflect.TypeFor[variableDoc](), "Type", "enum"); got != strings.Join(Types, ",") {
		t.Errorf("types %s", got)
	}
	if got := fieldTag(reflect.TypeFor[fileDoc](), "Policy", "enum"); got != strings.Join([]string{string(Replace), string(Default), string(Backup)}, ",") {
		t.Errorf("policies %s", got)
	}
	var managers []string
	pd := reflect.TypeFor[packagesDoc]()
	for i := range pd.NumField() {
		f := pd.Field(i)
		managers = append(managers, f.Tag.Get("yaml"))
	}
	if p := fieldTag(reflect.TypeFor[packageDoc](), "Name", "pattern"); p != packageName().String() {
		t.Errorf("packages take %s, a list takes %s", p, packageName())
	}
	if !slices.Equal(managers, append(slices.Clone(Managers), "custom")) {
		t.Errorf("managers %q", managers)
	}
	if got := fieldTag(reflect.TypeFor[customFields](), "Name", "pattern"); got != customName().String() {
		t.Errorf("custom names: %s", got)
	}
}

// Every pattern works in Go and in JavaScript, every field has a name, and the decoder
// also requires what the schema requires.
func TestSchemaIsSound(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if p, ok := m["pattern"].(string); ok {
			if _, err := regexp.Compile(p); err != nil || strings.Contains(p, "(?") {
				t.Errorf("%s: pattern %s", path, p)
			}
		}
		for k, sub := range m {
			if k == "" {
				t.Errorf("%s: a field has no name", path)
			}
			walk(path+"/"+k, sub)
		}
	}
	walk("", s)
	if got := s["required"]; !reflect.DeepEqual(got, []any{"name"}) {
		t.Errorf("required %v", got)
	}
	either := []any{map[string]any{"required": []any{"os"}}, map[string]any{"required": []any{"extends"}}}
	if got := s["anyOf"]; !reflect.DeepEqual(got, either) {
		t.Errorf("required, or inherited: %v", got)
	}
}
