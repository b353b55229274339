package template

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar fills a string, a number or a bool.
func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.bad(path, "", "it must be %s, not %s", noun(v.Kind()), kind(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		// Numbers and booleans keep their written form.
		v.SetString(n.Value)
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if err != nil || n.ShortTag() != "!!int" {
			d.bad(path, inUnit(n.Value, d.hint), "it must be a whole number, not %q", n.Value)
			return
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || n.ShortTag() != "!!int" && n.ShortTag() != "!!float" {
			d.bad(path, "write it without quotes and units", "it must be a number, not %q", n.Value)
			return
		}
		v.SetFloat(f)
	case reflect.Bool:
		if n.Value != "true" && n.Value != "false" || n.ShortTag() != "!!bool" {
			d.bad(path, asBool(n.Value), "it must be true or false, not %q", n.Value)
			return
		}
		v.SetBool(n.Value == "true")
	default:
		panic("template: a document field of kind " + v.Kind().String())
	}
}

// check compares a decoded value with the tags of its field.
func (d *decoder) check(path string, v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Pointer:
		d.check(path, v.Elem(), tag)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.String {
			return
		}
		for i := range v.Len() {
			d.check(fmt.Sprintf("%s[%d]", path, i), v.Index(i), tag)
		}
	case reflect.Int:
		lo, _ := strconv.ParseInt(tag.Get("min"), 10, 64)
		hi, err := strconv.ParseInt(tag.Get("max"), 10, 64)
		if err == nil && (v.Int() < lo || v.Int() > hi) {
			d.bad(path, tag.Get("hint"), "%d is not within %d..%d", v.Int(), lo, hi)
		}
	case reflect.Float64:
		lo, _ := strconv.ParseFloat(tag.Get("min"), 64)
		hi, err := strconv.ParseFloat(tag.Get("max"), 64)
		if f := v.Float(); err == nil && !(f >= lo && f <= hi) { // NaN is within nothing
			d.bad(path, tag.Get("hint"), "%g is not within %g..%g", f, lo, hi)
		}
	case reflect.String:
		if enum := tag.Get("enum"); enum != "" {
			words := strings.Split(enum, ",")
			if !contains(words, v.String()) {
				d.bad(path, oneOf(v.String(), words), "%q is not known", v.String())
			}
		}
		if p := tag.Get("pattern"); p != "" && !regexp.MustCompile(p).MatchString(v.String()) {
			d.bad(path, tag.Get("hint"), "%q will not do", v.String())
		}
	}
}
