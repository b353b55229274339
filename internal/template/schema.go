package template

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SchemaID is the address of the published JSON Schema of template.yaml.
const SchemaID = "https://raw.githubusercontent.com/infrahaus/infrahaus/main/templates/template.schema.json"

// Schema is the JSON Schema of template.yaml, made from the types that read it.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[document]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = SchemaID
	s["title"] = "infrahaus template"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("template: " + err.Error()) // cannot happen: maps of plain values
	}
	return append(b, '\n')
}

func schemaOf(t reflect.Type) map[string]any {
	if u, ok := reflect.New(t).Interface().(union); ok {
		return u.jsonSchema()
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	}
	return map[string]any{"type": "string"}
}

func structSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	var either []any
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		properties[name] = fieldSchema(f)
		switch other := f.Tag.Get("unless"); {
		case other != "":
			either = []any{map[string]any{"required": []string{name}}, map[string]any{"required": []string{other}}}
		case f.Tag.Get("required") == "true":
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	if either != nil {
		s["anyOf"] = either
	}
	return s
}

// fieldSchema adds a field's tags to the schema of its type. The limits of a list apply
// to its items.
func fieldSchema(f reflect.StructField) map[string]any {
	s := schemaOf(f.Type)
	limited := s
	if items, ok := s["items"].(map[string]any); ok {
		limited = items
	}
	if p := f.Tag.Get("pattern"); p != "" {
		limited["pattern"] = p
	}
	if e := f.Tag.Get("enum"); e != "" {
		limited["enum"] = strings.Split(e, ",")
	}
	if hi, err := strconv.Atoi(f.Tag.Get("max")); err == nil {
		lo, _ := strconv.Atoi(f.Tag.Get("min"))
		limited["minimum"], limited["maximum"] = lo, hi
	}
	if d := f.Tag.Get("desc"); d != "" {
		s["description"] = d
	}
	var example any
	if e := f.Tag.Get("example"); e != "" && yaml.Unmarshal([]byte(e), &example) == nil {
		s["examples"] = []any{example}
	}
	return s
}
