package template

import (
	"reflect"
	"strings"
)

// Field is one field of template.yaml, for help and documentation.
type Field struct {
	Path     string   // such as files[].source or variables.NAME.type
	Text     string   // "" never: a test refuses it
	Example  string   // the value, as YAML; "" for a field that only holds other fields
	Words    []string // the values that it may have, if they are few
	Range    string   // such as 1..128
	Required bool
}

// Fields lists the fields of template.yaml in the order of the types that read it.
func Fields() []Field { return fieldsOf(reflect.TypeFor[document](), "", map[reflect.Type]bool{}) }

// FieldsOf lists the fields of another file's type, as Fields does.
func FieldsOf(t reflect.Type) []Field { return fieldsOf(t, "", map[reflect.Type]bool{}) }

// fieldsOf describes a type once: a package has the same fields under every manager.
func fieldsOf(t reflect.Type, below string, told map[reflect.Type]bool) []Field {
	var out []Field
	if told[t] {
		return nil
	}
	told[t] = true
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		path := below + tag.Get("yaml")
		f := Field{Path: path, Text: tag.Get("desc"), Example: tag.Get("example"), Required: tag.Get("required") == "true"}
		if e := tag.Get("enum"); e != "" {
			f.Words = strings.Split(e, ",")
		}
		if hi := tag.Get("max"); hi != "" {
			f.Range = tag.Get("min") + ".." + hi
		}
		out = append(out, f)
		switch sub := t.Field(i).Type; {
		case sub.Kind() == reflect.Map && described(sub.Elem()):
			out = append(out, fieldsOf(sub.Elem(), path+".NAME.", told)...)
		case sub.Kind() == reflect.Slice && described(sub.Elem()):
			out = append(out, fieldsOf(sub.Elem(), path+"[].", told)...)
		case described(sub):
			out = append(out, fieldsOf(sub, path+".", told)...)
		}
	}
	return out
}

// described reports that t is an object of the file, and not a value in a form of its own.
func described(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() > 0 && t.Field(0).Tag.Get("yaml") != ""
}
