package fleet

import (
	"encoding/json"
	"reflect"

	"github.com/infrahaus/infrahaus/internal/template"
)

// SchemaID is the address of the published JSON Schema of a fleet file.
const SchemaID = "https://raw.githubusercontent.com/infrahaus/infrahaus/main/templates/fleet.schema.json"

// Fields lists the fields of a fleet file in the order of the types that read it. Those of
// defaults stand for those of a container, too.
func Fields() []template.Field { return template.FieldsOf(reflect.TypeFor[document]()) }

// nameForm is a container's name in a fleet file: a hostname, perhaps with the place of the
// number. Parse checks the length of each name that is made of it.
const nameForm = `^[A-Za-z0-9%]([A-Za-z0-9%-]*[A-Za-z0-9%])?(\.[A-Za-z0-9%]([A-Za-z0-9%-]*[A-Za-z0-9%])?)*$`

// Schema is the JSON Schema of a fleet file, made from the types that read it. It does not
// know what needs several values: ranges of addresses, names that are the same, and
// containers that wait for each other.
func Schema() []byte {
	s := template.StrictSchema(reflect.TypeFor[document]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = SchemaID
	s["title"] = "infrahaus fleet"
	s["type"] = "object"
	properties := s["properties"].(map[string]any)
	defaults := properties["defaults"].(map[string]any)
	allowed := defaults["properties"].(map[string]any)
	delete(allowed, "count")
	delete(allowed, "needs")
	containers := properties["containers"].(map[string]any)
	containers["propertyNames"] = map[string]any{"pattern": nameForm}
	one := containers["additionalProperties"].(map[string]any)
	one["not"] = map[string]any{"type": "object", "required": []string{"ctid", "count"}, "properties": map[string]any{"ctid": given(), "count": given()}}
	// The system comes from the defaults, or from each container.
	s["anyOf"] = []any{
		map[string]any{"required": []string{"defaults"}, "properties": map[string]any{"defaults": system()}},
		map[string]any{"properties": map[string]any{"containers": map[string]any{"additionalProperties": system()}}},
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("fleet: " + err.Error()) // cannot happen: maps of plain values
	}
	return append(b, '\n')
}

func given() map[string]any { return map[string]any{"not": map[string]any{"type": "null"}} }

// system is an object with a system for its containers.
func system() map[string]any {
	var one []map[string]any
	for _, key := range []string{"template", "os", "image"} {
		one = append(one, map[string]any{"required": []string{key}, "properties": map[string]any{key: given()}})
	}
	return map[string]any{"type": "object", "anyOf": one}
}
