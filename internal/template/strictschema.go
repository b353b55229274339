package template

import (
	"reflect"
	"strconv"
	"strings"
)

// StrictSchema is the JSON Schema of what ReadStrict reads into a type: null counts as missing,
// and a text may be written as a number or a truth value.
func StrictSchema(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Pointer:
		return StrictSchema(t.Elem())
	case reflect.Struct:
		return strictObject(t)
	case reflect.Map:
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": StrictSchema(t.Elem())}
	case reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": StrictSchema(t.Elem())}
	case reflect.Int:
		return map[string]any{"type": []string{"integer", "null"}}
	case reflect.Float64:
		return map[string]any{"type": []string{"number", "null"}}
	case reflect.Bool:
		return map[string]any{"type": []string{"boolean", "null"}}
	}
	return map[string]any{"type": []string{"string", "number", "boolean", "null"}}
}

func strictObject(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, must := tag.Get("yaml"), tag.Get("required") == "true"
		s := StrictSchema(t.Field(i).Type)
		switch pattern, enum := tag.Get("pattern"), tag.Get("enum"); {
		case pattern != "":
			s["type"], s["pattern"] = []string{"string", "null"}, pattern
		case enum != "":
			delete(s, "type")
			words := []any{nil}
			for word := range strings.SplitSeq(enum, ",") {
				words = append(words, word)
			}
			s["enum"] = words
		}
		if must {
			required = append(required, name)
			s["not"] = map[string]any{"type": "null"}
		}
		if hi, err := strconv.ParseFloat(tag.Get("max"), 64); err == nil {
			lo, _ := strconv.ParseFloat(tag.Get("min"), 64)
			s["minimum"], s["maximum"] = lo, hi
		}
		s["description"] = tag.Get("desc")
		properties[name] = s
	}
	out := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	if required != nil {
		out["required"] = required
	}
	return out
}
